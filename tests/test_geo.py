"""Where an address is: what its database says, and what is no place."""

import ipaddress
import math
import os
import shutil
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from prefect_cloudtrail import networks
from prefect_cloudtrail.errors import GeoError
from prefect_cloudtrail.geo import Geo, caller, distance_km, kilometres, locate, network_of, place, place_key
from prefect_cloudtrail.networks import Address
from prefect_cloudtrail.schema import EVENTS, GEO, check

REAL = Path(__file__).parents[2] / "shared" / "data" / "geo"
needs_real_databases = pytest.mark.skipif(not REAL.is_dir(), reason=f"MaxMind's test databases are not in {REAL}")

Networks = dict[str, dict[str, Any]]


class Write(Protocol):
    def __call__(self, networks: Networks, kind: str = ..., version: int = ..., name: str = ...) -> Path: ...


KYIV = {
    "city": {"names": {"de": "Kiew", "en": "Kyiv"}},
    "subdivisions": [{"iso_code": "30", "names": {"en": "Kyiv City"}}],
    "country": {"iso_code": "UA", "names": {"en": "Ukraine"}},
    "location": {"latitude": 50.45, "longitude": 30.52, "accuracy_radius": 20},
}
COUNTRY_ALONE = {"country": {"iso_code": "UA", "names": {"en": "Ukraine"}}}
AS3320 = {"autonomous_system_number": 3320, "autonomous_system_organization": "Deutsche Telekom AG"}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a database of these networks and return its path."""

    def written(networks: Networks, kind: str = "GeoLite2-City", version: int = 6, name: str = "made.mmdb") -> Path:
        writer = MMDBWriter(version, kind, languages=["en"], ipv4_compatible=version == 6, float_type="f64")
        for network, record in networks.items():
            writer.insert_network(IPSet([network]), record)
        path: Path = tmp_path / name
        writer.to_db_file(str(path))
        return path

    return written


@pytest.fixture
def geo(write: Write) -> Geo:
    cities = write({"85.10.0.0/16": KYIV, "85.20.0.0/16": COUNTRY_ALONE, "2a01:100::/32": KYIV}, name="city.mmdb")
    return Geo.open(cities, write({"85.0.0.0/8": AS3320}, "GeoLite2-ASN", name="asn.mmdb"))


def events_from(*addresses: str | None) -> pl.DataFrame:
    columns = {name: [None] * len(addresses) for name in EVENTS} | {"source.address": list(addresses)}
    return pl.DataFrame(columns, schema=EVENTS)


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("85.10.1.2", "85.10.1.2"),
        (" 85.10.1.2 ", "85.10.1.2"),
        ("2A01:100:0::5", "2a01:100::5"),
        ("85.10.1.2, 10.0.0.1", "85.10.1.2"),
        ("10.0.0.1, 85.10.1.2", "85.10.1.2"),
        ("85.10.1.2,85.20.1.2", "85.10.1.2"),
        ("unknown, 85.10.1.2", "85.10.1.2"),
        ("::ffff:85.10.1.2", "85.10.1.2"),
        ("85.10.1.2:443", "85.10.1.2"),
        ("[2a01:100::5]", "2a01:100::5"),
        ("[2a01:100::5]:443", "2a01:100::5"),
        ("2a01:100::5%eth0", "2a01:100::5"),
    ],
)
def test_the_first_public_address_is_the_caller(written: str | None, address: str) -> None:
    assert str(caller(written)) == address


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        " ",
        ",",
        "AWS Internal",
        "ec2.amazonaws.com",
        "redacted",
        "<Victim source IP>",
        "1.2.3",
        "1.2.3.4.5",
        "253.252.051.07",
        "256.1.1.1",
        "16909060",
        "85.10.1.2/24",
        "[]",
        "\u0661.\u0662.\u0663.\u0664",  # Arabic digits
        "10.1.2.3",
        "172.16.0.1",
        "192.168.10.20",
        "127.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.90.254.5",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff0e::1",
        "2001:db8::1",
        "10.0.0.1, 192.168.1.1",
    ],
)
def test_what_is_no_public_address_is_no_place(written: str | None, geo: Geo) -> None:
    assert set(locate(written, geo).values()) == {None}


@settings(deadline=None)
@given(st.text() | st.ip_addresses().map(str))
def test_whatever_is_written_names_a_public_address_or_none(written: str | None) -> None:
    address = caller(written)
    assert address is None or (address.is_global and not address.is_multicast)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("85.10.1.2", "85.10.1.0/24"),
        ("85.10.1.255", "85.10.1.0/24"),
        ("2a01:100:7:8::5", "2a01:100:7::/48"),
        ("2a01:100::5", "2a01:100::/48"),
    ],
)
def test_a_network_is_a_24_or_a_48(address: str, network: str) -> None:
    assert network_of(ipaddress.ip_address(address)) == network


@settings(deadline=None)
@given(st.ip_addresses())
def test_a_network_holds_its_address_and_is_written_as_python_writes_it(address: Address) -> None:
    network = ipaddress.ip_network(network_of(address))
    assert address in network
    assert str(network) == network_of(address)


# --- places -----------------------------------------------------------------------------------------------------------


def test_an_address_has_a_network_a_city_and_an_owner(geo: Geo) -> None:
    assert locate("85.10.1.2", geo) == {
        "source.ip": "85.10.1.2",
        "network": "85.10.1.0/24",
        "source.geo.city_name": "Kyiv",
        "source.geo.region_name": "Kyiv City",
        "source.geo.country_iso_code": "UA",
        "source.geo.location.lat": 50.45,
        "source.geo.location.lon": 30.52,
        "source.geo.accuracy_km": 20.0,
        "source.as.number": 3320,
        "source.as.organization.name": "Deutsche Telekom AG",
        "network.kind": None,
        "place": "Kyiv, 30, UA",
    }


def test_an_address_written_as_ipv6_is_in_the_same_place(geo: Geo) -> None:
    assert locate("::ffff:85.10.1.2", geo) == locate("85.10.1.2", geo)


def test_an_ipv6_address_is_placed(geo: Geo) -> None:
    located = locate("2a01:100::5", geo)
    assert (located["network"], located["place"], located["source.as.number"]) == (
        "2a01:100::/48",
        "Kyiv, 30, UA",
        None,
    )


def test_a_missing_city_keeps_its_country(geo: Geo) -> None:
    located = locate("85.20.1.2", geo)
    assert (located["source.geo.city_name"], located["place"]) == (None, None)
    assert (located["source.geo.country_iso_code"], located["source.as.number"]) == ("UA", 3320)


def test_an_address_the_databases_do_not_know_keeps_its_network(geo: Geo) -> None:
    located = locate("9.9.9.9", geo)
    assert {name for name, value in located.items() if value is not None} == {"source.ip", "network"}


def test_an_ipv6_address_on_an_ipv4_database_has_no_place(write: Write) -> None:
    geo = Geo.open(write({"85.10.0.0/16": KYIV}, version=4))
    located = locate("2a01:100::5", geo)
    assert (located["network"], located["place"]) == ("2a01:100::/48", None)
    assert locate("85.10.1.2", geo)["place"] == "Kyiv, 30, UA"


RECORDS: list[tuple[dict[str, Any], dict[str, object]]] = [
    ({"registered_country": {"iso_code": "RO"}}, {"source.geo.country_iso_code": "RO"}),
    ({"country": {"iso_code": "BT"}, "registered_country": {"iso_code": "RO"}}, {"source.geo.country_iso_code": "BT"}),
    ({"country": {"names": {"en": "Nowhere"}}}, {"source.geo.country_iso_code": None}),
    ({"country": {"iso_code": "ZZ"}}, {"source.geo.country_iso_code": None}),
    ({"city": {"names": {"ja": "京都", "fr": "Kyôto"}}}, {"source.geo.city_name": "Kyôto", "place": "Kyôto"}),
    ({"city": {"geoname_id": 1}}, {"source.geo.city_name": None}),
    ({"city": {"names": {"en": "Evil\n<b>\x1b[31m\u202e"}}}, {"source.geo.city_name": "Evil <b> [31m"}),
    ({"city": "-", "country_code": "-", "latitude": "-"}, {"source.geo.city_name": None, "place": None}),
    ({"location": {"latitude": 1.5}}, {"source.geo.location.lat": None, "source.geo.location.lon": None}),
    ({"location": {"latitude": 0.0, "longitude": 0.0}}, {"source.geo.location.lat": None}),
    ({"location": {"latitude": 95.0, "longitude": 1.0}}, {"source.geo.location.lat": None}),
    ({"location": {"latitude": 1.0, "longitude": 2.0}}, {"source.geo.accuracy_km": None}),
    (
        {
            "city": {"names": {"en": "Boxford"}},
            "country": {"iso_code": "GB"},
            "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "WBK", "names": {"en": "West Berkshire"}}],
        },
        {"source.geo.region_name": "West Berkshire", "place": "Boxford, WBK, GB"},
    ),
    (
        # as DB-IP City Lite writes it: subdivisions without a code
        {
            "city": {"names": {"en": "Springfield"}},
            "country": {"iso_code": "US"},
            "subdivisions": [{"names": {"en": "Illinois"}}],
        },
        {"source.geo.region_name": "Illinois", "place": "Springfield, Illinois, US"},
    ),
    (
        {"city": "Berlin", "country_code": "de", "state1": "Land Berlin", "latitude": 52.52, "longitude": 13.4},
        {"place": "Berlin, Land Berlin, DE", "source.geo.location.lat": 52.52, "source.geo.location.lon": 13.4},
    ),
    (
        {"city": "Berlin", "country": "DE", "region": "BE", "lat": "52.52", "lng": "13.4", "radius": "25"},
        {"place": "Berlin, BE, DE", "source.geo.location.lon": 13.4, "source.geo.accuracy_km": 25.0},
    ),
    ({"city": "Berlin", "country": "Germany", "country_code": "DE"}, {"place": "Berlin, DE"}),
    (
        {"city": {"names": {"en": "Berlin"}}, "traits": {"autonomous_system_number": 3320}},
        {"source.as.number": 3320},
    ),
]


@pytest.mark.parametrize(("record", "expected"), RECORDS)
def test_each_form_of_a_city_record_is_read(record: dict[str, Any], expected: dict[str, object], write: Write) -> None:
    located = locate("85.10.1.2", Geo.open(write({"85.10.0.0/16": record, "86.0.0.0/8": KYIV})))
    assert {name: located[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("record", "number", "organization"),
    [
        (AS3320, 3320, "Deutsche Telekom AG"),
        ({"autonomous_system_number": "3320", "autonomous_system_organization": "DT"}, 3320, "DT"),
        ({"asn": "AS3320", "name": "DT"}, 3320, "DT"),
        ({"asn": "as3320", "as_name": "DT", "name": "other"}, 3320, "DT"),
        ({"asn": 4294967295}, 4294967295, None),
        ({"autonomous_system_number": 0, "autonomous_system_organization": "Not routed"}, None, "Not routed"),
        ({"asn": "none"}, None, None),
    ],
)
def test_each_form_of_an_asn_record_is_read(
    record: dict[str, Any], number: int | None, organization: str | None, write: Write
) -> None:
    networks = write({"85.10.0.0/16": record, "86.0.0.0/8": AS3320}, "Some ASN", name="asn.mmdb")
    located = locate("85.10.1.2", Geo.open(write({"85.10.0.0/16": KYIV}), networks))
    assert (located["source.as.number"], located["source.as.organization.name"]) == (number, organization)


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        (("Springfield", "IL", "US"), "Springfield, IL, US"),
        (("Springfield", "MO", "US"), "Springfield, MO, US"),
        (("Springfield", None, "US"), "Springfield, US"),
        (("Dover", "DE", None), "Dover, DE, ?"),
        (("Dover", None, "DE"), "Dover, DE"),
        (("Washington, D.C.", None, "US"), "Washington D.C., US"),
        (("Oslo", None, None), "Oslo"),
        ((None, "IL", "US"), None),
    ],
)
def test_a_place_is_one_key_and_two_places_are_two(
    parts: tuple[str | None, str | None, str | None], key: str | None
) -> None:
    assert place_key(*parts) == key


# --- frames -----------------------------------------------------------------------------------------------------------


def test_every_event_is_placed_in_its_row(geo: Geo) -> None:
    events = events_from("85.10.1.2", None, "AWS Internal", "85.20.1.2", "85.10.1.2", None)
    placed = place(events, geo)
    assert check(placed.select(*EVENTS), EVENTS, "EVENTS").equals(events)
    assert placed["source.ip"].to_list() == ["85.10.1.2", None, None, "85.20.1.2", "85.10.1.2", None]
    assert placed["place"].to_list() == ["Kyiv, 30, UA", None, None, None, "Kyiv, 30, UA", None]


ODD = (
    *("85.10.1.2", "85.10.1.2.", "85.10.1.", "85.10.1", "85.10.1.02", "85.10.1.256", "85.10.1.2:443", " 85.10.1.2"),
    *("85.30.1.1", "85.30.1.200", "85.40.1.7", "85.40.1.8", "192.0.0.8", "192.0.0.9", "10.0.0.1", "255.255.255.255"),
    *("2a01:100::1", "::ffff:85.10.1.2", "85.10.1.2, 85.20.1.2", "iam.amazonaws.com", "", None),
)


def test_addresses_placed_together_are_placed_as_each_one_is(write: Write, tmp_path: Path) -> None:
    # given a network that two records share, and one of which a single address is listed
    berlin: dict[str, Any] = {"city": {"names": {"en": "Berlin"}}, "country": {"iso_code": "DE"}}
    records = {"85.10.0.0/16": KYIV, "85.30.1.0/25": KYIV, "85.30.1.128/25": berlin, "85.40.0.0/16": berlin}
    listed = tmp_path / "networks.csv"
    listed.write_text("network,kind\n85.40.1.7/32,tor\n", encoding="utf-8")
    cities = write({**records, "2a01:100::/32": KYIV, "192.0.0.0/24": KYIV})
    geo = Geo.open(cities, networks=networks.Networks.read(listed))
    written = (*ODD, *reversed(ODD))
    # when
    placed, again = (place(events_from(*written), geo).select(*GEO) for _ in range(2))
    # then
    assert placed.to_dicts() == [locate(each, geo) for each in written]
    assert again.equals(placed)


def test_no_events_are_placed_as_none(geo: Geo) -> None:
    placed = place(events_from(), geo)
    assert placed.height == 0
    assert dict(placed.schema) == {**EVENTS, **GEO}


def test_events_are_placed_again_by_another_database(geo: Geo, write: Write) -> None:
    berlin = Geo.open(write({"85.10.0.0/16": {"city": "Berlin", "country_code": "DE"}}))
    placed = place(place(events_from("85.10.1.2"), geo), berlin)
    assert placed.columns == [*EVENTS, *GEO]
    assert placed["place"].to_list() == ["Berlin, DE"]


# --- databases --------------------------------------------------------------------------------------------------------


def test_a_build_is_the_types_and_the_times_they_were_built(geo: Geo) -> None:
    assert geo.asn
    assert geo.build == f"GeoLite2-City {geo.city.built}, GeoLite2-ASN {geo.asn.built}"
    assert geo.city.built > 1_700_000_000


@pytest.mark.parametrize("nothing", [None, Path()])
def test_no_city_database_says_what_to_pass(nothing: Path | None) -> None:
    with pytest.raises(GeoError, match=r"^no city database given: pass --city-db FILE"):
        Geo.open(nothing)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match=r"^no such city database: .*absent\.mmdb; pass the \.mmdb file to --city-db$"):
        Geo.open(tmp_path / "absent.mmdb")


def test_a_missing_asn_file_is_named(tmp_path: Path, write: Write) -> None:
    with pytest.raises(GeoError, match=r"^no such ASN database: .*absent\.mmdb; pass the \.mmdb file to --asn-db$"):
        Geo.open(write({"85.10.0.0/16": KYIV}), tmp_path / "absent.mmdb")


def test_a_folder_is_told_from_a_file(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="is a folder"):
        Geo.open(tmp_path)


def test_a_packed_file_says_to_unpack_it(tmp_path: Path) -> None:
    path = tmp_path / "city.mmdb.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(GeoError, match="unpack it"):
        Geo.open(path)


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_another_file_is_no_database(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "city.mmdb"
    path.write_bytes(content)
    with pytest.raises(GeoError, match=r"city\.mmdb is damaged or no database in MaxMind's format: fetch it again"):
        Geo.open(path)


def many_cities() -> Networks:
    return {f"85.{i}.0.0/16": {**KYIV, "city": {"names": {"en": f"City {i}"}}} for i in range(200)}


def test_a_file_cut_short_is_damaged(write: Write) -> None:
    path = write(many_cities())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(GeoError, match="damaged"):
        Geo.open(path)


def test_a_database_that_is_written_over_while_it_is_open_is_not_believed(geo: Geo) -> None:
    geo.require_unwritten()
    os.truncate(geo.city.path, geo.city.path.stat().st_size // 2)
    with pytest.raises(GeoError, match=r"was written over while it was read: run again, and have updates moved into"):
        geo.require_unwritten()


def test_a_database_that_is_replaced_or_deleted_while_it_is_open_stays_what_it_was(geo: Geo) -> None:
    path = geo.city.path
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").rename(path)
    geo.require_unwritten()
    path.unlink()
    geo.require_unwritten()
    assert locate("85.10.0.1", geo)["source.geo.city_name"] == "Kyiv"


def test_a_damaged_search_tree_is_found_at_opening(write: Write) -> None:
    path = write(many_cities())
    content = path.read_bytes()
    path.write_bytes(bytes(2_000) + content[2_000:])
    with pytest.raises(GeoError, match="damaged"):
        Geo.open(path)


def test_a_damaged_record_is_an_error_and_not_a_missing_city(write: Write) -> None:
    path = write(many_cities())
    content = path.read_bytes()
    at = content.index(b"City 150")
    path.write_bytes(content[: at - 1] + b"\xff" * 9 + content[at + 8 :])
    with pytest.raises(GeoError, match="damaged"):
        place(events_from(*(f"85.{i}.1.1" for i in range(200))), Geo.open(path))


@pytest.mark.parametrize("kind", ["GeoLite2-Country", "DBIP-Country-Lite"])
def test_a_country_database_is_no_city_database(kind: str, write: Write) -> None:
    with pytest.raises(GeoError, match=rf"holds no cities \(it is {kind}\): pass a city database to --city-db"):
        Geo.open(write({"85.10.0.0/16": COUNTRY_ALONE}, kind))


def test_an_asn_database_is_no_city_database(write: Write) -> None:
    with pytest.raises(GeoError, match=r"holds no cities \(it is GeoLite2-ASN\)"):
        Geo.open(write({"85.10.0.0/16": AS3320}, "GeoLite2-ASN"))


def test_a_city_database_is_no_asn_database(write: Write) -> None:
    cities = write({"85.10.0.0/16": KYIV})
    with pytest.raises(GeoError, match=r"holds no autonomous systems \(it is GeoLite2-City\).*--asn-db"):
        Geo.open(cities, cities)


def test_a_city_database_is_known_by_its_records(write: Write) -> None:
    geo = Geo.open(write({"85.10.0.0/16": {"city": "Berlin", "country_code": "DE"}}, "ip-location"))
    assert locate("85.10.1.2", geo)["place"] == "Berlin, DE"


# --- distances --------------------------------------------------------------------------------------------------------


BERLIN, KYIV_CENTRE, SUVA = (52.52, 13.405), (50.45, 30.52), (-18.14, 178.44)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (BERLIN, KYIV_CENTRE, 1204),
        (BERLIN, BERLIN, 0),
        ((0.0, 179.5), (0.0, -179.5), 111),
        ((90.0, 0.0), (-90.0, 0.0), 20015),
        ((0.0, 0.0), (0.0, 180.0), 20015),
    ],
)
def test_a_distance_is_the_great_circle(a: tuple[float, float], b: tuple[float, float], expected: int) -> None:
    assert round(distance_km(a, b)) == expected


@settings(deadline=None)
@given(*[st.tuples(st.floats(-90, 90), st.floats(-180, 180))] * 2)
def test_frames_and_values_have_the_same_distance(a: tuple[float, float], b: tuple[float, float]) -> None:
    frame = pl.DataFrame({"a": [a[0]], "b": [a[1]], "c": [b[0]], "d": [b[1]]})
    there = frame.select(kilometres(pl.col("a"), pl.col("b"), pl.col("c"), pl.col("d"))).item()
    assert math.isclose(there, distance_km(a, b), abs_tol=0.01)


def test_a_distance_to_nowhere_is_null() -> None:
    here = pl.DataFrame({"lat": [None, 1.0], "lon": [1.0, None]}, schema={"lat": pl.Float64, "lon": pl.Float64})
    there = here.select(kilometres(pl.col("lat"), pl.col("lon"), pl.lit(BERLIN[0]), pl.lit(BERLIN[1])))
    assert there.to_series().to_list() == [None, None]


# --- real databases ---------------------------------------------------------------------------------------------------


@needs_real_databases
@pytest.mark.parametrize("name", ["GeoLite2-City-Test", "GeoIP2-City-Test"])
def test_maxminds_own_test_database_is_read(name: str) -> None:
    geo = Geo.open(REAL / f"{name}.mmdb", REAL / "GeoLite2-ASN-Test.mmdb")
    placed = place(events_from("81.2.69.142", "216.160.83.56", "67.43.156.1", "89.160.20.112", "1.128.0.1"), geo)
    assert placed["place"].to_list() == ["London, ENG, GB", "Milton, WA, US", None, "Linköping, E, SE", None]
    assert placed["source.geo.country_iso_code"].to_list() == ["GB", "US", "BT", "SE", None]
    assert placed["source.as.number"].to_list() == [None, 209, 35908, 29518, 1221]


@needs_real_databases
def test_maxminds_asn_test_database_is_no_city_database() -> None:
    with pytest.raises(GeoError, match=r"it is GeoLite2-ASN"):
        Geo.open(REAL / "GeoLite2-ASN-Test.mmdb")
