from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from response.actions.scenarios import ARole, applied, receipt
from response.cloud import Cloud, role_last_used
from response.policy_evaluator import Call, allows

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.actions import revoke_sessions

MARCH = datetime(2026, 3, 31, 2, 51, tzinfo=UTC)
ISSUED = "2026-03-31T05:10:30+02:00"
BEFORE, AFTER = {"aws:TokenIssueTime": "2026-03-31T03:10:29Z"}, {"aws:TokenIssueTime": "2026-03-31T03:10:30Z"}
INSTANCE = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0"


def test_it_says_that_a_new_session_works(cloud: Cloud) -> None:
    role = ARole(cloud)
    role_last_used(role.name, MARCH)
    found = revoke_sessions.check(cloud, role.step("revoke_sessions", role_name="orders", issued_before=ISSUED))
    assert found.does == (
        "Denies the sessions of everybody of the role orders that began before 2026-03-31 03:10:30 UTC everything."
    )
    assert found.breaks == (
        "Everybody and everything that works as the role orders must begin anew.",
        "The role orders was last used at 2026-03-31 02:51 UTC in eu-central-1.",
    )
    assert found.survives == (
        "A new session works: whoever can assume the role orders still can, until its trust or the source is fixed.",
        "Sessions of other roles that it already assumed live on, up to 1 hour.",
    )


def test_of_one_name_it_says_that_the_others_go_on(cloud: Cloud) -> None:
    role = ARole(cloud)
    step = role.step("revoke_sessions", role_name="orders", issued_before=ISSUED, user_id="AROAEXAMPLE:ana")
    found = revoke_sessions.check(cloud, step)
    assert found.does.startswith("Denies the sessions of AROAEXAMPLE:ana of the role orders that began before ")
    assert found.breaks[0] == "Everybody whose session is called AROAEXAMPLE:ana must begin a new one."
    assert found.survives[-1] == "The other sessions of the role go on."
    assert not found.stops_service


@pytest.mark.parametrize(
    ("arguments", "context", "passes"),
    [
        ({}, BEFORE, False),
        ({}, AFTER, True),
        ({"user_id": "AROAEXAMPLE:ana"}, {**BEFORE, "aws:userid": "AROAEXAMPLE:ana"}, False),
        ({"user_id": "AROAEXAMPLE:ana"}, {**AFTER, "aws:userid": "AROAEXAMPLE:ana"}, True),
        ({"user_id": "AROAEXAMPLE:ana"}, {**BEFORE, "aws:userid": "AROAEXAMPLE:ben"}, True),
        ({"instance_arn": INSTANCE}, {**BEFORE, "ec2:SourceInstanceArn": INSTANCE}, False),
        ({"instance_arn": INSTANCE}, {**AFTER, "ec2:SourceInstanceArn": INSTANCE}, True),
        ({"instance_arn": INSTANCE}, {**BEFORE, "ec2:SourceInstanceArn": f"{INSTANCE}1"}, True),
        ({"instance_arn": INSTANCE}, BEFORE, True),
    ],
)
def test_a_stolen_session_ends_and_a_new_one_works(
    cloud: Cloud, arguments: dict[str, Any], context: dict[str, str], passes: bool
) -> None:
    role = ARole(cloud)
    step = role.step("revoke_sessions", role_name="orders", issued_before=ISSUED, **arguments)
    applied(cloud, receipt(cloud, step))
    assert allows(role.policies().values(), Call("s3:GetObject", "arn:aws:s3:::a/b", context)) is passes


def test_without_a_moment_it_is_half_a_minute_after_the_snapshot(cloud: Cloud) -> None:
    role = ARole(cloud)
    began = datetime.now(UTC)
    found = revoke_sessions.check(cloud, role.step("revoke_sessions", role_name="orders"))
    moment = datetime.fromisoformat(found.before["issued_before"])
    assert timedelta(seconds=29) <= moment - began <= timedelta(minutes=2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"issued_before": "yesterday"}, "Invalid isoformat string: 'yesterday'"),
        ({"issued_before": "2026-03-31T03:10:30"}, "2026-03-31T03:10:30 has no offset; end it in Z"),
        ({"user_id": "ana"}, "ana is no session; give aws:userid whole, AROA...:name"),
        ({"user_id": "A:b", "instance_arn": INSTANCE}, "give user_id or instance_arn, not both"),
    ],
)
def test_what_cannot_be_meant_is_refused(cloud: Cloud, arguments: dict[str, str], said: str) -> None:
    role = ARole(cloud)
    with pytest.raises(ActionError) as raised:
        revoke_sessions.check(cloud, role.step("revoke_sessions", role_name="orders", **arguments))
    assert str(raised.value) == f"cannot revoke sessions of {role.arn}: {said}"


@pytest.mark.parametrize("path", ["/aws-service-role/ecs.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"])
def test_a_role_that_only_aws_may_change_is_refused(cloud: Cloud, path: str) -> None:
    role = ARole(cloud, path)
    with pytest.raises(ActionError, match="only AWS may change it"):
        revoke_sessions.check(cloud, role.step("revoke_sessions", role_name="orders"))
