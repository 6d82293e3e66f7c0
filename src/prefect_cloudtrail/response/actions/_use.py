"""When keys and roles were last used, as AWS says it (to the hour or so), and the sentences about it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from prefect_cloudtrail.response.asking import asking
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

# What was used within a day is in service.
_IN_SERVICE = timedelta(days=1)


@dataclass(frozen=True)
class Use:
    """The last use of a key or role; `at` is None where AWS knows of none."""

    at: datetime | None = None
    service: str | None = None
    region: str | None = None

    @property
    def words(self) -> str:
        """Return when, and for what, as it follows "was"."""
        if self.at is None:
            return "never used, as far as AWS knows"
        service = f" for {plain(self.service, 60)}" if self.service else ""
        region = f" in {plain(self.region, 60)}" if self.region else ""
        return f"last used at {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{service}{region}"

    @property
    def recent(self) -> bool:
        """Whether it is in service: used within a day."""
        return self.at is not None and datetime.now(UTC) - self.at <= _IN_SERVICE


@dataclass(frozen=True)
class KeyUse:
    """A user's access key and its last use."""

    access_key_id: str
    status: str
    use: Use

    @property
    def words(self) -> str:
        """Return it as a sentence."""
        return f"The access key {self.access_key_id} ({self.status}) was {self.use.words}."


def key_use(iam: "IAMClient", access_key_id: str) -> tuple[str | None, Use]:
    """Return whose key it is, as AWS says, and its last use."""
    with asking(f"tell whose access key {plain(access_key_id)} is"):
        answer = iam.get_access_key_last_used(AccessKeyId=access_key_id)
    last = answer["AccessKeyLastUsed"]
    at = last.get("LastUsedDate")
    known = {"service": _known(last.get("ServiceName")), "region": _known(last.get("Region"))} if at else {}
    return answer.get("UserName"), Use(at, **known)


def user_keys(iam: "IAMClient", user_name: str) -> list[KeyUse]:
    """Return the user's access keys with their last use, in the order of their ids."""
    statuses = key_statuses(iam, user_name)
    return [KeyUse(key, status, key_use(iam, key)[1]) for key, status in statuses.items()]


def key_statuses(iam: "IAMClient", user_name: str) -> dict[str, str]:
    """Return the user's access keys and whether each is Active, in the order of their ids."""
    with asking(f"list the access keys of the user {plain(user_name)}"):
        pages: Any = iam.get_paginator("list_access_keys").paginate(UserName=user_name)
        found = {key["AccessKeyId"]: str(key["Status"]) for page in pages for key in page["AccessKeyMetadata"]}
    return dict(sorted(found.items()))


def _known(value: str | None) -> str | None:
    return None if value in {None, "N/A"} else value
