"""An IAM user: a fence where its owner is at work, else a deny with its keys Inactive; its sessions go with it."""

from collections.abc import Sequence

from prefect_cloudtrail.response.plan import ManualStep, Plan, Step
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.plans._parts import (
    DISABLE,
    FENCE,
    REVOKE,
    Hops,
    account_of,
    at,
    by_hand,
    deny,
    hops,
    in_use,
    name_of,
    plan,
    quarantined,
    traded,
    was_in_use,
)
from prefect_cloudtrail.response.standing import Key

KINDS = ("iam_user",)

_SIGN_IN = "signin:"
_STAYS = "{user} keeps its password: a deleted one cannot be given back. It can sign in, and may do nothing there."


def propose(case: Case) -> tuple[Plan, ...]:
    """Return a fence first where the key is in use from its usual networks, then what stops the user everywhere."""
    arn = case.standing.arn
    if arn is None:
        text = f"Find out which IAM user {case.incident.principal} is: aws iam list-users; then plan again."
        return by_hand(
            case, ManualStep("find_user", text), why="CloudTrail does not name the user, and AWS does not say."
        )
    found = hops(traded(case))
    if not case.standing.exists:
        return _without_user(case, arn, found)
    keys = _stolen_keys(case)
    plans = [_fence(case, arn, found)] if was_in_use(case) and case.trace.usual_networks else []
    if keys:
        return (*plans, _disable(case, arn, keys, found))
    if case.incident.access_key_ids or _signed_in(case):
        return (*plans, _deny(case, arn, found))
    return (*plans, quarantined(case, "user", arn), _deny(case, arn, found))


def _fence(case: Case, arn: str, found: Hops) -> Plan:
    user, networks = name_of(arn), list(case.trace.usual_networks)
    step = Step("fence_principal", account_of(arn), arn, {"kind": "user", "name": user, "networks": networks})
    return plan(
        case,
        FENCE,
        (step, *found.steps),
        manual=found.manual,
        does=(f"Deny user {user} every call from outside its usual networks: {', '.join(networks)}.", *found.does),
        breaks=(f"Whoever works as {user} from anywhere else stops.",),
        survives=(
            f"Its work from those networks goes on, the last of it at {_used(case)}.",
            "Calls that AWS services make for it go on, and calls through VPC endpoints.",
            "An intruder inside those networks goes on.",
            "Its keys stay as they are.",
            *found.survives,
        ),
    )


def _disable(case: Case, arn: str, keys: Sequence[str], found: Hops) -> Plan:
    user = name_of(arn)
    stops = [
        Step("disable_access_key", account_of(arn), arn, {"user_name": user, "access_key_id": key}) for key in keys
    ]
    others = [key for key in case.standing.keys if key.access_key_id not in keys]
    return plan(
        case,
        DISABLE,
        (deny("user", arn), *stops, *found.steps),
        manual=found.manual,
        does=(
            f"Deny user {user} every call.",
            *(f"Set access key {key} of {user} Inactive{_as_it_is(case, key)}." for key in keys),
            *found.does,
        ),
        breaks=(*(_last_use(case, key) for key in keys), *in_use(case)),
        survives=(
            *(f"Access key {key.access_key_id} stays {key.status}; the deny stops it, too." for key in others),
            *_password(case, user),
            *found.survives,
        ),
        stops_service=was_in_use(case),
    )


def _deny(case: Case, arn: str, found: Hops) -> Plan:
    user = name_of(arn)
    return plan(
        case,
        REVOKE,
        (deny("user", arn), *found.steps),
        manual=found.manual,
        does=(f"Deny user {user} every call: its sessions and its keys are stopped by that.", *found.does),
        breaks=(*(_last_use(case, key.access_key_id) for key in case.standing.keys), *in_use(case)),
        survives=(
            *(f"Access key {key.access_key_id} stays {key.status}; the deny stops it." for key in case.standing.keys),
            *_password(case, user),
            *found.survives,
        ),
        stops_service=was_in_use(case),
    )


def _without_user(case: Case, arn: str, found: Hops) -> tuple[Plan, ...]:
    why = f"User {name_of(arn)} is there no more, and its keys with it."
    if not (found.steps or found.manual):
        text = f"Find out who deleted user {name_of(arn)}, and when: iam:DeleteUser in CloudTrail."
        return by_hand(case, ManualStep("find_who_deleted_it", text), why=why)
    survives = ("The sessions that it got of roles outlive it.", *found.survives)
    return (plan(case, REVOKE, found.steps, manual=found.manual, does=(why, *found.does), survives=survives),)


def _stolen_keys(case: Case) -> tuple[str, ...]:
    """Long-term keys to set Inactive: that called, that a session came from, that were made meanwhile."""
    called = set(case.incident.access_key_ids)
    sources = {each.started_by for each in case.trace.sessions if each.access_key_id in called and each.started_by}
    since = case.incident.first_event
    made = {each.access_key_id for each in case.standing.keys if each.created_at and each.created_at >= since}
    there = {each.access_key_id for each in case.standing.keys}
    wanted = {key for key in called | sources if key.startswith("AKIA")} | made
    return tuple(sorted(wanted if "access keys" in case.standing.unknown else wanted & there))


def _signed_in(case: Case) -> bool:
    commands = {alert.command for alert in case.incident.alerts} | set(case.trace.calls["command"])
    return any(command.startswith(_SIGN_IN) for command in commands)


def _key(case: Case, access_key_id: str) -> Key | None:
    return next((each for each in case.standing.keys if each.access_key_id == access_key_id), None)


def _as_it_is(case: Case, access_key_id: str) -> str:
    key = _key(case, access_key_id)
    return ", as it is already" if key and key.status == "Inactive" else ""


def _last_use(case: Case, access_key_id: str) -> str:
    key = _key(case, access_key_id)
    if key is None or f"last use of {access_key_id}" in case.standing.unknown:
        return f"When access key {access_key_id} was last used, and for what, is not known."
    if key.last_used_at is None:
        return f"Access key {access_key_id} was never used, as far as AWS says."
    service = f", for {key.last_service}" if key.last_service else ""
    return f"Access key {access_key_id} was last used at {at(key.last_used_at)}{service}."


def _used(case: Case) -> str:
    return at(case.trace.usual_calls_at) if case.trace.usual_calls_at else "a time not known"


def _password(case: Case, user: str) -> tuple[str, ...]:
    if case.standing.has_login is None:
        return (f"Whether {user} has a password is not known; one would stay, and the deny stops it.",)
    return (_STAYS.format(user=user),) if case.standing.has_login else ()
