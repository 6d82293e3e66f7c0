"""A role's plans, whole: narrow first, then the whole role with two people; its source before it, each hop after it."""

from datetime import timedelta

import pytest
from plan_cases import (
    ACCOUNT,
    IN_USE,
    NOON,
    NOT_IN_USE,
    OTHER_ACCOUNT,
    RENEWS,
    ROLE,
    TEMPORARY,
    a_case,
    a_plan,
    a_session,
    a_trace,
    in_use,
    revoke,
)

from prefect_cloudtrail.response.plan import ManualStep, Step
from prefect_cloudtrail.response.plans import Case, role
from prefect_cloudtrail.response.standing import Standing

PERSON = f"{ROLE}/alice"
CLOSE = ManualStep(
    "close_source",
    "Find who assumed role deploy (sts:AssumeRole in CloudTrail) and who may (aws iam get-role --role-name deploy), and "
    "close that way: a new session is not stopped.",
)


def stands(**fields: object) -> Standing:
    return Standing(**{"account_id": ACCOUNT, "arn": ROLE, "role_id": "AROADEPLOY"} | fields)  # type: ignore[arg-type]


def of_role(principal: str = PERSON, **fields: object) -> Case:
    kind = "role" if principal == ROLE else "role_session"
    given = {"standing": stands(), "access_key_ids": (TEMPORARY,)} | fields
    return a_case(kind, principal, **given)  # type: ignore[arg-type]


def test_a_named_session_is_revoked_by_its_user_id_then_the_whole_role_by_two() -> None:
    assert role.propose(of_role()) == (
        a_plan(
            PERSON,
            "revoke_sessions",
            (revoke("deploy", user_id="AROADEPLOY:alice"),),
            manual=(CLOSE,),
            does=("Revoke the sessions named alice of role deploy.",),
            breaks=("Whoever else calls their session of deploy alice is stopped, too.", NOT_IN_USE),
            survives=(
                "Sessions of deploy of any other name go on; who may assume it can do so again, by another name.",
            ),
        ),
        a_plan(
            PERSON,
            "revoke_sessions",
            (revoke("deploy"),),
            manual=(CLOSE,),
            approvers=2,
            why_two="All sessions of role deploy stop, whoever's they are: others may use it.",
            does=("Revoke every session of role deploy that there is.",),
            breaks=("Everybody who works as deploy stops until they assume it again: others may use it.", NOT_IN_USE),
            survives=("Who may assume deploy can do so again.",),
        ),
    )


def test_a_shared_role_in_use_says_how_many_it_would_stop() -> None:
    narrow, whole = role.propose(of_role(trace=in_use(), standing=stands(role_sessions_seen=7)))
    assert (narrow.approvers, narrow.stops_service, narrow.breaks[-1]) == (1, True, IN_USE)
    assert whole.why_two == (
        "All sessions of role deploy stop, whoever's they are: 7 sessions of it were seen within 48 hours."
    )
    assert (whole.approvers, whole.stops_service) == (2, True)


def test_chained_roles_are_revoked_from_the_source_on_in_other_accounts_too() -> None:
    source = a_session("source", access_key_id="ASIASOURCE", started_by="AKIASOURCE", user_id="AROASOURCE:hop")
    own = a_session("deploy", ACCOUNT, name="alice", access_key_id=TEMPORARY, started_by="ASIASOURCE")
    hop = a_session("hop", started_by=TEMPORARY, started_at=NOON + timedelta(minutes=20))
    narrow, whole = role.propose(of_role(trace=a_trace(sessions=(source, own, hop))))
    assert narrow == a_plan(
        PERSON,
        "revoke_sessions",
        (
            revoke("source", OTHER_ACCOUNT, user_id="AROASOURCE:hop"),
            revoke("deploy", user_id="AROADEPLOY:hop"),
            revoke("hop", OTHER_ACCOUNT, user_id="AROAHOP:hop"),
        ),
        manual=(
            ManualStep(
                "close_source",
                "Access key AKIASOURCE assumed role deploy, and can do so again: find its user with aws iam "
                "get-access-key-last-used --access-key-id AKIASOURCE, and set it Inactive.",
            ),
        ),
        does=(
            f"Revoke session hop of role source in account {OTHER_ACCOUNT}, begun at 2026-03-13 12:10 UTC.",
            "Revoke the sessions named hop of role deploy.",
            f"Revoke session hop of role hop in account {OTHER_ACCOUNT}, begun at 2026-03-13 12:20 UTC.",
        ),
        breaks=("Whoever else calls their session of deploy hop is stopped, too.", NOT_IN_USE),
        survives=(
            "Sessions of deploy of any other name go on; who may assume it can do so again, by another name.",
            RENEWS,
        ),
    )
    assert whole.steps == (narrow.steps[0], revoke("deploy"), narrow.steps[2])


def test_a_session_without_a_name_that_tells_is_known_by_its_record() -> None:
    identity = {"accessKeyId": TEMPORARY, "principalId": "AROADEPLOY:botocore-session-1700000000"}
    narrow, whole = role.propose(of_role(ROLE, trace=a_trace(records=({"userIdentity": identity},))))
    assert narrow.steps == (revoke("deploy", user_id="AROADEPLOY:botocore-session-1700000000"),)
    assert whole.steps == (revoke("deploy"),)


def test_a_session_that_cannot_be_told_apart_is_offered_less_than_all_first() -> None:
    less, whole = role.propose(of_role(ROLE, standing=stands(unknown={"role": "AWS answered AccessDenied to GetRole"})))
    assert less == a_plan(
        ROLE,
        "quarantine_principal",
        (Step("quarantine_principal", ACCOUNT, ROLE, {"kind": "role", "name": "deploy"}),),
        does=("Deny role deploy what AWS denies a leaked key: making users, keys, machines, and taking data from S3.",),
        breaks=(
            "Whatever does such things as role deploy stops.",
            NOT_IN_USE,
            "Not known: role, since AWS answered AccessDenied to GetRole.",
        ),
        survives=(
            "All else that role deploy may do goes on: an intruder still looks around, and reads what is not in S3.",
        ),
    )
    assert (whole.steps, whole.approvers) == ((revoke("deploy"),), 2)


@pytest.mark.parametrize(
    ("standing", "manual", "why"),
    [
        (
            stands(arn=None),
            ManualStep("find_role", f"Find out which role {PERSON} is: aws iam list-roles; then plan again."),
            "CloudTrail does not name the role.",
        ),
        (
            stands(service_linked=True),
            ManualStep("ask_aws", f"Ask AWS Support what uses role deploy in account {ACCOUNT}: only AWS changes it."),
            "Role deploy takes no policy of ours.",
        ),
        (
            stands(exists=False),
            ManualStep(
                "find_who_deleted_it", "Find out who deleted role deploy, and when: iam:DeleteRole in CloudTrail."
            ),
            "Role deploy is there no more.",
        ),
    ],
)
def test_a_role_that_takes_no_policy_leaves_steps_by_hand(standing: Standing, manual: ManualStep, why: str) -> None:
    assert role.propose(of_role(standing=standing)) == (
        a_plan(
            PERSON, "quarantine_principal", manual=(manual,), does=(why,), survives=("All goes on until this is done.",)
        ),
    )
