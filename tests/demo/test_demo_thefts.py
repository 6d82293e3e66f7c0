from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import geoip2.database
import pytest
from builders import record
from demo.reading import Reading, Record

from prefect_cloudtrail.demo import (
    DEMO,
    KINDS,
    Organisation,
    Theft,
    automation_heavy,
    carriers,
    generate,
    ipv6,
    many_accounts,
    missing_cities,
    remote_first,
    replay,
    small,
    spread,
)
from prefect_cloudtrail.demo.addresses import Line
from prefect_cloudtrail.demo.geography import kilometres
from prefect_cloudtrail.demo.graft import schedule
from prefect_cloudtrail.demo.roster import Person, recruit
from prefect_cloudtrail.demo.workday import sessions


class Shape(Protocol):
    def __call__(self, seed: int, thefts: tuple[str, ...], /) -> Organisation: ...


SHAPES: tuple[Shape, ...] = (
    small,
    spread,
    remote_first,
    many_accounts,
    automation_heavy,
    carriers,
    missing_cities,
    ipv6,
)


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def network_of(ip: str) -> str:
    return ip.rpartition(".")[0]


def company_of(ip: str, reading: Reading) -> str:
    with geoip2.database.Reader(reading.generated.asn_db) as networks:
        return networks.asn(ip).autonomous_system_organization or ""


def innocents(reading: Reading) -> list[Record]:
    stolen = {event_id for theft in reading.generated.thefts for event_id in theft.event_ids}
    return [
        record
        for record in reading.records
        if record["eventID"] not in stolen and "invokedBy" not in record["userIdentity"]
    ]


def theft_of(kind: str, reading: Reading) -> Theft:
    return next(theft for theft in reading.generated.thefts if theft.kind == kind)


def place_of(ip: str, reading: Reading) -> tuple[str | None, str | None]:
    with geoip2.database.Reader(reading.generated.city_db) as cities:
        found = cities.city(ip)
    return found.city.name, found.subdivisions.most_specific.iso_code


def city_of(ip: str, reading: Reading) -> str | None:
    with geoip2.database.Reader(reading.generated.city_db) as cities:
        return cities.city(ip).city.name


def test_the_demo_theft_is_a_key_used_far_away_while_its_owner_works(demo: Reading) -> None:
    (theft,) = demo.generated.thefts
    stolen = demo.stolen("stolen_key")
    calls = [record for record in demo.records if record["userIdentity"].get("accessKeyId") == theft.access_key]
    owner = [record for record in calls if record["eventID"] not in theft.event_ids]
    names = {record["eventName"] for record in stolen}
    assert theft.access_key.startswith("AKIA")
    assert 15 <= len(stolen) <= 30
    assert theft.end - theft.start < timedelta(minutes=30)
    assert demo.generated.end - theft.start < timedelta(days=1)
    assert names >= {
        "GetCallerIdentity",
        "ListUsers",
        "CreateUser",
        "CreateAccessKey",
        "ListSecrets",
        "GetSecretValue",
    }
    assert any(record.get("errorCode") == "AccessDenied" for record in stolen)
    assert any(theft.start <= when(record["eventTime"]) <= theft.end for record in owner)
    assert any(when(record["eventTime"]) > theft.end for record in owner)


def test_nobody_else_is_ever_in_the_demo_thief_s_city(demo: Reading) -> None:
    (theft,) = demo.generated.thefts
    others = {
        record["sourceIPAddress"]
        for record in demo.records
        if record["eventID"] not in theft.event_ids and "invokedBy" not in record["userIdentity"]
    }
    assert city_of(theft.ip, demo) == theft.city
    with geoip2.database.Reader(demo.generated.city_db) as cities:
        assert theft.city not in {cities.city(address).city.name for address in others}


def test_labels_match_the_thefts(robbed: Reading) -> None:
    labels = list(robbed.rows("labels.ndjson"))
    for theft in robbed.generated.thefts:
        own = [row for row in labels if row["incident"] == theft.incident]
        assert [row["eventID"] for row in own] == list(theft.event_ids)
        assert {(row["kind"], row["plan"]) for row in own} == {(theft.kind, theft.plan)}
    assert len(labels) == sum(len(theft.event_ids) for theft in robbed.generated.thefts)


def test_the_rows_of_incidents_say_what_the_records_say(robbed: Reading) -> None:
    rows = list(robbed.rows("incidents.ndjson"))
    assert [row["kind"] for row in rows] == list(KINDS)
    for row in rows:
        stolen = robbed.stolen(row["kind"])
        times = [when(record["eventTime"]) for record in stolen]
        assert {record["sourceIPAddress"] for record in stolen} == {row["ip"]}
        assert {record["userIdentity"]["arn"] for record in stolen} == {row["principal"]}
        assert {record["userIdentity"]["accessKeyId"] for record in stolen} == {row["access_key"]}
        assert {record["recipientAccountId"] for record in stolen} == {row["account"]}
        assert (times[0], times[2], times[-1]) == tuple(map(when, (row["start"], row["third_event"], row["end"])))
        assert times == sorted(times)
        assert city_of(row["ip"], robbed) == row["city"]


def test_the_thief_at_home_cannot_be_seen_by_city(robbed: Reading) -> None:
    assert not theft_of("home_city", robbed).detectable_by_city


def test_no_theft_that_a_city_can_show_is_from_a_city_its_victim_is_seen_in(robbed: Reading) -> None:
    seen = {
        (record["userIdentity"]["arn"], place_of(record["sourceIPAddress"], robbed)) for record in innocents(robbed)
    }
    shown = [theft for theft in robbed.generated.thefts if theft.detectable_by_city]
    assert len(shown) > len(KINDS) / 2
    assert not [theft.kind for theft in shown if (theft.principal, place_of(theft.ip, robbed)) in seen]


def test_a_thief_on_a_colleague_s_network_shares_it_with_others_and_not_with_the_victim(robbed: Reading) -> None:
    theft = theft_of("colleagues_network", robbed)
    users = {
        record["userIdentity"]["arn"]
        for record in innocents(robbed)
        if network_of(record["sourceIPAddress"]) == network_of(theft.ip)
    }
    assert users - {theft.principal}
    assert theft.principal not in users or not theft.detectable_by_city


def test_a_thief_behind_a_commercial_vpn_leaves_by_an_exit_that_innocents_use(robbed: Reading) -> None:
    theft = theft_of("commercial_vpn", robbed)
    assert company_of(theft.ip, robbed) == "Example VPN"
    assert network_of(theft.ip) in {network_of(record["sourceIPAddress"]) for record in innocents(robbed)}


def test_a_thief_on_a_phone_comes_from_a_carrier(robbed: Reading) -> None:
    theft = theft_of("mobile_carrier", robbed)
    assert company_of(theft.ip, robbed).endswith(" Mobile")
    assert network_of(theft.ip) not in {network_of(record["sourceIPAddress"]) for record in innocents(robbed)}


def test_a_hijacked_session_is_a_temporary_key_its_owner_works_on_with(robbed: Reading) -> None:
    theft = theft_of("session_hijack", robbed)
    own = [r for r in innocents(robbed) if r["userIdentity"].get("accessKeyId") == theft.access_key]
    times = [when(record["eventTime"]) for record in own]
    assert theft.access_key.startswith("ASIA")
    assert min(times) < theft.start < max(times)
    assert theft.ip not in {record["sourceIPAddress"] for record in own}


def test_a_thief_comes_back_after_three_quiet_days(robbed: Reading) -> None:
    times = [when(record["eventTime"]) for record in robbed.stolen("comes_back")]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert sum(gap > timedelta(days=3) for gap in gaps) == 1
    assert sum(gap > timedelta(minutes=2) for gap in gaps) == 1


def test_a_traveller_is_robbed_while_at_a_hotel() -> None:
    roster = recruit(spread(1, ("while_travelling",)))
    (theft,) = schedule(roster)
    victim = theft.heist.victim
    day = (theft.calls[0].time - roster.organisation.start).days
    near = [sessions(roster, victim, each) for each in (day - 1, day)] if isinstance(victim, Person) else []
    assert Line.HOTEL in {session.spot.line for own in near for session in own}


@pytest.mark.parametrize("seed", range(6))
def test_thefts_fall_into_the_days_of_thefts(seed: int) -> None:
    organisation = carriers(seed, tuple(KINDS))
    first = organisation.end - timedelta(days=organisation.theft_days)
    assert [theft.kind for theft in schedule(recruit(organisation)) if theft.calls[0].time < first] == []


def test_a_patient_thief_with_the_victim_s_own_commands_calls_nothing_else() -> None:
    planned = {theft.kind: theft for theft in schedule(recruit(spread(1, tuple(KINDS))))}["own_commands_slow"]
    victim = planned.heist.victim
    times = [call.time for call in planned.calls]
    assert isinstance(victim, Person)
    assert set(planned.heist.commands) <= {*victim.skills.commands, *victim.later_skills.commands}
    assert not [call for call in planned.calls if call.error]
    assert min(later - earlier for earlier, later in pairwise(times)) > timedelta(hours=1)


def test_a_real_attack_is_replayed_call_by_call_from_a_city_nobody_was_in(tmp_path: Path) -> None:
    attack = replay(
        "a real one",
        [
            record(eventTime="2023-07-10T11:42:18Z", eventName="ListUsers"),
            record(eventTime="2023-07-10T11:42:58Z", eventName="CreateUser", errorCode="AccessDenied"),
            record(eventTime="2023-07-10T12:02:18Z", eventSource="s3.amazonaws.com", eventName="ListBuckets"),
        ],
    )
    assert attack is not None
    reading = Reading(generate(replace(small(), replays=(attack,)), tmp_path))
    (theft,) = reading.generated.thefts
    stolen = reading.stolen("replayed")
    times = [when(each["eventTime"]) for each in stolen]
    assert (theft.plan, theft.detectable_by_city) == ("a real one", True)
    assert [(each["eventSource"], each["eventName"], each.get("errorCode")) for each in stolen] == [
        ("iam.amazonaws.com", "ListUsers", None),
        ("iam.amazonaws.com", "CreateUser", "AccessDenied"),
        ("s3.amazonaws.com", "ListBuckets", None),
    ]
    assert [time - times[0] for time in times] == [timedelta(0), timedelta(seconds=40), timedelta(minutes=20)]
    assert city_of(theft.ip, reading) not in {city_of(each["sourceIPAddress"], reading) for each in innocents(reading)}


def test_stolen_keys_are_keys_their_owners_use(robbed: Reading) -> None:
    stolen = {event_id for theft in robbed.generated.thefts for event_id in theft.event_ids}
    owners = {r["userIdentity"].get("accessKeyId") for r in robbed.records if r["eventID"] not in stolen}
    assert {theft.access_key for theft in robbed.generated.thefts} <= owners


def test_a_patient_thief_waits_hours_between_calls(robbed: Reading) -> None:
    times = [when(record["eventTime"]) for record in robbed.stolen("slow")]
    assert min(later - earlier for earlier, later in pairwise(times)) > timedelta(hours=1)


def test_an_enumerating_thief_is_mostly_denied(robbed: Reading) -> None:
    denied = [record.get("errorCode") == "AccessDenied" for record in robbed.stolen("enumeration")]
    assert sum(denied) > len(denied) / 2


def test_a_thief_with_the_victim_s_own_commands_calls_nothing_else_and_is_never_denied() -> None:
    planned = {theft.kind: theft for theft in schedule(recruit(spread(1, tuple(KINDS))))}
    heist = planned["own_commands"].heist
    assert isinstance(heist.victim, Person)
    assert set(heist.commands) <= {*heist.victim.skills.commands, *heist.victim.later_skills.commands}
    assert [call.command for call in planned["own_commands"].calls] == list(heist.commands)
    assert not [call for call in planned["own_commands"].calls if call.error]


def test_instance_credentials_leave_aws(robbed: Reading) -> None:
    theft = next(theft for theft in robbed.generated.thefts if theft.kind == "instance_credentials")
    with geoip2.database.Reader(robbed.generated.asn_db) as networks:
        organisation = networks.asn(theft.ip).autonomous_system_organization or ""
    assert "-role/" in theft.principal
    assert "Amazon" not in organisation


def test_a_thief_on_a_rented_server_is_in_a_hosting_network(robbed: Reading) -> None:
    theft = next(theft for theft in robbed.generated.thefts if theft.kind == "hosting")
    with geoip2.database.Reader(robbed.generated.asn_db) as networks:
        assert "Hosting" in (networks.asn(theft.ip).autonomous_system_organization or "")


@pytest.mark.parametrize("seed", range(5))
def test_places_are_what_the_kind_says(seed: int) -> None:
    planned = {theft.kind: theft for theft in schedule(recruit(spread(seed, tuple(KINDS))))}
    roster = recruit(spread(seed))
    far = planned["far_new_city"].heist
    assert kilometres(far.city, far.victim.city) > 1000
    assert far.city in roster.unseen
    assert planned["same_country"].heist.city in roster.unseen
    assert planned["home_city"].heist.city == planned["home_city"].heist.victim.city
    colleague = planned["office_city_of_colleague"].heist
    assert colleague.city != colleague.victim.city
    assert colleague.city in {person.city for person in roster.people}


def test_a_theft_leaves_every_other_record_as_it_was(tmp_path: Path) -> None:
    quiet = replace(small(), days=3, theft_days=1)
    kinds = ("far_new_city", "hosting", "instance_credentials")
    without = Reading(generate(quiet, tmp_path / "without"))
    having = Reading(generate(replace(quiet, thefts=kinds), tmp_path / "with"))
    stolen = {event_id for theft in having.generated.thefts for event_id in theft.event_ids}
    assert {key: record for key, record in having.by_id.items() if key not in stolen} == without.by_id


@pytest.mark.parametrize("shape", SHAPES)
def test_every_kind_of_theft_happens_to_every_shape(shape: Shape, tmp_path: Path) -> None:
    full = shape(3, tuple(KINDS))
    organisation = replace(
        full, days=6, theft_days=1, visits=1, people=min(full.people, 20), robots=min(full.robots, 5)
    )
    reading = Reading(generate(organisation, tmp_path))
    assert [theft.kind for theft in reading.generated.thefts] == list(KINDS)
    assert all(event_id in reading.by_id for theft in reading.generated.thefts for event_id in theft.event_ids)
    assert all(len(theft.event_ids) >= 3 for theft in reading.generated.thefts)


@pytest.mark.parametrize("seed", range(8))
def test_the_demo_s_story_holds_whatever_the_seed(seed: int) -> None:
    (theft,) = schedule(recruit(replace(DEMO, seed=seed)))
    assert theft.heist.credentials.access_key.startswith("AKIA")
    assert theft.detectable
    assert theft.calls[-1].time < datetime(2026, 4, 1, tzinfo=UTC)
