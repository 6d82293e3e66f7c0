"""Writes the geography as MaxMind-format databases, nested as GeoLite2-City and GeoLite2-ASN are."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from mmdb_writer import MMDBWriter, TreeWriter
from netaddr import IPSet

from prefect_cloudtrail.demo.addresses import Network
from prefect_cloudtrail.demo.geography import CITIES, COUNTRIES, City

ACCURACY_KM = 20
# MaxMind gives continents, countries and cities numbers of GeoNames; these are ours, apart from one another.
CITY_IDS = {city: 1001 + number for number, city in enumerate(CITIES)}
COUNTRY_IDS = {code: 501 + number for number, code in enumerate(COUNTRIES)}
CONTINENTS = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


def write_city_database(networks: Iterable[Network], path: Path, built: datetime) -> None:
    """Write where each network is; one without a city has its country and no more."""
    rows = (
        (IPSet([network.cidr]), {**_country_row(network.country), **_city_row(network.city)}) for network in networks
    )
    write_database(rows, path, "GeoLite2-City", built)


def write_asn_database(networks: Iterable[Network], path: Path, built: datetime) -> None:
    """Write who runs each network."""
    rows = (
        (
            IPSet([network.cidr]),
            {
                "autonomous_system_number": network.asn,
                "autonomous_system_organization": network.organisation,
            },
        )
        for network in networks
    )
    write_database(rows, path, "GeoLite2-ASN", built)


def _country_row(code: str) -> dict[str, object]:
    country = COUNTRIES[code]
    named = {"geoname_id": COUNTRY_IDS[code], "iso_code": code, "names": {"en": country.name}}
    continent = {"code": country.continent, "names": {"en": CONTINENTS[country.continent]}}
    return {"continent": continent, "country": named, "registered_country": named}


def _city_row(city: City | None) -> dict[str, object]:
    if city is None:
        return {}
    return {
        "city": {"geoname_id": CITY_IDS[city], "names": {"en": city.name}},
        "location": {
            "accuracy_radius": ACCURACY_KM,
            "latitude": city.latitude,
            "longitude": city.longitude,
        },
        "subdivisions": [{"iso_code": city.region, "names": {"en": city.region_name}}],
    }


def write_database(rows: Iterable[tuple[IPSet, dict[str, object]]], path: Path, kind: str, built: datetime) -> None:
    """Write a database of this type: what is said of each set of addresses."""
    writer = MMDBWriter(
        ip_version=6, database_type=kind, languages=["en"], description="Generated example", ipv4_compatible=True
    )
    for addresses, row in rows:
        writer.insert_network(addresses, row)
    # Not to_db_file: it stamps the clock's time into the file, and the same organisation is the same bytes.
    meta = {
        "ip_version": writer.ip_version,
        "database_type": writer.database_type,
        "languages": writer.languages,
        "binary_format_major_version": writer.binary_format_major_version,
        "binary_format_minor_version": writer.binary_format_minor_version,
        "description": writer.description,
        "build_epoch": int(built.timestamp()),
    }
    TreeWriter(writer.tree, meta).write(str(path))
