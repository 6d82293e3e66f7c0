"""Somebody whom an identity provider, or a broker of ours, signs in: stopped there first, then in the role."""

from prefect_cloudtrail.response.plan import ManualStep, Plan
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.plans._parts import (
    REVOKE,
    by_hand,
    deny,
    hops,
    in_use,
    name_of,
    plan,
    revoke,
    traded,
    was_in_use,
)

KINDS = ("saml_user", "web_identity_user", "federated_user")


def propose(case: Case) -> tuple[Plan, ...]:
    """Return a step by hand at the provider with what AWS can revoke; then the whole role's, for two people."""
    if case.incident.principal_kind == "federated_user":
        return _of_a_broker(case)
    first = ManualStep("disable_at_provider", _at_provider(case))
    sessions = traded(case, by_anybody=True)
    if not sessions:
        return by_hand(case, first, why="It has no session of a role of ours that CloudTrail tells of.")
    found = hops(sessions)
    roles = list(dict.fromkeys(each.role for each in sessions if each.started_by is None)) or [sessions[0].role]
    names = ", ".join(map(name_of, roles))
    again = "Until it is disabled at the provider it can sign in again."
    narrow = plan(
        case,
        REVOKE,
        found.steps,
        manual=(first, *found.manual),
        does=found.does,
        breaks=in_use(case),
        survives=(again, *found.survives),
        stops_service=was_in_use(case),
    )
    whole = plan(
        case,
        REVOKE,
        (*(revoke(role) for role in roles), *found.steps),
        manual=(first, *found.manual),
        approvers=2,
        why_two=f"All sessions of {names} stop, whoever the provider signed in.",
        does=(f"Revoke every session of {names} that there is.", *found.does),
        breaks=(f"Everybody who works as {names} stops until they sign in again.", *in_use(case)),
        survives=(again, *found.survives),
        stops_service=True,
    )
    return (narrow, whole)


def _of_a_broker(case: Case) -> tuple[Plan, ...]:
    name = name_of(case.incident.principal)
    broker = case.standing.arn
    first = ManualStep(
        "disable_at_broker", f"Disable {name} in the program that signs it in (it calls sts:GetFederationToken)."
    )
    if broker is None or not case.standing.exists:
        return by_hand(case, first, why="The user whose key signs it in is not known, or there no more.")
    user = name_of(broker)
    found = hops(traded(case))
    return (
        plan(
            case,
            REVOKE,
            (deny("user", broker), *found.steps),
            manual=(first, *found.manual),
            approvers=2,
            why_two=f"Everybody whom user {user} signs in stops.",
            does=(
                f"Deny user {user}, whose key signs {name} in, every call, its sessions too.",
                *found.does,
            ),
            breaks=(f"Everybody whom user {user} signs in stops, and so does {user}.", *in_use(case)),
            survives=(f"The keys of {user} stay as they are; the deny stops them.", *found.survives),
            stops_service=True,
        ),
    )


def _at_provider(case: Case) -> str:
    return (
        f"Disable {case.incident.principal} at the identity provider that its name begins with, end its sessions "
        "there, and set its password and second factor anew."
    )
