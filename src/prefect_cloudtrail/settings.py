"""The settings, each with its environment variable: `PREFECT_CLOUDTRAIL_` and its name. Command line options win."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from prefect_cloudtrail.errors import SettingsError

PREFIX = "PREFECT_CLOUDTRAIL_"
SOURCE = "Where the log objects are: a folder, s3://bucket/prefix, sqs://queue of notices, or lookup://region,region."


class Settings(BaseSettings):
    """What a run needs to know."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", hide_input_in_errors=True)

    source: str | None = Field(default=None, description=SOURCE)
    trail: str | None = Field(
        default=None,
        pattern=r"^s3://.+",
        description="With a queue as source, what its notices may name and nothing else: s3://bucket/prefix.",
    )
    city_db: Path | None = Field(
        default=None, description="City database in MaxMind's format: GeoLite2-City, GeoIP2-City, DB-IP City Lite."
    )
    asn_db: Path | None = Field(default=None, description="ASN database in the same format: who announces an address.")
    networks: Path | None = Field(
        default=None, description="CSV of networks and their kinds: own, egress, hosting, vpn, tor."
    )
    state: str = Field(
        default_factory=lambda: str(Path.home() / ".prefect-cloudtrail"),
        description="Where history and event index are kept: a folder, or s3://bucket/prefix beside PostgreSQL.",
    )
    database: str | None = Field(
        default=None,
        # It may hold a password. As text: SQLAlchemy and PostgreSQL's own tools take it so.
        repr=False,
        description="URL of the case store: postgresql://USER@HOST/NAME; SQLite in the state folder by default.",
    )
    endpoint_url: str | None = Field(default=None, description="Where AWS answers, if it is not AWS.")
    region: str | None = Field(
        default=None, description="AWS region, a queue's above all; a bucket's own is found by itself."
    )
    role_arn: str | None = Field(default=None, description="Role to assume for reading the source.")
    external_id: str | None = Field(default=None, description="External id that the role's account asks for.")
    reader_role: str | None = Field(
        default=None,
        description="Name of a role to look things up with, in every account; without it AWS is not asked.",
    )
    list_back_hours: float = Field(
        default=24,
        ge=1,
        le=24 * 30,
        description="How far before the last run objects are still looked for in a bucket.",
    )
    look_back_hours: float = Field(
        default=2, ge=0.25, le=72, description="How late a record may come and still be judged as of its own hour."
    )
    processes: int | None = Field(
        default=None, ge=1, description="How many processes read at once; as many as there are cores by default."
    )
    max_object_mb: int = Field(
        default=256, ge=1, description="Most megabytes of JSON in a log object: one with more is rejected, not held."
    )
    rules: Path | None = Field(
        default=None, description="TOML file of who may decide, and what is never touched; nobody without it."
    )
    # Not `keys`: Prefect hands settings on as a dict, which takes what has `keys` for a mapping.
    signing_keys: Path | None = Field(
        default=None, description="Folder of the keys that sign decisions: the responder's own."
    )
    tell_from: float = Field(default=0.2, ge=0, le=1, description="Risk from which on an incident is told.")

    routes: Path | None = Field(
        default=None, description="TOML table of which playbooks run for which incident; each one's own by default."
    )

    slack_channel: str | None = Field(
        default=None,
        pattern=r"^[CG][A-Z0-9]+$",
        description="Id of the Slack channel that incidents are told in; without it they are told on the terminal.",
    )
    slack_token: SecretStr | None = Field(default=None, description="The Slack app's bot token, xoxb-...")
    slack_app_token: SecretStr | None = Field(
        default=None, description="The Slack app's token for Socket Mode, xapp-...: the responder's own."
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None, description="What Slack signs its requests with, where they come over HTTP: the responder's own."
    )
    slack_groups: str | None = Field(
        default=None,
        pattern=r"^S[A-Z0-9]+( *, *S[A-Z0-9]+)*$",
        description="Ids of the user groups to call, with commas: the first at once, the next after 5 minutes each.",
    )
    slack_url: str | None = Field(default=None, description="Where Slack's Web API answers, if it is not Slack.")
    pager_url: SecretStr | None = Field(
        default=None, description="Webhook that is called when nobody answers within 5 minutes."
    )

    @field_validator("state", mode="before")
    @classmethod
    def _state_as_text(cls, state: object) -> object:
        return str(state) if isinstance(state, Path) else state

    @property
    def groups_to_call(self) -> tuple[str, ...]:
        """The user groups to call, in their order."""
        return tuple(each.strip() for each in self.slack_groups.split(",")) if self.slack_groups else ()

    @property
    def max_object_bytes(self) -> int:
        """The most bytes of JSON in a log object."""
        return self.max_object_mb * 1_000_000

    @property
    def look_back(self) -> timedelta:
        """How late a record may come and still be judged as of its own hour."""
        return timedelta(hours=self.look_back_hours)

    @property
    def list_back(self) -> timedelta:
        """How far before the last run objects are still looked for in a bucket."""
        return timedelta(hours=self.list_back_hours)


def settings(**given: Any) -> Settings:  # noqa: ANN401
    """Return the settings: what is given (None is not), else the environment, else the defaults.

    Raises:
        SettingsError: a value that does not fit; names the setting and its environment variable.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise SettingsError(f"{name} ({PREFIX}{name.upper()}) does not fit: {first['msg']}") from error
