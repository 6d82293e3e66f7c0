"""The owner tag of an IAM user or role, as it stands, and whether it was changed of late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from prefect_cloudtrail.context.asked import Asked, shown
from prefect_cloudtrail.context.lookups import Unanswered

OWNER_TAGS = ("owner", "contact", "responsible")
CHANGES = ("iam:TagUser", "iam:UntagUser", "iam:TagRole", "iam:UntagRole")


@dataclass(frozen=True)
class OwnerTag:
    """What the tag says, in a sentence too; why it is not known; when it was changed in the calls of the trace."""

    owner: str | None
    sentence: str
    undetermined: str | None = None
    looked_at: str = ""
    changed_at: datetime | None = None


def owner_tag(case: Asked) -> OwnerTag:
    """Return the owner tag; the principal's own change of tags in the trace makes it doubtful."""
    account = case.incident.account_id
    if case.user_name:
        found = case.lookups.ask("iam", "ListUserTags", account, UserName=case.user_name)
    elif case.role_name:
        found = case.lookups.ask("iam", "ListRoleTags", account, RoleName=case.role_name)
    else:
        return OwnerTag(None, "It is neither an IAM user nor a role, so it has no tags.")
    if isinstance(found, Unanswered):
        return OwnerTag(None, "Its owner tag is not known.", f"its owner tag: {found.why}", "IAM")
    owner = _owner(found)
    changed = case.trace.calls.filter(pl.col("command").is_in(CHANGES))["@timestamp"].max()
    changed_at = changed if isinstance(changed, datetime) else None
    return OwnerTag(
        owner, f"Its owner tag says {shown(owner)}." if owner else "It has no owner tag.", changed_at=changed_at
    )


def _owner(found: Mapping[str, Any]) -> str | None:
    tags = {str(tag["Key"]).lower(): str(tag["Value"]) for tag in found["Tags"]}
    return next((tags[name] for name in OWNER_TAGS if tags.get(name)), None)
