"""A caller from an account that is not ours: out of the role it assumed, then out of that role's trust."""

from prefect_cloudtrail.response.plan import ManualStep, Plan, Step
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.plans._parts import (
    REVOKE,
    account_of,
    by_hand,
    hops,
    in_use,
    name_of,
    plan,
    traded,
    was_in_use,
)

KINDS = ("aws_account",)


def propose(case: Case) -> tuple[Plan, ...]:
    """Return the revoke of what it assumed first; then that with a deny in the trust, for two people."""
    caller = _account(case)
    sessions = traded(case, by_anybody=True)
    if not sessions:
        text = (
            f"Find which resource policy lets account {caller} in: the calls of the incident name the bucket, key or "
            "queue; take the account out of its policy."
        )
        return by_hand(
            case,
            ManualStep("close_resource_policy", text),
            why=f"Account {caller} assumed no role of ours: there is nobody of ours to stop.",
        )
    found = hops(sessions)
    ours = list(dict.fromkeys(each.role for each in sessions if each.started_by is None)) or [sessions[0].role]
    names = ", ".join(f"{name_of(role)} in account {account_of(role)}" for role in ours)
    again = f"Account {caller} can assume {names} again."
    only_revoke = plan(
        case,
        REVOKE,
        found.steps,
        manual=found.manual,
        does=found.does,
        breaks=(f"What account {caller} does with us stops until it assumes a role again.", *in_use(case)),
        survives=(again, *found.survives),
        stops_service=was_in_use(case),
    )
    denied = tuple(
        Step(
            "deny_in_trust",
            account_of(role),
            role,
            {"role_name": name_of(role), "from_account_id": caller},
        )
        for role in ours
    )
    # The trust first: a session that is revoked before could be asked for again.
    with_trust = plan(
        case,
        REVOKE,
        (*denied, *found.steps),
        manual=found.manual,
        approvers=2,
        why_two=f"Nobody of account {caller} can assume {names} any more: whoever needs it there is locked out.",
        does=(f"Deny account {caller} in the trust of {names}.", *found.does),
        breaks=(f"All that account {caller} does as {names} stops.", *in_use(case)),
        survives=(f"Other accounts that may assume {names} go on.", *found.survives),
        stops_service=was_in_use(case),
    )
    return (only_revoke, with_trust)


def _account(case: Case) -> str:
    """The account of a principal such as `account 111122223333 AIDAEXAMPLE`."""
    return case.incident.principal.split()[1]
