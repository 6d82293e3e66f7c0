"""A role, or a named session of one: its sessions are revoked, narrow first, the whole role with two people."""

from dataclasses import dataclass

from prefect_cloudtrail.context.trace import Session
from prefect_cloudtrail.response.plan import ManualStep, Plan
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.plans._parts import (
    REVOKE,
    account_of,
    by_hand,
    hops,
    in_use,
    name_of,
    number,
    only_aws_changes,
    plan,
    quarantined,
    revoke,
    traded,
    was_in_use,
)
from prefect_cloudtrail.response.standing import user_ids

KINDS = ("role_session", "role")


@dataclass(frozen=True)
class Source:
    """Where the incident's session came from: sessions before it, the first first, and the key at their beginning."""

    sessions: tuple[Session, ...] = ()
    access_key_id: str | None = None


def propose(case: Case) -> tuple[Plan, ...]:
    """Return the narrow revoke first, where the session can be told apart; then the whole role's, for two people."""
    role = case.standing.arn
    if role is None:
        text = f"Find out which role {case.incident.principal} is: aws iam list-roles; then plan again."
        return by_hand(case, ManualStep("find_role", text), why="CloudTrail does not name the role.")
    if case.standing.service_linked or only_aws_changes(role):
        text = f"Ask AWS Support what uses role {name_of(role)} in account {account_of(role)}: only AWS changes it."
        return by_hand(case, ManualStep("ask_aws", text), why=f"Role {name_of(role)} takes no policy of ours.")
    if not case.standing.exists:
        text = f"Find out who deleted role {name_of(role)}, and when: iam:DeleteRole in CloudTrail."
        return by_hand(case, ManualStep("find_who_deleted_it", text), why=f"Role {name_of(role)} is there no more.")
    narrow = user_ids(case.incident, case.trace, case.standing.role_id)
    first = (_narrow(case, role, narrow),) if narrow else (quarantined(case, "role", role),)
    return (*first, _whole(case, role))


def _narrow(case: Case, role: str, narrow: tuple[str, ...]) -> Plan:
    source = _source(case)
    before, after = hops(source.sessions), hops(traded(case))
    own = tuple(revoke(role, user_id=user_id) for user_id in narrow)
    names = ", ".join(user_id.partition(":")[2] for user_id in narrow)
    return plan(
        case,
        REVOKE,
        (*before.steps, *own, *after.steps),
        manual=(*before.manual, _closed_at(role, source), *after.manual),
        does=(*before.does, f"Revoke the sessions named {names} of role {name_of(role)}.", *after.does),
        breaks=(f"Whoever else calls their session of {name_of(role)} {names} is stopped, too.", *in_use(case)),
        survives=(
            f"Sessions of {name_of(role)} of any other name go on; who may assume it can do so again, by another name.",
            *(after.survives or before.survives),
        ),
        stops_service=was_in_use(case),
    )


def _whole(case: Case, role: str) -> Plan:
    source = _source(case)
    before, after = hops(source.sessions), hops(traded(case))
    seen = case.standing.role_sessions_seen
    shared = f"{number(seen, 'session')} of it were seen within 48 hours" if seen > 1 else "others may use it"
    return plan(
        case,
        REVOKE,
        (*before.steps, revoke(role), *after.steps),
        manual=(*before.manual, _closed_at(role, source), *after.manual),
        approvers=2,
        why_two=f"All sessions of role {name_of(role)} stop, whoever's they are: {shared}.",
        does=(*before.does, f"Revoke every session of role {name_of(role)} that there is.", *after.does),
        breaks=(
            f"Everybody who works as {name_of(role)} stops until they assume it again: {shared}.",
            *in_use(case),
        ),
        survives=(
            f"Who may assume {name_of(role)} can do so again.",
            *(after.survives or before.survives),
        ),
        stops_service=was_in_use(case) or seen > 1,
    )


def _source(case: Case) -> Source:
    """Where the session came from, as far back as CloudTrail was read."""
    by_key = {each.access_key_id: each for each in case.trace.sessions if each.access_key_id}
    own = next((by_key[key] for key in case.incident.access_key_ids if key in by_key), None)
    found: list[Session] = []
    key = own.started_by if own else None
    while key in by_key and by_key[key] not in found:
        found.insert(0, by_key[key])
        key = by_key[key].started_by
    return Source(tuple(each for each in found if ":role/" in each.role), key)


def _closed_at(role: str, source: Source) -> ManualStep:
    name = name_of(role)
    if source.access_key_id:
        key = source.access_key_id
        return ManualStep(
            "close_source",
            f"Access key {key} assumed role {name}, and can do so again: find its user with "
            f"aws iam get-access-key-last-used --access-key-id {key}, and set it Inactive.",
        )
    return ManualStep(
        "close_source",
        f"Find who assumed role {name} (sts:AssumeRole in CloudTrail) and who may (aws iam get-role --role-name "
        f"{name}), and close that way: a new session is not stopped.",
    )
