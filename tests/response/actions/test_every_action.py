"""What every action promises, tried on each: once, twice, undone, undone twice, refused, throttled, gone, reversed."""

from dataclasses import replace
from typing import Any

import pytest
from response.actions.scenarios import SCENARIOS, applied, receipt
from response.cloud import Cloud, Fault

from prefect_cloudtrail.errors import ActionError, ChangedSinceError, TargetGoneError
from prefect_cloudtrail.response.actions import ActionFile, actions
from prefect_cloudtrail.response.plan import Step

pytestmark = pytest.mark.parametrize("scenario", SCENARIOS)


@pytest.fixture
def tried(cloud: Cloud, scenario: str) -> tuple[ActionFile, Any, Step]:
    """The action, what it is tried on, and its step; from here on every call must stand in its permissions."""
    world, step = SCENARIOS[scenario](cloud)
    action = actions()[step.action]
    assert scenario.split(maxsplit=1)[0] == step.action
    cloud.permitted = frozenset(action.ACTION.permissions)
    return action, world, step


def test_a_check_changes_nothing_and_says_what_would(cloud: Cloud, tried: tuple[ActionFile, Any, Step]) -> None:
    action, world, step = tried
    was = world.state()
    found = action.check(cloud, step)
    assert world.state() == was
    assert found.does
    assert found.breaks
    assert found.survives


def test_applied_twice_is_as_applied_once(cloud: Cloud, tried: tuple[ActionFile, Any, Step]) -> None:
    _, world, step = tried
    begun = receipt(cloud, step)
    once = applied(cloud, begun), world.state()
    assert (applied(cloud, begun), world.state()) == once


def test_undone_is_as_it_was_and_undone_twice_too(cloud: Cloud, tried: tuple[ActionFile, Any, Step]) -> None:
    action, world, step = tried
    was = world.state()
    done = applied(cloud, receipt(cloud, step))
    if not action.ACTION.reversible:
        with pytest.raises(ActionError, match="cannot give back"):
            action.undo(cloud, done)
        return
    first = action.undo(cloud, done)
    assert (first.holds, world.state()) == (True, was)
    assert (action.undo(cloud, done), world.state()) == (first, was)


def test_what_was_undone_is_not_undone_again(cloud: Cloud, tried: tuple[ActionFile, Any, Step]) -> None:
    action, world, step = tried
    if not action.ACTION.reversible:
        pytest.skip("there is no undo")
    done = replace(applied(cloud, receipt(cloud, step)), undone_by="rcp_2")
    was = world.state()
    action.undo(cloud, done)
    assert world.state() == was


def test_undo_leaves_what_somebody_changed(cloud: Cloud, tried: tuple[ActionFile, Any, Step]) -> None:
    action, world, step = tried
    if not hasattr(world, "changed"):
        pytest.skip("it is there or it is not: nobody can make it a third thing")
    done = applied(cloud, receipt(cloud, step))
    world.changed()
    was = world.state()
    with pytest.raises(ChangedSinceError) as raised:
        action.undo(cloud, done)
    assert world.state() == was
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (
            "AccessDenied",
            "allow it to the responder's role (deploy/iam/responder.json), and see whether an SCP denies it",
        ),
        ("Throttling", "AWS throttles: try again in a minute"),
    ],
)
def test_refused_it_changes_nothing_and_says_so_in_a_line(
    cloud: Cloud, tried: tuple[ActionFile, Any, Step], code: str, advice: str
) -> None:
    action, world, step = tried
    begun = receipt(cloud, step)
    was = world.state()
    cloud.faults.append(Fault(code))
    with pytest.raises(ActionError) as raised:
        action.apply(cloud, begun)
    assert world.state() == was
    assert not action.verify(cloud, begun).holds
    said = str(raised.value)
    assert said.startswith("cannot ")
    assert said.endswith(f": {code}, as the test has it; {advice}")
    assert "\n" not in said


def test_throttled_once_it_is_applied_all_the_same(cloud: Cloud, tried: tuple[ActionFile, Any, Step]) -> None:
    _, _, step = tried
    begun = receipt(cloud, step)
    throttled = Fault("Throttling", times=1)
    cloud.faults.append(throttled)
    applied(cloud, begun)
    assert throttled.times == 0


def test_what_is_gone_is_said_to_be_gone(cloud: Cloud, tried: tuple[ActionFile, Any, Step]) -> None:
    action, world, step = tried
    if not hasattr(world, "gone"):
        pytest.skip("accounts do not go")
    begun = receipt(cloud, step)
    world.gone()
    with pytest.raises(TargetGoneError):
        action.check(cloud, step)
    if step.action != "remove_assignment":  # what it removes is meant to be gone
        for one in (action.apply, action.verify, action.undo):
            with pytest.raises(TargetGoneError):
                one(cloud, begun)


def test_what_the_principal_reverses_no_longer_holds(cloud: Cloud, tried: tuple[ActionFile, Any, Step]) -> None:
    action, world, step = tried
    done = applied(cloud, receipt(cloud, step))
    world.reversed()
    assert not action.verify(cloud, done).holds
    action.apply(cloud, done)
    # Another profile was somebody's choice: it has its own credentials, and is not taken away.
    assert action.verify(cloud, done).holds is (step.action != "reassociate_profile")
