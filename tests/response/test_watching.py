from datetime import timedelta

import polars as pl
import pytest
from responding import Site

from prefect_cloudtrail import schema
from prefect_cloudtrail.response.receipt import Watch
from prefect_cloudtrail.response.watching import READ_BACKS, still_made
from prefect_cloudtrail.store import OBJECT


def contained(site: Site) -> str:
    return site.contain().decision_id


def look(site: Site, decision_id: str, **later: float) -> Watch:
    site.clock.move(**later)
    return site.plane.watch(decision_id)


def turn_on(site: Site) -> None:
    site.robbery.iam.update_access_key(
        UserName=site.robbery.user_name, AccessKeyId=site.robbery.access_key_id, Status="Active"
    )


def deliver(site: Site, *commands: str, minutes: float, outcome: str = "success", key: str | None = None) -> None:
    """Have a run commit what the key called so many minutes after the change, in an object delivered then."""
    at = site.clock() + timedelta(minutes=minutes)
    row = {
        "@timestamp": at,
        "window": at,
        "event.id": "e",
        "event.outcome": outcome,
        "network": "91.198.36.0/24",
        "aws.cloudtrail.user_identity.access_key_id": key or site.robbery.access_key_id,
    }
    index = pl.DataFrame(
        [dict.fromkeys(schema.INDEX) | row | {"command": each} for each in commands], schema=schema.INDEX
    )
    path = f"AWSLogs/{site.robbery.incident.account_id}/CloudTrail/eu-west-1/{minutes}.json.gz"
    objects = pl.DataFrame([(path, 1, at, None, 1, 0, 0)], schema=OBJECT, orient="row")
    site.robbery.commit(site.store, f"run {at}", index=index, objects=objects)


def test_it_is_read_back_at_ten_thirty_and_sixty_seconds_and_then_every_five_minutes(site: Site) -> None:
    decision_id = contained(site)
    applied_at = site.clock()
    found = [look(site, decision_id, seconds=seconds).next_at for seconds in (10, 20, 30, 300)]
    assert found == [
        applied_at + READ_BACKS[1],
        applied_at + READ_BACKS[2],
        applied_at + timedelta(minutes=6),
        applied_at + timedelta(minutes=11),
    ]


def test_what_the_principal_turns_back_within_two_minutes_is_turned_again(site: Site) -> None:
    decision_id = contained(site)
    turn_on(site)
    found = look(site, decision_id, seconds=30)
    assert (found.state, site.robbery.key_status()) == ("watching", "Inactive")
    assert "step applied again" in [row.kind for row in site.store.responses.audit_rows()]


def test_what_is_turned_back_later_is_told_and_not_fought(site: Site) -> None:
    decision_id = contained(site)
    turn_on(site)
    found = look(site, decision_id, minutes=10)
    assert (found.state, site.robbery.key_status()) == ("reversed", "Active")
    assert found.said == f"The access key {site.robbery.access_key_id} of {site.robbery.user_name} is Active."


def test_silence_is_not_quiet(site: Site) -> None:
    found = look(site, contained(site), hours=2)
    assert found.state == "watching"
    assert "CloudTrail delivered nothing yet" in found.said


def test_it_is_contained_once_cloudtrail_is_complete_to_thirty_minutes_after(site: Site) -> None:
    decision_id = contained(site)
    deliver(site, minutes=44)
    assert look(site, decision_id, minutes=45).state == "watching"
    deliver(site, minutes=1)
    found = look(site, decision_id, minutes=5)
    assert (found.state, found.next_at, found.contained_at) == ("contained", None, site.clock())


@pytest.mark.parametrize(
    ("command", "outcome", "state"),
    [
        ("iam:CreateUser", "success", "still_used"),
        ("iam:CreateUser", "failure", "contained"),
        ("sts:GetCallerIdentity", "success", "contained"),
    ],
)
def test_a_successful_call_after_the_change_is_no_quiet(site: Site, command: str, outcome: str, state: str) -> None:
    decision_id = contained(site)
    deliver(site, command, minutes=5, outcome=outcome)
    deliver(site, minutes=46)
    assert look(site, decision_id, minutes=50).state == state


def test_a_call_by_a_session_made_from_the_key_counts_too(site: Site) -> None:
    decision_id = contained(site)
    site.store.responses.keep_context(
        site.robbery.incident.incident_id, 1, '{"sessions": [{"access_key_id": "ASIAEXAMPLE"}]}', site.clock()
    )
    deliver(site, "s3:GetObject", minutes=5, key="ASIAEXAMPLE")
    found = look(site, decision_id, minutes=50)
    assert found.state == "still_used"
    assert "1 successful call since, the last at " in found.said
    assert found.said.endswith(": s3:GetObject.")


def test_after_a_day_without_proof_it_is_given_up(site: Site) -> None:
    found = look(site, contained(site), hours=25)
    assert (found.state, found.next_at) == ("unproven", None)


def test_calls_from_within_the_fence_and_before_the_change_had_spread_do_not_count() -> None:
    row = dict.fromkeys(schema.INDEX) | {
        "event.outcome": "success",
        "command": "s3:GetObject",
        "aws.cloudtrail.user_identity.access_key_id": "AKIA",
    }
    at = pl.datetime(2026, 3, 1, 12, time_unit="us", time_zone="UTC")
    index = pl.DataFrame(
        [row | {"event.id": name, "network": name} for name in ("81.2.69.0/24", "91.198.36.0/24")], schema=schema.INDEX
    ).with_columns(at.alias("@timestamp"))
    since = index["@timestamp"][0] - timedelta(seconds=1)
    assert still_made(index, ["AKIA"], ["81.2.69.0/24"], since)["event.id"].to_list() == ["91.198.36.0/24"]
    assert still_made(index, ["AKIA"], [], since + timedelta(seconds=1)).height == 0
    assert still_made(index, ["ASIA"], [], since).height == 0


def test_with_the_breaker_tripped_nothing_is_applied_again_and_the_watch_goes_on(site: Site) -> None:
    decision_id = contained(site)
    turn_on(site)
    site.store.responses.set_breaker(tripped=True, by="system:one", why="a drill", now=site.clock())
    found = look(site, decision_id, seconds=10)
    assert (found.state, site.robbery.key_status()) == ("reversed", "Active")
    assert found.said.endswith("It is not applied again: The breaker is tripped, by system:one: a drill.")
    assert found.next_at == site.clock() + timedelta(seconds=20)
