"""The settings as a Prefect block: for a server whose flows need more than one set of them."""

from pathlib import Path
from typing import Any, cast

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.settings import Settings, settings


def _said_of(name: str) -> str | None:
    return Settings.model_fields[name].description


class CloudTrailSettings(Block):
    """What a run needs to know, kept in Prefect; what is left empty comes from the worker's environment."""

    _block_type_name = "CloudTrail Settings"
    _block_type_slug = "cloudtrail-settings"
    # AWS's, as other AWS blocks have it in Prefect's own catalogue.
    _logo_url = HttpUrl(
        "https://cdn.sanity.io/images/3ugk85nk/production/d74b16fe84ce626345adf235a47008fea2869a60-225x225.png"
    )
    _description = (
        "What prefect-cloudtrail's flows need to know: where the trail, the databases and the state are. "
        "What is left empty comes from PREFECT_CLOUDTRAIL_... in the worker's environment."
    )
    _code_example = """
        ```python
        from prefect.deployments import run_deployment
        from prefect_cloudtrail import CloudTrailSettings

        CloudTrailSettings(source="s3://example-trail", tell_from=0.1).save("prod")
        run_deployment("detect/detect", parameters={"settings_block": "prod"})
        ```
    """

    source: str | None = Field(default=None, description=_said_of("source"))
    trail: str | None = Field(default=None, description=_said_of("trail"))
    city_db: Path | None = Field(default=None, description=_said_of("city_db"))
    asn_db: Path | None = Field(default=None, description=_said_of("asn_db"))
    networks: Path | None = Field(default=None, description=_said_of("networks"))
    state: str | None = Field(default=None, description=_said_of("state"))
    database: SecretStr | None = Field(default=None, description=_said_of("database"))
    endpoint_url: str | None = Field(default=None, description=_said_of("endpoint_url"))
    region: str | None = Field(default=None, description=_said_of("region"))
    role_arn: str | None = Field(default=None, description=_said_of("role_arn"))
    external_id: str | None = Field(default=None, description=_said_of("external_id"))
    reader_role: str | None = Field(default=None, description=_said_of("reader_role"))
    list_back_hours: float | None = Field(default=None, description=_said_of("list_back_hours"))
    look_back_hours: float | None = Field(default=None, description=_said_of("look_back_hours"))
    processes: int | None = Field(default=None, description=_said_of("processes"))
    max_object_mb: int | None = Field(default=None, description=_said_of("max_object_mb"))
    tell_from: float | None = Field(default=None, description=_said_of("tell_from"))
    routes: Path | None = Field(default=None, description=_said_of("routes"))
    slack_channel: str | None = Field(default=None, description=_said_of("slack_channel"))
    slack_token: SecretStr | None = Field(default=None, description=_said_of("slack_token"))
    slack_groups: str | None = Field(default=None, description=_said_of("slack_groups"))
    slack_url: str | None = Field(default=None, description=_said_of("slack_url"))
    pager_url: SecretStr | None = Field(default=None, description=_said_of("pager_url"))

    def held(self) -> dict[str, Any]:
        """Return the settings that are not left empty, secrets in clear."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in values.items()
            if value not in (None, "")
        }


def known_settings(settings_block: str | None = None, **given: Any) -> Settings:  # noqa: ANN401
    """Return the settings: what is given (None is not), else what the block holds, else the environment's.

    Args:
        settings_block: name of a saved CloudTrailSettings; None is the environment alone.
        given: settings by their names.

    Raises:
        SettingsError: there is no such block, or a value does not fit.
    """
    held = _load(settings_block).held() if settings_block else {}
    return settings(**held | {name: value for name, value in given.items() if value is not None})


def _load(name: str) -> CloudTrailSettings:
    try:
        loaded = CloudTrailSettings.load(name)
    except ValueError as error:
        block, why = f"{CloudTrailSettings.get_block_type_slug()}/{name}", " ".join(str(error).split())
        raise SettingsError(f"cannot load the block {block}: {why}; save one, or leave settings_block out") from error
    # Prefect's types do not know that nobody awaits here.
    return cast("CloudTrailSettings", loaded)
