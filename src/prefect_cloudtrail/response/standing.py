"""How an incident's principal stands in AWS now: its keys, its role, its account. Plans are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Key:
    """An IAM user's access key; `last_used_at` and `last_service` as AWS says them, to the hour or so."""

    access_key_id: str
    status: str  # Active or Inactive
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    last_service: str | None = None


@dataclass(frozen=True)
class Standing:
    """What AWS says of a principal; what could not be asked is in `unknown`, with why.

    Attributes:
        account_id: the principal's account.
        arn: of the IAM user or role; None where the principal is neither.
        exists: whether AWS knows it still.
        keys: an IAM user's access keys.
        has_login: whether an IAM user can sign in to the console.
        role_id: a role's unique id, AROA...
        role_sessions_seen: how many different session names used the role within 48 hours: above one, it is shared.
        service_linked: a role that only AWS may change.
        tags: of the user or role, as they stand.
        is_management_account: whether the account is the organisation's management account; None where unknown.
        instance_arn: of an instance role's caller, the instance.
        profile_association_id: its instance profile's association.
        unknown: what could not be asked: what -> why.
    """

    account_id: str
    arn: str | None
    exists: bool = True
    keys: tuple[Key, ...] = ()
    has_login: bool | None = None
    role_id: str | None = None
    role_sessions_seen: int = 0
    service_linked: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    is_management_account: bool | None = None
    instance_arn: str | None = None
    profile_association_id: str | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)
