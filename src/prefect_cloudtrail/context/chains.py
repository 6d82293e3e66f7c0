"""Credentials that were traded for others, told by the records of the trades."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from prefect_cloudtrail.context.traced import Session
from prefect_cloudtrail.principal import names_nobody

TRADES = (
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:GetFederationToken",
    "sts:GetSessionToken",
)
# As records write `expiration`, the older and the newer ones.
_EXPIRATIONS = ("%b %d, %Y %I:%M:%S %p", "%b %d, %Y, %I:%M:%S %p", "%Y-%m-%dT%H:%M:%SZ")


def sessions(records: Iterable[Mapping[str, Any]]) -> tuple[Session, ...]:
    """Return the sessions that these records gave credentials for, oldest first; what was refused gave none."""
    found = {each.access_key_id: each for record in records if (each := _session(record))}
    return tuple(sorted(found.values(), key=lambda each: (each.started_at, each.access_key_id or "")))


def as_seen_elsewhere(records: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return what another account calls the callers of these records, whose own names it does not know.

    A call into another account is recorded in both, and only one of the two is indexed.
    """
    names = set()
    for record in records:
        identity = part(record, "userIdentity")
        caller, _, session = str(identity.get("principalId") or "").partition(":")
        account = str(identity.get("accountId") or "")
        if caller.startswith(("AIDA", "AROA")) and account:
            names.add(
                " ".join(["account", account, caller, *([session] if session and not names_nobody(session) else [])])
            )
    return frozenset(names)


def part(record: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return the object at a path of a record; empty where there is none, or something else."""
    found: Any = record
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def time_of(record: Mapping[str, Any]) -> datetime:
    """Return when a record that was indexed happened."""
    at = datetime.fromisoformat(str(record["eventTime"]))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def account_of(arn: str) -> str | None:
    """Return the account in an ARN; None where it is no ARN, or names none."""
    parts = arn.split(":")
    return parts[4] or None if len(parts) > 5 and parts[0] == "arn" else None  # noqa: PLR2004 - an ARN has six parts


def _session(record: Mapping[str, Any]) -> Session | None:
    key = part(record, "responseElements", "credentials").get("accessKeyId")
    if record.get("errorCode") or not isinstance(key, str):
        return None
    identity, asked = part(record, "userIdentity"), part(record, "requestParameters")
    assumed = part(record, "responseElements", "assumedRoleUser")
    caller = str(identity.get("arn") or identity.get("principalId") or "unknown")
    role = str(asked.get("roleArn") or caller)
    if record.get("eventName") == "AssumeRoot":
        role = f"arn:aws:iam::{asked.get('targetPrincipal')}:root"
    account = account_of(role) or str(record.get("recipientAccountId") or identity.get("accountId") or "")
    return Session(
        role=role,
        name=str(asked.get("roleSessionName") or asked.get("name") or ""),
        account_id=account,
        access_key_id=key,
        started_by=identity.get("accessKeyId"),
        started_at=time_of(record),
        expires_at=_expiration(part(record, "responseElements", "credentials").get("expiration")),
        user_id=assumed.get("assumedRoleId"),
    )


def _expiration(said: object) -> datetime | None:
    for form in _EXPIRATIONS:
        try:
            return datetime.strptime(str(said), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
