"""A person of Identity Center: denied in the whole organisation by its user id, then its assignment is taken away."""

from prefect_cloudtrail.response.plan import ManualStep, Plan, Step
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.plans._parts import (
    REVOKE,
    by_hand,
    hops,
    in_use,
    name_of,
    once,
    plan,
    traded,
    was_in_use,
)
from prefect_cloudtrail.response.standing import Assignment, user_ids

KINDS = ("sso_user", "identity_center_user")


def propose(case: Case) -> tuple[Plan, ...]:
    """Return one plan: who acts is known, so that one person is stopped everywhere and nobody else."""
    person = _person(case)
    scp = _scp(case)
    management = case.standing.management_account
    assigned = case.standing.assignments if management else ()
    removals = once(_removal(str(management), case, each) for each in assigned)
    manual = (
        *([] if scp else [_denied_by_hand(case, person)]),
        _portal(person),
        *([] if assigned else [_find_assignments(case, person)]),
    )
    found = hops(traded(case))
    if not (scp or removals or found.steps):
        return by_hand(
            case, *manual, *found.manual, why=f"Nothing can be done to {person} without the organisation's account."
        )
    return (
        plan(
            case,
            REVOKE,
            (*scp, *removals, *found.steps),
            manual=(*manual, *found.manual),
            does=(
                *(
                    f"Deny {person} every call in account {step.arguments['target_account_id']}, by an SCP."
                    for step in scp
                ),
                *(_taken(person, each) for each in assigned),
                *found.does,
            ),
            breaks=(f"{person} can work there no more, from anywhere.", *in_use(case)),
            survives=(
                f"Sessions of {person} in other accounts go on.",
                "The portal's session lives on until it is ended by hand, and gives new role sessions until then.",
                *found.survives,
            ),
            stops_service=was_in_use(case),
        ),
    )


def _person(case: Case) -> str:
    if case.incident.principal_kind == "sso_user":
        return name_of(case.incident.principal)
    return f"Identity Center user {case.incident.principal}"


def _scp(case: Case) -> tuple[Step, ...]:
    """A deny for each of the incident's accounts; none reaches the management account."""
    management, user_id = case.standing.management_account, case.standing.identity_user_id
    if management is None:
        return ()
    accounts = sorted({case.standing.account_id, *(alert.account_id for alert in case.incident.alerts)} - {management})
    whom: list[dict[str, str]] = [{"identitystore_user_id": user_id}] if user_id else []
    ids = [] if user_id else user_ids(case.incident, case.trace, case.standing.role_id)
    target = f"arn:aws:identitystore:::user/{user_id}" if user_id else case.standing.arn or case.incident.principal
    return tuple(
        Step("deny_by_scp", management, target, {"target_account_id": account} | each)
        for account in accounts
        for each in (*whom, *({"user_id": each} for each in ids))
    )


def _removal(management: str, case: Case, assignment: Assignment) -> Step:
    """An assignment of its own is taken; of a group's, its membership: the others keep theirs."""
    if assignment.principal_type == "GROUP":
        arguments = {
            "identity_store_id": assignment.identity_store_id,
            "group_id": assignment.principal_id,
            "user_id": str(case.standing.identity_user_id),
        }
        target = f"arn:aws:identitystore:::group/{assignment.principal_id}"
    else:
        arguments = {
            "instance_arn": assignment.instance_arn,
            "permission_set_arn": assignment.permission_set_arn,
            "target_account_id": assignment.target_id,
            "principal_type": assignment.principal_type,
            "principal_id": assignment.principal_id,
        }
        target = assignment.permission_set_arn
    return Step("remove_assignment", management, target, arguments | {"region": assignment.region})


def _taken(person: str, assignment: Assignment) -> str:
    what = assignment.name or name_of(assignment.permission_set_arn)
    if assignment.principal_type == "GROUP":
        group = assignment.principal_id
        return f"Take {person} out of group {group}, which has {what} in account {assignment.target_id}."
    return f"Take {what} in account {assignment.target_id} away from {person}."


def _portal(person: str) -> ManualStep:
    return ManualStep(
        "end_portal_session",
        f"End the portal sessions of {person}: IAM Identity Center, Users, {person}, Active sessions, Delete; "
        "and disable the user at your identity provider.",
    )


def _denied_by_hand(case: Case, person: str) -> ManualStep:
    why = (
        "this is the management account, which no SCP reaches"
        if case.standing.is_management_account
        else "the management account or the user's id is not known"
    )
    return ManualStep(
        "deny_person",
        f"Disable {person}: IAM Identity Center, Users, {person}, Disable user access. No step denies it, since {why}.",
    )


def _find_assignments(case: Case, person: str) -> ManualStep:
    return ManualStep(
        "remove_assignments",
        f"Take away what {person} was assigned in account {case.standing.account_id}: IAM Identity Center, AWS "
        "accounts. None that a step could take was found.",
    )
