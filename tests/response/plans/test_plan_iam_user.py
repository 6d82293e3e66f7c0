"""An IAM user's plans, whole."""

from datetime import timedelta

import pytest
from plan_cases import (
    ACCOUNT,
    IN_USE,
    KEY,
    NOON,
    NOT_IN_USE,
    OTHER_ACCOUNT,
    RENEWS,
    TEMPORARY,
    USER,
    a_case,
    a_plan,
    a_session,
    a_trace,
    an_alert,
    calls,
    in_use,
    revoke,
)

from prefect_cloudtrail.response.plan import ManualStep, Step
from prefect_cloudtrail.response.plans import Case, iam_user
from prefect_cloudtrail.response.standing import Key, Standing

OTHER_KEY = "AKIAI44QH8DHBEXAMPLE"
KEYS = (
    Key(KEY, "Active", NOON - timedelta(days=400), NOON, "s3"),
    Key(OTHER_KEY, "Inactive", NOON - timedelta(days=1)),
)
DENY = Step("deny_principal", ACCOUNT, USER, {"kind": "user", "name": "deploy"})
DISABLE = Step("disable_access_key", ACCOUNT, USER, {"user_name": "deploy", "access_key_id": KEY})
QUARANTINE = Step("quarantine_principal", ACCOUNT, USER, {"kind": "user", "name": "deploy"})
NETWORKS = ["203.0.113.0/24", "198.51.100.0/24"]
FENCE = Step("fence_principal", ACCOUNT, USER, {"kind": "user", "name": "deploy", "networks": NETWORKS})
STAYS = "deploy keeps its password: a deleted one cannot be given back. It can sign in, and may do nothing there."


DELETED = "Find out who deleted user deploy, and when: iam:DeleteUser in CloudTrail."


def stands(**fields: object) -> Standing:
    return Standing(**{"account_id": ACCOUNT, "arn": USER, "keys": KEYS, "has_login": False} | fields)  # type: ignore[arg-type]


def of_user(*commands: str, **fields: object) -> Case:
    return a_case("iam_user", USER, *commands, **{"standing": stands()} | fields)  # type: ignore[arg-type]


def test_a_key_that_only_the_intruder_uses_is_denied_and_set_inactive_back_to_back() -> None:
    assert iam_user.propose(of_user()) == (
        a_plan(
            USER,
            "disable_access_keys",
            (DENY, DISABLE),
            does=("Deny user deploy every call.", f"Set access key {KEY} of deploy Inactive."),
            breaks=(f"Access key {KEY} was last used at 2026-03-13 12:00 UTC, for s3.", NOT_IN_USE),
            survives=(f"Access key {OTHER_KEY} stays Inactive; the deny stops it, too.",),
        ),
    )


def test_a_key_in_use_from_its_usual_networks_is_fenced_first_and_disabled_beside_it() -> None:
    assert iam_user.propose(of_user(trace=in_use())) == (
        a_plan(
            USER,
            "fence_principal",
            (FENCE,),
            does=("Deny user deploy every call from outside its usual networks: 203.0.113.0/24, 198.51.100.0/24.",),
            breaks=("Whoever works as deploy from anywhere else stops.",),
            survives=(
                "Its work from those networks goes on, the last of it at 2026-03-13 11:00 UTC.",
                "Calls that AWS services make for it go on, and calls through VPC endpoints.",
                "An intruder inside those networks goes on.",
                "Its keys stay as they are.",
            ),
        ),
        a_plan(
            USER,
            "disable_access_keys",
            (DENY, DISABLE),
            does=("Deny user deploy every call.", f"Set access key {KEY} of deploy Inactive."),
            breaks=(f"Access key {KEY} was last used at 2026-03-13 12:00 UTC, for s3.", IN_USE),
            survives=(f"Access key {OTHER_KEY} stays Inactive; the deny stops it, too.",),
            stops_service=True,
        ),
    )


def test_each_role_session_that_it_started_has_a_row_in_its_own_account() -> None:
    sessions = (
        a_session("first"),
        a_session("second", user_id=None, started_by="ASIAFIRST"),
        a_session("not-its-own", started_by="AKIAOTHER"),
        a_session("over", expires_at=NOON + timedelta(minutes=30)),
        a_session("before", started_at=NOON - timedelta(minutes=1)),
    )
    (found,) = iam_user.propose(of_user(trace=a_trace(sessions=sessions)))
    assert found == a_plan(
        USER,
        "disable_access_keys",
        (DENY, DISABLE, revoke("first", OTHER_ACCOUNT, user_id="AROAFIRST:hop")),
        manual=(
            ManualStep(
                "end_sessions_of_second",
                f"End the sessions hop of role second in account {OTHER_ACCOUNT}, which stolen credentials were traded "
                "for. No step does it, since CloudTrail does not tell their user id; they end by themselves at "
                "2026-03-13 14:00 UTC.",
            ),
        ),
        does=(
            "Deny user deploy every call.",
            f"Set access key {KEY} of deploy Inactive.",
            f"Revoke session hop of role first in account {OTHER_ACCOUNT}, begun at 2026-03-13 12:10 UTC.",
        ),
        breaks=(f"Access key {KEY} was last used at 2026-03-13 12:00 UTC, for s3.", NOT_IN_USE),
        survives=(f"Access key {OTHER_KEY} stays Inactive; the deny stops it, too.", RENEWS),
    )


def test_a_key_made_meanwhile_is_set_inactive_too() -> None:
    made = Key(OTHER_KEY, "Active", NOON + timedelta(minutes=20))
    (found,) = iam_user.propose(of_user(standing=stands(keys=(KEYS[0], made))))
    assert [step.arguments.get("access_key_id") for step in found.steps] == [None, OTHER_KEY, KEY]
    assert found.breaks[0] == f"Access key {OTHER_KEY} was never used, as far as AWS says."


def test_a_session_of_the_user_is_denied_with_the_user_and_its_key_stays() -> None:
    assert iam_user.propose(of_user(access_key_ids=(TEMPORARY,), standing=stands(has_login=True))) == (
        a_plan(
            USER,
            "revoke_sessions",
            (DENY,),
            does=("Deny user deploy every call: its sessions and its keys are stopped by that.",),
            breaks=(
                f"Access key {KEY} was last used at 2026-03-13 12:00 UTC, for s3.",
                f"Access key {OTHER_KEY} was never used, as far as AWS says.",
                NOT_IN_USE,
            ),
            survives=(
                f"Access key {KEY} stays Active; the deny stops it.",
                f"Access key {OTHER_KEY} stays Inactive; the deny stops it.",
                STAYS,
            ),
        ),
    )


def test_the_key_that_a_session_of_the_user_came_from_is_set_inactive() -> None:
    own = a_session(access_key_id=TEMPORARY, role="x", started_by=KEY)
    (found,) = iam_user.propose(of_user(access_key_ids=(TEMPORARY,), trace=a_trace(sessions=(own,))))
    assert (found.playbook, found.steps) == ("disable_access_keys", (DENY, DISABLE))


@pytest.mark.parametrize("seen_in", ["alerts", "calls"])
def test_a_sign_in_without_a_key_is_denied_and_the_password_stays(seen_in: str) -> None:
    sign_in = "signin:ConsoleLogin"
    trace = a_trace(calls=calls({"command": sign_in})) if seen_in == "calls" else a_trace()
    commands = (sign_in,) if seen_in == "alerts" else ()
    stood = stands(keys=(), has_login=True)
    (found,) = iam_user.propose(of_user(*commands, access_key_ids=(), trace=trace, standing=stood))
    assert (found.playbook, found.steps, found.survives) == ("revoke_sessions", (DENY,), (STAYS,))


def test_where_no_key_can_be_told_less_than_all_is_offered_first() -> None:
    first, second = iam_user.propose(of_user(access_key_ids=(), standing=stands(keys=())))
    assert first == a_plan(
        USER,
        "quarantine_principal",
        (QUARANTINE,),
        does=("Deny user deploy what AWS denies a leaked key: making users, keys, machines, and taking data from S3.",),
        breaks=("Whatever does such things as user deploy stops.", NOT_IN_USE),
        survives=(
            "All else that user deploy may do goes on: an intruder still looks around, and reads what is not in S3.",
        ),
    )
    assert (second.playbook, second.steps) == ("revoke_sessions", (DENY,))


def test_keys_that_could_not_be_listed_are_said_to_be_not_known() -> None:
    denied = {"access keys": "AWS answered AccessDenied to ListAccessKeys"}
    incomplete = a_trace(incomplete="2 objects could not be read")
    (found,) = iam_user.propose(of_user(trace=incomplete, standing=stands(keys=(), has_login=None, unknown=denied)))
    assert found == a_plan(
        USER,
        "disable_access_keys",
        (DENY, DISABLE),
        does=("Deny user deploy every call.", f"Set access key {KEY} of deploy Inactive."),
        breaks=(
            f"When access key {KEY} was last used, and for what, is not known.",
            "Whether it was used from its usual networks is not known: not all of its calls could be read.",
            "Not known: access keys, since AWS answered AccessDenied to ListAccessKeys.",
        ),
        survives=(
            "Whether deploy has a password is not known; one would stay, and the deny stops it.",
            "Not all that it did could be read, so more may go on than is named here: 2 objects could not be read.",
        ),
    )


def test_a_key_that_is_inactive_or_there_no_more_is_said_so() -> None:
    inactive = (Key(KEY, "Inactive", None, NOON),)
    (found,) = iam_user.propose(of_user(standing=stands(keys=inactive)))
    assert found.does[1] == f"Set access key {KEY} of deploy Inactive, as it is already."
    (gone,) = iam_user.propose(of_user(standing=stands(keys=(KEYS[1],))))
    assert (gone.playbook, gone.steps) == ("revoke_sessions", (DENY,))


def test_a_user_that_is_gone_leaves_its_sessions() -> None:
    trace = a_trace(sessions=(a_session("first"),))
    assert iam_user.propose(of_user(trace=trace, standing=stands(keys=(), exists=False))) == (
        a_plan(
            USER,
            "revoke_sessions",
            (revoke("first", OTHER_ACCOUNT, user_id="AROAFIRST:hop"),),
            does=(
                "User deploy is there no more, and its keys with it.",
                f"Revoke session hop of role first in account {OTHER_ACCOUNT}, begun at 2026-03-13 12:10 UTC.",
            ),
            survives=("The sessions that it got of roles outlive it.", RENEWS),
        ),
    )


@pytest.mark.parametrize(
    ("standing", "manual", "why"),
    [
        (
            stands(keys=(), exists=False),
            ManualStep(
                "find_who_deleted_it", "Find out who deleted user deploy, and when: iam:DeleteUser in CloudTrail."
            ),
            "User deploy is there no more, and its keys with it.",
        ),
        (
            stands(keys=(), arn=None),
            ManualStep("find_user", f"Find out which IAM user {USER} is: aws iam list-users; then plan again."),
            "CloudTrail does not name the user, and AWS does not say.",
        ),
    ],
)
def test_without_a_user_there_is_nothing_to_do_in_aws(standing: Standing, manual: ManualStep, why: str) -> None:
    assert iam_user.propose(of_user(standing=standing)) == (
        a_plan(
            USER,
            "quarantine_principal",
            manual=(manual,),
            does=(why,),
            survives=("All goes on until this is done.",),
        ),
    )


def test_another_principal_of_the_same_person_is_said_to_be_left_alone() -> None:
    other = USER.replace(ACCOUNT, OTHER_ACCOUNT)
    alerts = (an_alert("iam:CreateUser", USER), an_alert("iam:CreateUser", other))
    (found,) = iam_user.propose(of_user(alerts=alerts))
    assert found.survives[-1] == f"{other} is of the same person and raised alerts, too: nothing is done to it."


def test_the_plan_made_again_is_the_same_plan_and_a_grown_one_is_another() -> None:
    first, again = iam_user.propose(of_user())[0], iam_user.propose(of_user(risk=0.99, revision=7))[0]
    (grown,) = iam_user.propose(of_user(trace=a_trace(sessions=(a_session("first"),))))
    assert first.digest == again.digest
    assert grown.playbook == first.playbook
    assert grown.steps[: len(first.steps)] == first.steps
    assert grown.digest != first.digest
