"""What befalls AWS while a plan is carried out, watched or undone: the receipt says what is so, and it is given back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from responding import Clock, Site

from bench.drills.aws_faults import AwsFaults, Kind, faulty_aws
from bench.drills.robbery import robbed
from prefect_cloudtrail import clients
from prefect_cloudtrail.errors import LeaseHeldError
from prefect_cloudtrail.response.receipt import Outcome, Receipt
from prefect_cloudtrail.response.requesting import ask_to_undo
from prefect_cloudtrail.settings import settings

UNKNOWN = "Whether it was changed is not known yet: cannot "


@pytest.fixture
def faults(endpoint: str) -> Iterator[AwsFaults]:
    with faulty_aws(endpoint) as between:
        yield between


@pytest.fixture
def site(tmp_path: Path, faults: AwsFaults, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    robbery, clock = robbed(tmp_path / "site", faults.url), Clock()
    for name, value in robbery.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between two tries of botocore's
    with clients.plane(settings()) as plane:
        yield Site(robbery, replace(plane, clock=clock), clock)


def disabling(site: Site) -> str:
    """Return the decision that allowed the key alone to be disabled."""
    plan = site.robbery.plan
    return site.approve(replace(plan, steps=(plan.steps[1],)))


def the_receipt(site: Site) -> Receipt:
    found = site.store.responses.receipts()
    return next(each for each in found if each.step.undoes is None)


def undo(site: Site) -> None:
    request = ask_to_undo(site.store, [the_receipt(site).receipt_id], site.plane.rules(), site.clock())
    site.plane.contain(str(site.robbery.approve(site.store, request).decision_id))


@pytest.mark.parametrize("kind", ["lost answer", "cut"])
def test_a_change_whose_answer_is_lost_each_time_is_read_back_before_anything_is_said(
    site: Site, faults: AwsFaults, kind: Kind
) -> None:
    decision_id = disabling(site)
    faults.befall(kind, "UpdateAccessKey")
    site.plane.contain(decision_id)
    done = kind == "lost answer"
    assert site.robbery.key_status() == ("Inactive" if done else "Active")
    assert the_receipt(site).outcome == (Outcome.APPLIED if done else Outcome.STARTED)
    assert done or the_receipt(site).said.startswith(UNKNOWN)


def test_what_aws_throttled_is_applied_by_the_watch_under_the_same_approval(site: Site, faults: AwsFaults) -> None:
    decision_id = disabling(site)
    faults.befall("throttled", "UpdateAccessKey")
    site.plane.contain(decision_id)
    assert (the_receipt(site).outcome, site.robbery.key_status()) == (Outcome.STARTED, "Active")
    faults.end()
    site.clock.move(seconds=10)
    site.plane.watch(decision_id)
    assert (the_receipt(site).outcome, site.robbery.key_status()) == (Outcome.APPLIED, "Inactive")


def test_what_aws_denies_has_failed_and_may_be_approved_again(site: Site, faults: AwsFaults) -> None:
    faults.befall("denied", "UpdateAccessKey")
    site.plane.contain(disabling(site))
    assert (the_receipt(site).outcome, site.robbery.key_status()) == (Outcome.FAILED, "Active")
    faults.end()
    site.clock.move(seconds=1)
    site.plane.contain(disabling(site))
    assert site.robbery.key_status() == "Inactive"


def test_a_change_that_cannot_be_read_back_is_not_said_to_have_failed_and_is_given_back(
    site: Site, faults: AwsFaults
) -> None:
    plan = site.robbery.plan
    decision_id = site.approve(replace(plan, steps=(plan.steps[0],)))
    faults.befall("denied", "GetUserPolicy")
    site.plane.contain(decision_id)
    assert (the_receipt(site).outcome, len(site.robbery.policies())) == (Outcome.STARTED, 1)
    assert the_receipt(site).said.startswith(UNKNOWN)
    faults.end()
    undo(site)
    assert (the_receipt(site).outcome, site.robbery.policies()) == (Outcome.UNDONE, [])


def test_an_undo_whose_answer_is_lost_each_time_is_read_back_too(site: Site, faults: AwsFaults) -> None:
    plan = site.robbery.plan
    site.plane.contain(site.approve(replace(plan, steps=(plan.steps[0],))))
    faults.befall("lost answer", "DeleteUserPolicy")
    undo(site)
    assert (the_receipt(site).outcome, site.robbery.policies()) == (Outcome.UNDONE, [])


def test_an_undo_of_what_is_not_known_takes_two_people_too(site: Site, faults: AwsFaults) -> None:
    decision_id = disabling(site)
    faults.befall("throttled", "UpdateAccessKey")
    site.plane.contain(decision_id)
    request = ask_to_undo(site.store, [the_receipt(site).receipt_id], site.plane.rules(), site.clock())
    assert request.plan.approvers == 2


def test_an_aws_that_says_nothing_is_not_taken_for_a_person_who_turned_it_back(site: Site, faults: AwsFaults) -> None:
    decision_id = disabling(site)
    site.plane.contain(decision_id)
    faults.befall("unavailable", "ListAccessKeys")
    site.clock.move(minutes=10)
    found = site.plane.watch(decision_id)
    assert found.state == "watching"
    assert found.said.startswith("AWS does not say whether it holds. Cannot list the access keys of ")
    site.clock.move(hours=24)
    assert site.plane.watch(decision_id).state == "unproven"


def test_while_it_is_undone_no_watch_applies_it_again(site: Site) -> None:
    decision_id = disabling(site)
    site.plane.contain(decision_id)
    request = ask_to_undo(site.store, [the_receipt(site).receipt_id], site.plane.rules(), site.clock())
    undoing = str(site.robbery.approve(site.store, request).decision_id)
    site.clock.move(seconds=10)
    with site.store.lease(f"contain {decision_id}", "a watch", 2, site.clock()), pytest.raises(LeaseHeldError):
        site.plane.contain(undoing)
    assert site.robbery.key_status() == "Inactive"
    with site.store.lease(f"contain {decision_id}", "an undo", 2, site.clock()), pytest.raises(LeaseHeldError):
        site.plane.watch(decision_id)
    site.clock.move(seconds=1)
    site.plane.contain(undoing)
    assert (site.robbery.key_status(), the_receipt(site).outcome) == ("Active", Outcome.UNDONE)
