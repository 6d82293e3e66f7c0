"""What innocents do that thieves do, too."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import geoip2.database
import pytest
from demo.reading import Reading

from prefect_cloudtrail.demo import Organisation, carriers, generate, missing_cities, small
from prefect_cloudtrail.demo.addresses import Line
from prefect_cloudtrail.demo.habits import ODDITIES
from prefect_cloudtrail.demo.roster import Person, Roster, recruit
from prefect_cloudtrail.demo.workday import Session, person_calls, robot_calls, sessions
from prefect_cloudtrail.errors import SettingsError


def odd(*names: str) -> Organisation:
    """Return a small organisation in which everybody is odd in these ways."""
    return replace(small(4), days=40, theft_days=1, oddities=tuple((name, 1.0) for name in names))


@cache
def days_of(*names: str) -> tuple[Roster, dict[tuple[str, int], tuple[Session, ...]]]:
    roster = recruit(odd(*names))
    days = range(roster.organisation.days)
    return roster, {(person.name, day): sessions(roster, person, day) for person in roster.people for day in days}


def working(*names: str) -> Iterator[tuple[Person, int, tuple[Session, ...]]]:
    roster, found = days_of(*names)
    people = {person.name: person for person in roster.people}
    return ((people[name], day, own) for (name, day), own in found.items() if own)


def test_nobody_is_odd_unless_the_organisation_says_so() -> None:
    assert not [person for person in recruit(small()).people if person.habits & ODDITIES.keys()]


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("name", list(ODDITIES))
def test_an_oddity_is_as_common_as_its_share_says(name: str, share: float) -> None:
    people = recruit(replace(small(), oddities=((name, share),))).people
    assert [name in person.habits for person in people] == [share == 1.0] * len(people)


@pytest.mark.parametrize("wrong", ["habits", "oddities"])
def test_an_unknown_one_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"{wrong} must be among "):
        replace(small(), **{wrong: (("levitates", 0.5),)})  # type: ignore[arg-type]


def test_a_consultant_sits_at_one_hosting_company_s_desktop_for_weeks() -> None:
    seen: defaultdict[str, set[int]] = defaultdict(set)
    spots: defaultdict[str, set[tuple[Line, str]]] = defaultdict(set)
    for person, day, own in working("consultant"):
        if person.stint is not None and person.stint.covers(day):
            seen[person.name].add(day)
            spots[person.name] |= {(session.spot.line, session.spot.city.name) for session in own}
    assert max(map(len, seen.values())) >= 8
    assert all(len(each) == 1 and next(iter(each))[0] == Line.DESKTOP for each in spots.values())


def test_a_hosted_desktop_moves_between_cities() -> None:
    cities = {s.spot.city for _, _, own in working("hosted desktop") for s in own if s.spot.line == Line.DESKTOP}
    assert len(cities) > 3


def test_who_relocates_lives_elsewhere_from_then_on_with_a_new_laptop() -> None:
    moved = [(person, own) for person, day, own in working("relocates") if person.move and person.move.covers(day)]
    assert len(moved) > 20
    for person, own in moved:
        assert person.move is not None
        assert person.laptop_day == person.move.first_day
        desks = [session.spot for session in own if session.spot.line in {Line.HOME, Line.OFFICE, Line.HOME6}]
        assert not [spot for spot in desks if spot.line == Line.OFFICE or spot.city == person.city]


def test_who_is_on_call_is_denied_in_a_row_at_a_hotel() -> None:
    roster, _ = days_of("on call")
    rows = 0
    for person, day, own in working("on call"):
        called = [session for session in own if session.error_codes == ("AccessDenied",)]
        rows += len(called)
        if called:
            assert person.trip_on(day) is not None
            denied = [call for call in person_calls(roster, person, day) if call.error == "AccessDenied"]
            assert len(denied) >= 1
            assert all(session.spot == own[0].spot for session in called)
    assert rows > 5


def test_who_onboards_makes_users_and_keys_abroad() -> None:
    roster, _ = days_of("onboards")
    abroad: Counter[str] = Counter()
    for person, day, _ in working("onboards"):
        names = [call.command.name for call in person_calls(roster, person, day)]
        if {"TagUser", "AddUserToGroup"} & set(names):
            assert person.trip_on(day) is not None
            abroad.update(names)
    assert abroad["CreateUser"] > 3
    assert abroad["CreateAccessKey"] > 3


def test_who_works_on_board_comes_out_at_an_airline_s_cities() -> None:
    lines = [
        (session.spot.line, session.spot.city)
        for person, day, own in working("works on board")
        if person.flies_on(day)
        for session in own
        if session.error_codes != ("AccessDenied",)
    ]
    assert {line for line, _ in lines} == {Line.BOARD}
    assert len({city for _, city in lines}) == 2


def test_a_team_goes_off_site_into_one_network() -> None:
    spots: defaultdict[tuple[int, str, str], set[str]] = defaultdict(set)
    for person, day, own in working("goes off-site"):
        for session in own:
            if session.spot.holder == "off-site":
                spots[day, session.spot.city.name, session.spot.line].add(person.name)
    assert len({city for _, city, _ in spots}) == 1
    assert max(map(len, spots.values())) > 5


def test_a_rotating_address_is_another_network_every_few_days() -> None:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for person, _, own in working("rotating address"):
        homes[person.name] |= {s.spot.holder for s in own if s.spot.line == Line.HOME and "guest" not in s.spot.holder}
    assert max(map(len, homes.values())) > 5


def test_on_a_bad_day_a_third_of_the_calls_fails() -> None:
    shares = [session.errors for _, _, own in working("bad days") for session in own]
    assert 0.02 < sum(share > 0.2 for share in shares) / len(shares) < 0.2


def test_a_runner_builds_with_a_user_s_key_in_another_city_every_day() -> None:
    roster = recruit(replace(small(), runners=1))
    runner = roster.robots[-1]
    days = [[call.spot for call in robot_calls(roster, runner, day) if call.spot] for day in range(14)]
    keys = {call.credentials.access_key[:4] for call in robot_calls(roster, runner, 2) if call.credentials}
    cities = [{spot.city for spot in spots if spot.line == Line.DESKTOP} for spots in days]
    assert keys == {"AKIA"}
    assert all(len(each) <= 1 for each in cities)
    assert len(set().union(*cities)) > 2


def test_somebody_takes_the_emergency_user_from_where_they_sit(tmp_path: Path) -> None:
    reading = Reading(generate(replace(small(), emergencies=0.5), tmp_path))
    taken = [record for record in reading.records if record["userIdentity"].get("userName") == "emergency"]
    others = {r["sourceIPAddress"] for r in reading.records if r["userIdentity"].get("userName") != "emergency"}
    assert len({record["eventTime"][:10] for record in taken}) > 2
    assert {record["sourceIPAddress"] for record in taken} <= others


def test_a_wandering_carrier_comes_out_all_over_its_country() -> None:
    roster = recruit(carriers())
    places: defaultdict[str, set[str]] = defaultdict(set)
    phones = sittings = 0
    for person in roster.people:
        for day in range(20):
            for session in sessions(roster, person, day):
                sittings += 1
                if session.spot.line == Line.GATEWAY:
                    phones += 1
                    assert session.spot.city.country == person.city.country
                    places[person.name].add(session.spot.city.name)
    assert phones > sittings / 3
    assert max(map(len, places.values())) > 2


def test_a_database_names_no_city_for_a_third_of_the_networks(tmp_path: Path) -> None:
    reading = Reading(generate(replace(missing_cities(), days=10, theft_days=1), tmp_path))
    addresses = {r["sourceIPAddress"] for r in reading.records if "invokedBy" not in r["userIdentity"]}
    networks = {address.rpartition(".")[0]: address for address in addresses}
    with geoip2.database.Reader(reading.generated.city_db) as cities:
        named = [cities.city(address).city.name is not None for address in networks.values()]
    assert 0.2 < named.count(False) / len(named) < 0.5
