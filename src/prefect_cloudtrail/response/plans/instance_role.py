"""An EC2 instance's role: the instance's sessions alone are revoked, and it gets fresh credentials."""

from prefect_cloudtrail.response.plan import ManualStep, Plan, Step
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.plans._parts import (
    REVOKE,
    account_of,
    by_hand,
    hops,
    in_use,
    name_of,
    number,
    plan,
    revoke,
    traded,
    was_in_use,
)
from prefect_cloudtrail.response.standing import user_ids

KINDS = ("instance_role",)


def propose(case: Case) -> tuple[Plan, ...]:
    """Return the instance's own revoke first, where it is known; then the whole fleet's, for two people."""
    role = case.standing.arn
    if role is None or not case.standing.exists:
        text = f"Find out which role {case.incident.principal} was: iam:DeleteRole in CloudTrail; stop its instances."
        return by_hand(case, ManualStep("find_role", text), why="The role is not known, or there no more.")
    narrow = user_ids(case.incident, case.trace, case.standing.role_id)
    return (*((_narrow(case, role, narrow),) if narrow else ()), _whole(case, role))


def _narrow(case: Case, role: str, narrow: tuple[str, ...]) -> Plan:
    ids = [user_id.partition(":")[2] for user_id in narrow]
    found = hops(traded(case))
    fresh = _reassociation(case)
    names = ", ".join(ids)
    instance = case.standing.instance_arn
    revoked = [revoke(role, instance_arn=instance)] if instance else [revoke(role, user_id=each) for each in narrow]
    return plan(
        case,
        REVOKE,
        (*revoked, *fresh, *found.steps),
        manual=(_clean(names), *(() if fresh else (_reassociated_by_hand(names, account_of(role)),)), *found.manual),
        does=(
            f"Revoke the sessions of instance {names} of role {name_of(role)}.",
            *(f"Give instance {names} fresh credentials: its instance profile is associated again." for _ in fresh),
            *found.does,
        ),
        breaks=(f"What runs on instance {names} is denied until it has fresh credentials.", *in_use(case)),
        survives=(
            f"Other instances of role {name_of(role)} go on.",
            f"Who is on instance {names} gets its fresh credentials, too.",
            *found.survives,
        ),
        stops_service=was_in_use(case) or not fresh,
    )


def _whole(case: Case, role: str) -> Plan:
    found = hops(traded(case))
    seen = case.standing.role_sessions_seen
    shared = f"{number(seen, 'session')} of it were seen within 48 hours" if seen > 1 else "a fleet may use it"
    return plan(
        case,
        REVOKE,
        (revoke(role), *found.steps),
        manual=(_clean(f"of role {name_of(role)}"), _rotated(role), *found.manual),
        approvers=2,
        why_two=f"All instances of role {name_of(role)} stop: {shared}.",
        does=(f"Revoke the sessions of every instance of role {name_of(role)}.", *found.does),
        breaks=(
            f"All instances of role {name_of(role)} are denied until their credentials rotate: {shared}.",
            "That takes up to 6 hours, unless their profiles are associated again.",
            *in_use(case),
        ),
        survives=("Who is on an instance gets its fresh credentials, too.", *found.survives),
        stops_service=True,
    )


def _reassociation(case: Case) -> tuple[Step, ...]:
    stands = case.standing
    if not (stands.instance_arn and stands.profile_association_id):
        return ()
    arguments = {"instance_id": name_of(stands.instance_arn), "region": stands.instance_arn.split(":")[3]}
    return (Step("reassociate_profile", account_of(stands.instance_arn), stands.instance_arn, arguments),)


def _clean(names: str) -> ManualStep:
    return ManualStep(
        "clean_instance",
        f"Isolate the instance {names}, keep a snapshot of its disk, and find how its credentials were read (IMDSv1, a "
        "request made for somebody else, a shell).",
    )


def _reassociated_by_hand(names: str, account_id: str) -> ManualStep:
    return ManualStep(
        "reassociate_profile",
        f"Give instance {names} in account {account_id} fresh credentials: aws ec2 "
        "replace-iam-instance-profile-association. Its association could not be read.",
    )


def _rotated(role: str) -> ManualStep:
    return ManualStep(
        "rotate_fleet",
        f"Give every instance of role {name_of(role)} in account {account_of(role)} fresh credentials: aws ec2 "
        "replace-iam-instance-profile-association for each, or wait up to 6 hours.",
    )
