"""An instance role's plans, whole."""

from plan_cases import (
    ACCOUNT,
    IN_USE,
    NOT_IN_USE,
    OTHER_ACCOUNT,
    RENEWS,
    TEMPORARY,
    a_case,
    a_plan,
    a_session,
    a_trace,
    in_use,
    revoke,
)

from prefect_cloudtrail.context.trace import Trace
from prefect_cloudtrail.response.plan import ManualStep, Plan, Step
from prefect_cloudtrail.response.plans import instance_role
from prefect_cloudtrail.response.standing import Standing

ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
INSTANCE = "i-0123456789abcdef0"
ARN = f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/{INSTANCE}"
RECORD = {"userIdentity": {"accessKeyId": TEMPORARY, "principalId": f"AROAWEB:{INSTANCE}"}}
KNOWN = {"role_id": "AROAWEB", "instance_arn": ARN, "profile_association_id": "iip-assoc-1"}
CLEAN = ManualStep(
    "clean_instance",
    f"Isolate the instance {INSTANCE}, keep a snapshot of its disk, and find how its credentials were read (IMDSv1, a "
    "request made for somebody else, a shell).",
)
WHOLE = a_plan(
    ROLE,
    "revoke_sessions",
    (revoke("web"),),
    manual=(
        ManualStep(
            "clean_instance",
            "Isolate the instance of role web, keep a snapshot of its disk, and find how its credentials were read "
            "(IMDSv1, a request made for somebody else, a shell).",
        ),
        ManualStep(
            "rotate_fleet",
            f"Give every instance of role web in account {ACCOUNT} fresh credentials: aws ec2 "
            "replace-iam-instance-profile-association for each, or wait up to 6 hours.",
        ),
    ),
    approvers=2,
    why_two="All instances of role web stop: a fleet may use it.",
    does=("Revoke the sessions of every instance of role web.",),
    breaks=(
        "All instances of role web are denied until their credentials rotate: a fleet may use it.",
        "That takes up to 6 hours, unless their profiles are associated again.",
        NOT_IN_USE,
    ),
    survives=("Who is on an instance gets its fresh credentials, too.",),
    stops_service=True,
)


def plans(trace: Trace, **standing: object) -> tuple[Plan, ...]:
    stands = Standing(ACCOUNT, ROLE, **standing)  # type: ignore[arg-type]
    return instance_role.propose(
        a_case("instance_role", ROLE, trace=trace, standing=stands, access_key_ids=(TEMPORARY,))
    )


def test_the_instance_alone_is_revoked_and_gets_fresh_credentials_then_the_fleet_by_two() -> None:
    assert plans(a_trace(records=(RECORD,)), **KNOWN) == (
        a_plan(
            ROLE,
            "revoke_sessions",
            (
                revoke("web", instance_arn=ARN),
                Step("reassociate_profile", ACCOUNT, ARN, {"instance_id": INSTANCE, "region": "eu-central-1"}),
            ),
            manual=(CLEAN,),
            does=(
                f"Revoke the sessions of instance {INSTANCE} of role web.",
                f"Give instance {INSTANCE} fresh credentials: its instance profile is associated again.",
            ),
            breaks=(f"What runs on instance {INSTANCE} is denied until it has fresh credentials.", NOT_IN_USE),
            survives=(
                "Other instances of role web go on.",
                f"Who is on instance {INSTANCE} gets its fresh credentials, too.",
            ),
        ),
        WHOLE,
    )


def test_where_its_association_is_not_known_it_is_told_by_its_session_and_rotated_by_hand() -> None:
    unknown = {"instance profile in eu-central-1": "AWS answered UnauthorizedOperation to it"}
    narrow, whole = plans(in_use(records=(RECORD,)), role_id="AROAWEB", unknown=unknown, role_sessions_seen=12)
    assert narrow == a_plan(
        ROLE,
        "revoke_sessions",
        (revoke("web", user_id=f"AROAWEB:{INSTANCE}"),),
        manual=(
            CLEAN,
            ManualStep(
                "reassociate_profile",
                f"Give instance {INSTANCE} in account {ACCOUNT} fresh credentials: aws ec2 "
                "replace-iam-instance-profile-association. Its association could not be read.",
            ),
        ),
        does=(f"Revoke the sessions of instance {INSTANCE} of role web.",),
        breaks=(
            f"What runs on instance {INSTANCE} is denied until it has fresh credentials.",
            IN_USE,
            "Not known: instance profile in eu-central-1, since AWS answered UnauthorizedOperation to it.",
        ),
        survives=(
            "Other instances of role web go on.",
            f"Who is on instance {INSTANCE} gets its fresh credentials, too.",
        ),
        stops_service=True,
    )
    assert whole.why_two == "All instances of role web stop: 12 sessions of it were seen within 48 hours."


def test_where_no_instance_is_known_only_the_fleet_can_be_revoked() -> None:
    assert plans(a_trace()) == (WHOLE,)


def test_what_the_instance_went_on_to_is_revoked_after_it() -> None:
    narrow, whole = plans(a_trace(records=(RECORD,), sessions=(a_session("next", started_by=TEMPORARY),)), **KNOWN)
    assert narrow.steps[-1] == whole.steps[-1] == revoke("next", OTHER_ACCOUNT, user_id="AROANEXT:hop")
    assert narrow.survives[-1] == RENEWS


def test_a_role_that_is_gone_leaves_its_instances_to_be_stopped() -> None:
    assert plans(a_trace(), exists=False) == (
        a_plan(
            ROLE,
            "quarantine_principal",
            manual=(
                ManualStep(
                    "find_role",
                    f"Find out which role {ROLE} was: iam:DeleteRole in CloudTrail; stop its instances.",
                ),
            ),
            does=("The role is not known, or there no more.",),
            survives=("All goes on until this is done.",),
        ),
    )
