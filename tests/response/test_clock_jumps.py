"""The responder's clock jumps by hours: nothing is changed that was not allowed in its time, and what ends says so."""

import pytest
from responding import Site

from prefect_cloudtrail.doctor.responder import look_at_responder
from prefect_cloudtrail.errors import RefusedError
from prefect_cloudtrail.response.health import health
from prefect_cloudtrail.response.receipt import Outcome
from prefect_cloudtrail.response.responder import Responder


def test_an_approval_is_not_begun_once_the_clock_jumped_past_its_end(site: Site) -> None:
    decision_id = site.approve()
    site.clock.move(hours=5)
    with pytest.raises(RefusedError, match="begun in its time: ask again"):
        site.plane.contain(decision_id)
    assert (site.robbery.key_status(), site.store.responses.to_carry_out()) == ("Active", [])


def test_a_clock_that_jumped_forward_proves_no_quiet_and_fights_nobody(site: Site) -> None:
    decision_id = site.contain().decision_id
    site.clock.move(hours=3)
    found = site.plane.watch(decision_id)
    assert found.state == "watching"
    assert found.said.startswith("Quiet so far; CloudTrail delivered nothing yet")
    assert {each.outcome for each in site.store.responses.receipts()} == {Outcome.APPLIED}


def test_a_clock_that_jumped_back_refuses_what_was_decided_later_and_changes_nothing(site: Site) -> None:
    decision_id = site.approve()
    site.clock.move(hours=-3)
    with pytest.raises(RefusedError, match="set the clocks"):
        site.plane.contain(decision_id)
    assert site.robbery.key_status() == "Active"


def test_what_a_wrong_clock_refused_is_told_and_not_done_hours_later(site: Site) -> None:
    decision_id = site.approve()
    site.clock.move(hours=-3)
    said = Responder(site.plane).look()
    assert [line.partition(": ")[2] for line in said] == ["System:one decided in the future: set the clocks."]
    site.clock.move(hours=3)
    assert Responder(site.plane).look() == []
    assert [(each.decision_id, each.state) for each in site.store.responses.watches()] == [(decision_id, "refused")]
    assert site.robbery.key_status() == "Active"


def test_the_watch_goes_on_though_the_clock_jumped_back_and_fights_nobody(site: Site) -> None:
    site.contain()
    site.robbery.iam.update_access_key(
        UserName=site.robbery.user_name, AccessKeyId=site.robbery.access_key_id, Status="Active"
    )
    site.clock.move(hours=-3)
    assert len(Responder(site.plane).look()) == 1
    assert (site.robbery.key_status(), site.store.responses.watches()[0].state) == ("Active", "reversed")
    assert Responder(site.plane).look() == []  # until the next look is due
    site.clock.move(minutes=6)
    assert len(Responder(site.plane).look()) == 1


def test_a_heartbeat_from_the_future_is_no_sign_of_life(site: Site) -> None:
    Responder(site.plane).look()
    site.clock.move(hours=-3)
    assert not health(site.store, site.clock()).ok
    (check,) = look_at_responder(site.store, site.clock())
    assert (check.status, check.said) == (
        "warn",
        "it last looked for work at a time that is ahead of this clock: nobody would carry out an approval",
    )


def test_a_breaker_holds_whatever_the_clock_says(site: Site) -> None:
    decision_id = site.approve()
    site.store.responses.set_breaker(tripped=True, by="system:one", why="wrong key", now=site.clock())
    for hours in (2, -5):
        site.clock.move(hours=hours)
        with pytest.raises(RefusedError, match="the breaker is tripped"):
            site.plane.contain(decision_id)
    assert site.robbery.key_status() == "Active"
