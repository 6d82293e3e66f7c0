from typing import Any

import pytest
from builders import record

from prefect_cloudtrail.demo.commands import Command
from prefect_cloudtrail.demo.replay import MOST_STEPS, Replay, Step, replay


def calls(count: int) -> list[dict[str, Any]]:
    return [record(eventTime=f"2023-07-10T11:{number:02}:00Z") for number in range(count)]


def test_an_attack_is_its_commands_errors_and_the_seconds_between_them() -> None:
    records = [
        record(eventTime="2023-07-10T11:43:18Z", eventName="ListRoles", errorCode="AccessDenied"),
        record(eventTime="2023-07-10T11:42:18Z", eventName="ListUsers"),
        record(eventTime="2023-07-10T11:42:19Z", eventSource="s3.amazonaws.com", eventName="ListBuckets"),
    ]
    assert replay("one", records) == Replay(
        "one",
        (
            Step(0.0, Command("iam.amazonaws.com", "ListUsers"), None),
            Step(1.0, Command("s3.amazonaws.com", "ListBuckets"), None),
            Step(60.0, Command("iam.amazonaws.com", "ListRoles"), "AccessDenied"),
        ),
    )


@pytest.mark.parametrize(("count", "told"), [(0, False), (2, False), (3, True)])
def test_fewer_than_three_calls_tell_no_story(count: int, told: bool) -> None:
    assert (replay("one", calls(count)) is not None) == told


def test_of_a_long_attack_the_beginning_is_taken() -> None:
    attack = replay("long", [*calls(59), *calls(59)])
    assert attack is not None
    assert len(attack.steps) == MOST_STEPS


def test_what_a_service_did_for_the_thief_is_left_out() -> None:
    served = record(sourceIPAddress="cloudformation.amazonaws.com", eventName="CreateStack")
    invoked = record(userIdentity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, eventName="AssumeRole")
    attack = replay("one", [*calls(3), served, invoked])
    assert attack is not None
    assert {step.command.name for step in attack.steps} == {"CreateUser"}
