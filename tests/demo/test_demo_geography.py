from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import geoip2.database
import pytest
from demo.reading import Reading
from geoip2.errors import AddressNotFoundError

from prefect_cloudtrail.demo.addresses import AddressPlan, Line, Spot
from prefect_cloudtrail.demo.databases import write_asn_database, write_city_database
from prefect_cloudtrail.demo.geography import BY_NAME, CITIES, COUNTRIES, kilometres, neighbour
from prefect_cloudtrail.demo.organisation import FIRST_DAY, Organisation, small, spread
from prefect_cloudtrail.demo.roster import recruit
from prefect_cloudtrail.demo.workday import sessions

Place = tuple[str | None, str | None, str | None]


def resolve(spot: Spot, folder: Path) -> Place:
    """Return the city, the country and the network's organisation that the written databases give."""
    plan = AddressPlan(seed=1)
    address = plan.address(spot)
    write_city_database(plan.networks, folder / "city.mmdb", FIRST_DAY)
    write_asn_database(plan.networks, folder / "asn.mmdb", FIRST_DAY)
    with (
        geoip2.database.Reader(folder / "city.mmdb") as cities,
        geoip2.database.Reader(folder / "asn.mmdb") as networks,
    ):
        place = cities.city(address)
        return place.city.name, place.country.iso_code, networks.asn(address).autonomous_system_organization


@pytest.mark.parametrize(
    ("line", "city", "expected"),
    [
        (Line.OFFICE, "Berlin", ("Berlin", "DE", "Berlin Business Net")),
        (Line.CARRIER, "Berlin", ("Frankfurt am Main", "DE", "DE Mobile")),
        (Line.CARRIER, "Tbilisi", ("Tbilisi", "GE", "GE Mobile")),
        (Line.NOWHERE, "Austin", (None, "US", "US Telecom")),
        (Line.CLOUD, "Boardman", ("Boardman", "US", "Amazon.com, Inc.")),
        (Line.EGRESS, "Zurich", ("Zurich", "CH", "Example Corp Network")),
        (Line.EXIT, "Medellín", ("Medellín", "CO", "Example VPN")),
        (Line.BOARD, "Dallas", ("Dallas", "US", "Example Onboard Internet")),
        (Line.GATEWAY, "Rostock", ("Rostock", "DE", "DE Mobile")),
        (Line.STRANGER_PHONE, "Rostock", ("Frankfurt am Main", "DE", "DE Mobile")),
    ],
)
def test_a_line_resolves_to_where_its_database_puts_it(line: Line, city: str, expected: Place, tmp_path: Path) -> None:
    assert resolve(Spot(line, BY_NAME[city], "somebody", 7), tmp_path) == expected


@pytest.mark.parametrize(
    "line", [Line.HOME, Line.HOME6, Line.HOTEL, Line.STRANGER, Line.STRANGER6, Line.HOSTING, Line.DESKTOP]
)
def test_a_household_or_server_resolves_to_its_own_city(line: Line, tmp_path: Path) -> None:
    city, country, _ = resolve(Spot(line, BY_NAME["Sapporo"], "somebody", 250), tmp_path)
    assert (city, country) == ("Sapporo", "JP")


def test_a_few_homes_are_put_into_the_wrong_city_of_the_right_country() -> None:
    plan = AddressPlan(seed=1)
    homes = [plan.network(Spot(Line.HOME, BY_NAME["Rostock"], f"person {number}", 1)) for number in range(500)]
    places = [home.city.name for home in homes if home.city is not None]
    assert set(places) == {"Rostock", "Frankfurt am Main"}
    assert 1 <= places.count("Frankfurt am Main") <= 25


def test_exits_are_rented_from_hosting_companies_where_the_organisation_says_so() -> None:
    plan = AddressPlan(seed=1, rented_exits=True)
    assert "Hosting" in plan.network(Spot(Line.EXIT, BY_NAME["Berlin"], "", 1)).organisation


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.3, 50, 100), (1.0, 250, 250)])
def test_so_many_networks_have_no_city_and_aws_s_always_have(share: float, least: int, most: int) -> None:
    plan = AddressPlan(seed=1, nameless_share=share)
    homes = [plan.network(Spot(Line.HOTEL, BY_NAME["Rostock"], f"hotel {number}", 1)) for number in range(250)]
    clouds = [plan.network(Spot(Line.CLOUD, BY_NAME["Dublin"], str(number), 1)) for number in range(50)]
    assert least <= sum(home.city is None for home in homes) <= most
    assert {home.country for home in homes} == {"DE"}
    assert {cloud.city for cloud in clouds} == {BY_NAME["Dublin"]}


def test_networks_are_never_shared_between_lines_cities_or_holders() -> None:
    plan = AddressPlan(seed=1)
    spots = [Spot(line, city, holder, 1) for line in Line for city in CITIES[:10] for holder in ("one", "two")]
    assert len({plan.network(spot).cidr for spot in spots}) == len(spots)


@pytest.mark.parametrize("line", list(Line))
def test_every_range_is_globally_routable(line: Line) -> None:
    assert ip_address(AddressPlan(seed=1).address(Spot(line, BY_NAME["Berlin"], "", 250))).is_global


def test_every_address_of_the_demo_resolves(demo: Reading) -> None:
    addresses = {record["sourceIPAddress"] for record in demo.records} - {
        record["userIdentity"].get("invokedBy") for record in demo.records
    }
    with geoip2.database.Reader(demo.generated.city_db) as cities:
        places = [cities.city(address) for address in addresses]
        with pytest.raises(AddressNotFoundError):
            cities.city("8.8.8.8")
    assert all(place.country.iso_code in COUNTRIES for place in places)
    assert any(place.city.name is None for place in places)
    assert any(":" in address for address in addresses)


def test_the_demo_shows_carriers_travellers_and_a_rollout(demo: Reading) -> None:
    with geoip2.database.Reader(demo.generated.asn_db) as networks:
        seen = {
            (record["userIdentity"]["arn"], networks.asn(record["sourceIPAddress"]).autonomous_system_organization)
            for record in demo.records
            if "invokedBy" not in record["userIdentity"]
        }
    cohort = {arn for arn, organisation in seen if organisation == "Example Corp Network"}
    assert len(cohort) >= 4
    assert {"DE Mobile", "Example VPN", "US Telecom"} <= {organisation for _, organisation in seen}


@pytest.mark.parametrize("organisation", [small(), spread()])
def test_nobody_ever_comes_near_an_unseen_city(organisation: Organisation) -> None:
    roster = recruit(replace(organisation, people=60))
    haunts = {city for person in roster.people for city in roster.haunts(person)}
    haunts |= {robot.city for robot in roster.robots}
    assert len(roster.unseen) > 5
    assert min(kilometres(unseen, haunt) for unseen in roster.unseen for haunt in haunts) > 99


def test_travellers_fly_before_they_work_elsewhere_and_are_in_one_place_at_a_time() -> None:
    roster = recruit(replace(spread(), people=40))
    for person in roster.people:
        days = [range(trip.first_day, trip.first_day + trip.days + 1) for trip in person.trips]
        assert len(set().union(*days)) == sum(map(len, days))
        for trip in person.trips:
            cities = {session.spot.city for session in sessions(roster, person, trip.first_day)}
            assert not cities or kilometres(trip.city, person.city) <= 1000


def test_distances_are_those_on_a_globe() -> None:
    assert kilometres(BY_NAME["Berlin"], BY_NAME["Paris"]) == pytest.approx(878, abs=3)
    assert kilometres(BY_NAME["Sydney"], BY_NAME["Valparaíso"]) == pytest.approx(11_340, abs=60)


def test_a_neighbour_is_within_fifty_kilometres_or_oneself() -> None:
    assert neighbour(BY_NAME["Berlin"]).name == "Potsdam"
    assert neighbour(BY_NAME["Perth"]).name == "Perth"


def test_no_coordinate_is_a_whole_number() -> None:
    assert not [city for city in CITIES if city.latitude.is_integer() or city.longitude.is_integer()]
