"""2 place: which network and place an address belongs to, from databases in MaxMind's format.

Reads MaxMind's own nesting (GeoLite2, GeoIP2, DB-IP) and the flat records that some redistributors write.
"""

import ipaddress
import math
import os
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Self

import maxminddb
import polars as pl

from prefect_cloudtrail.errors import GeoError
from prefect_cloudtrail.networks import IPV4, NETWORK_BITS, NOTHING_LISTED, Address, Networks
from prefect_cloudtrail.schema import GEO

Record = dict[str, object]
Located = Mapping[str, object]  # GEO columns of one address

EARTH_RADIUS_KM = 6371.0088

# A right database shows what it holds within its first blocks; a wrong one is read this far to be sure.
_SAMPLED_BLOCKS = 20_000
_NOTHING: Record = {}

_CITY = ("city", "city_name")
_REGION = ("region", "subdivision", "state1", "region_name", "state", "stateprov")
_COUNTRY = ("country", "country_code", "country_iso_code", "country_iso")
_REGISTERED_COUNTRY = ("registered_country", "registered_country_code")
_LATITUDE = ("latitude", "lat")
_LONGITUDE = ("longitude", "lon", "lng")
_ACCURACY = ("accuracy_radius", "radius")
_AS_NUMBER = ("autonomous_system_number", "as_number", "asn")
_AS_ORGANIZATION = ("autonomous_system_organization", "as_organization", "as_name", "organization", "name", "org")

_MOST_REMEMBERED = 200_000
_NUMBER = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^((?:{_NUMBER}\.){{3}}){_NUMBER}$"
_MIXED = "192.0.0."  # some of its addresses are public, others are not

_SEPARATORS = re.compile(r"[,\s]+")
_IPV4_WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+):\d{1,5}")
_BRACKETED = re.compile(r"\[([^\[\]]*)\](?::\d{1,5})?")
_AS_NUMBER_TEXT = re.compile(r"(?:AS)?(\d{1,10})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Database:
    """One open database, and the file it is."""

    path: Path
    reader: maxminddb.Reader
    type: str
    built: int  # epoch seconds
    ip_version: int
    opened: os.stat_result

    def require_unwritten(self) -> None:
        """Make sure that nobody wrote over the file since it was opened; another in its place is another file.

        Raises:
            GeoError: somebody did, so what was looked up may be anything.
        """
        try:
            now = self.path.stat()
        except OSError:
            return  # deleted, or moved away: what is open is whole
        was = self.opened
        if (now.st_dev, now.st_ino) == (was.st_dev, was.st_ino) and (now.st_size, now.st_mtime_ns) != (
            was.st_size,
            was.st_mtime_ns,
        ):
            raise GeoError(
                f"{self.path} was written over while it was read: run again, and have updates moved into its place"
            )

    def find(self, address: Address) -> Record:
        """Return the record of this address; an empty one where there is none."""
        return self.find_block(address)[0]

    def find_block(self, address: Address) -> tuple[Record, int]:
        """Return the record of this address, and how long the prefix is whose addresses all have it."""
        if address.version > self.ip_version:
            return _NOTHING, 0
        try:
            record, length = self.reader.get_with_prefix_len(address)
        except (maxminddb.InvalidDatabaseError, UnicodeDecodeError) as error:
            raise GeoError(f"{self.path} is damaged: {error}; fetch it again") from error
        return _mapping(record), length

    def first_records(self) -> Iterator[Record]:
        """Yield the records it begins with, block by block."""
        # Asked for, not iterated over: where a damaged tree leads back into itself, the reader's iterator writes beyond
        # its memory, and ends the process.
        kind = ipaddress.IPv4Address if self.ip_version == IPV4 else ipaddress.IPv6Address
        bits = kind(0).max_prefixlen
        at = 0
        for _ in range(_SAMPLED_BLOCKS):
            record, length = self.find_block(kind(at))
            if record:
                yield record
            at = ((at >> (bits - length)) + 1) << (bits - length)
            if at >> bits:
                return


@dataclass(frozen=True)
class Geo:
    """The open databases, and the networks that are listed by hand.

    `build` is each database's type and build epoch, recorded with what was placed by them.
    """

    city: Database
    asn: Database | None
    build: str
    networks: Networks = NOTHING_LISTED
    # What was looked up already: an address, or the first three numbers of an IPv4 network; which of the two, first.
    located: dict[tuple[bool, str], Located | None] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[Callable[..., "Geo"], tuple[object, ...]]:
        """Open the files again in the process that it is sent to, once: what it looked up, it remembers there."""
        return _reopened, (pickle.dumps((self.city.path, self.asn and self.asn.path, self.networks, self.build)),)

    @classmethod
    def open(cls, city_db: Path | None, asn_db: Path | None = None, networks: Networks | None = None) -> Self:
        """Return the opened databases.

        Raises:
            GeoError: no file given, no such file, damaged, or of the wrong kind; says which and what to pass.
        """
        cities = _open(city_db, "--city-db", "city")
        if not _holds_cities(cities):
            raise GeoError(
                f"{cities.path} holds no cities (it is {cities.type}): "
                "pass a city database to --city-db, such as GeoLite2-City or DB-IP City Lite"
            )
        owners = None if asn_db is None else _open(asn_db, "--asn-db", "ASN")
        if owners and not _holds_autonomous_systems(owners):
            raise GeoError(
                f"{owners.path} holds no autonomous systems (it is {owners.type}): "
                "pass an ASN database to --asn-db, such as GeoLite2-ASN or DB-IP ASN Lite, or leave it out"
            )
        build = ", ".join(f"{each.type} {each.built}" for each in (cities, owners) if each)
        return cls(cities, owners, build, networks or NOTHING_LISTED)

    def require_unwritten(self) -> None:
        """Make sure that nobody wrote over the databases since they were opened.

        Raises:
            GeoError: somebody did, so what was looked up may be anything.
        """
        for each in (self.city, self.asn):
            if each:
                each.require_unwritten()


def place(events: pl.DataFrame, geo: Geo) -> pl.DataFrame:
    """Return the events with where each came from: the same rows in the same order, and the GEO columns.

    Args:
        events: has `source.address`; may be empty. GEO columns that it has already are replaced.
        geo: each distinct address is looked up once, those of an IPv4 network that has one record together.
    """
    written = pl.col("source.address")
    rows = events.select(written, written.str.extract(_IPV4).alias("beginning"))
    beginnings = rows["beginning"].unique().drop_nulls()
    networks = [(each, _located_network(each, geo)) for each in beginnings]
    together = {each: found for each, found in networks if found}
    # An address of such a network is looked up by its beginning, any other by itself.
    is_together = pl.col("beginning").is_in(pl.Series(list(together), dtype=pl.String).implode())
    key = pl.when(is_together).then("beginning").otherwise(written).alias("key")
    rows = rows.select(written, key, is_together.fill_null(value=False).alias("is_together"))
    alone = rows.filter(~pl.col("is_together"))["key"].unique()
    found: list[tuple[str | None, bool, Located]] = [(each, True, columns) for each, columns in together.items()]
    found += [(each, False, _located_address(each, geo)) for each in alone]
    located = pl.DataFrame(
        [{**columns, "key": each, "is_together": of_network} for each, of_network, columns in found],
        schema={"key": pl.String, "is_together": pl.Boolean, **GEO},
    )
    # On both: what is written may be nothing but a network's beginning.
    placed = rows.join(located, on=["key", "is_together"], how="left", nulls_equal=True, maintain_order="left")
    # Its own, of a public network's; a private one has none.
    address = pl.when(pl.col("is_together") & pl.col("source.ip").is_not_null()).then(written).otherwise("source.ip")
    return events.drop(*GEO, strict=False).hstack(placed.with_columns(address.alias("source.ip")).select(*GEO))


def _located_address(written: str | None, geo: Geo) -> Located:
    return _remembered(geo, (False, written or ""), lambda: locate(written, geo)) or {}


def _located_network(beginning: str, geo: Geo) -> Located | None:
    """Return the GEO columns of every address that begins so, `source.ip` apart; None where they may differ."""
    return _remembered(geo, (True, beginning), lambda: _located_together(beginning, geo))


def _located_together(beginning: str, geo: Geo) -> Located | None:
    first = ipaddress.IPv4Address(f"{beginning}0")
    lengths = [database.find_block(first)[1] for database in (geo.city, geo.asn) if database]
    divided = beginning == _MIXED or f"{first}/{NETWORK_BITS}" in geo.networks.divided
    return None if divided or max(lengths) > NETWORK_BITS else locate(str(first), geo)


def _remembered(geo: Geo, key: tuple[bool, str], look_up: Callable[[], Located | None]) -> Located | None:
    # Threads may share it: what was there may be gone at once.
    with suppress(KeyError):
        return geo.located[key]
    if len(geo.located) >= _MOST_REMEMBERED:
        geo.located.clear()
    found = geo.located[key] = look_up()
    return found


def locate(written: str | None, geo: Geo) -> Mapping[str, object]:
    """Return the GEO columns of one address as it is written in a record; all null where it is no place."""
    address = caller(written)
    if address is None:
        return dict.fromkeys(GEO)
    record = geo.city.find(address)
    owner = geo.asn.find(address) if geo.asn else _mapping(record.get("traits"))
    city = _name(record, _CITY)
    region, region_code = _region(record)
    country = _country_code(record)
    latitude, longitude, accuracy = _position(record)
    owner_name = _name(owner, _AS_ORGANIZATION)
    return {
        "source.ip": str(address),
        "network": network_of(address),
        "source.geo.city_name": city,
        "source.geo.region_name": region,
        "source.geo.country_iso_code": country,
        "source.geo.location.lat": latitude,
        "source.geo.location.lon": longitude,
        "source.geo.accuracy_km": accuracy,
        "source.as.number": _as_number(owner),
        "source.as.organization.name": owner_name,
        "network.kind": geo.networks.kind(address, owner_name),
        "place": place_key(city, region_code, country),
    }


def caller(written: str | None) -> Address | None:
    """Return the first public address in a sourceIPAddress; None for a service's name, private, reserved, invalid."""
    for part in _SEPARATORS.split(written or ""):
        address = _address(part)
        if address is not None and _is_public(address):
            return address
    return None


def network_of(address: Address) -> str:
    """Return the network that history counts this address as: its /24, or its /48."""
    bits = NETWORK_BITS if isinstance(address, ipaddress.IPv4Address) else 48
    rest = address.max_prefixlen - bits
    return f"{type(address)(int(address) >> rest << rest)}/{bits}"


def place_key(city: str | None, region: str | None, country: str | None) -> str | None:
    """Return one text for a place, so that two Springfields are two: "Springfield, IL, US"; None without a city.

    Two parts are always a city and its country; a region without a country says so with a question mark.
    """
    if city is None:
        return None
    parts = (city, region, country or ("?" if region else None))
    return ", ".join(" ".join(part.replace(",", " ").split()) for part in parts if part)


def kilometres(lat1: pl.Expr, lon1: pl.Expr, lat2: pl.Expr, lon2: pl.Expr) -> pl.Expr:
    """Return the great-circle distance of two points in degrees; null where one of the four is."""
    north, east = (lat2 - lat1).radians() / 2, (lon2 - lon1).radians() / 2
    chord = north.sin() ** 2 + lat1.radians().cos() * lat2.radians().cos() * east.sin() ** 2
    return 2 * EARTH_RADIUS_KM * chord.clip(0.0, 1.0).sqrt().arcsin()


@lru_cache(maxsize=65_536)
def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the great-circle distance of two (latitude, longitude) in degrees."""
    north, east = math.radians(b[0] - a[0]) / 2, math.radians(b[1] - a[1]) / 2
    chord = math.sin(north) ** 2 + math.cos(math.radians(a[0])) * math.cos(math.radians(b[0])) * math.sin(east) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))


# --- opening ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _reopened(pickled: bytes) -> Geo:
    city_db, asn_db, networks, build = pickle.loads(pickled)  # noqa: S301 - from within a pickle of our own
    geo = Geo.open(city_db, asn_db, networks)
    if geo.build != build:
        raise GeoError(
            f"{city_db} or {asn_db} is another build here than where the run began: "
            "give all that read for it the same files, then start it again"
        )
    return geo


def _open(path: Path | None, option: str, kind: str) -> Database:
    """Return the database in this file, whatever it holds."""
    if path is None or path == Path():
        raise GeoError(f"no {kind} database given: pass {option} FILE, a .mmdb file in MaxMind's format")
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == b"\x1f\x8b"
            opened = os.fstat(file.fileno())
    except FileNotFoundError as error:
        raise GeoError(f"no such {kind} database: {path}; pass the .mmdb file to {option}") from error
    except IsADirectoryError as error:
        raise GeoError(f"{path} is a folder: pass the .mmdb file in it to {option}") from error
    except OSError as error:
        raise GeoError(f"cannot read the {kind} database {path}: {error.strerror}") from error
    if is_packed:
        raise GeoError(f"{path} is packed: unpack it, then pass the .mmdb file to {option}")
    try:
        reader = maxminddb.open_database(path)
        metadata = reader.metadata()
    except (maxminddb.InvalidDatabaseError, UnicodeDecodeError) as error:
        raise GeoError(f"{path} is damaged or no database in MaxMind's format: fetch it again") from error
    if metadata.ip_version not in {4, 6}:
        raise GeoError(f"{path} is damaged: it says that it is of IP version {metadata.ip_version}; fetch it again")
    kind_written = _text(metadata.database_type) or "of no type"
    return Database(path, reader, kind_written, int(metadata.build_epoch), int(metadata.ip_version), opened)


def _holds_cities(database: Database) -> bool:
    """Return whether its records name cities; its type alone decides where its records show nothing but countries."""
    says_so = "city" in database.type.lower() or "enterprise" in database.type.lower()
    return any(
        _name(record, _CITY) or (says_so and (_position(record)[0] is not None or _country_code(record)))
        for record in database.first_records()
    )


def _holds_autonomous_systems(database: Database) -> bool:
    return any(_as_number(record) for record in database.first_records())


# --- reading a record -------------------------------------------------------------------------------------------------


def _mapping(value: object) -> Record:
    return value if isinstance(value, dict) else _NOTHING


def _text(value: object) -> str | None:
    """Return what can be shown of it, without control characters; None where nothing is left or it says "none"."""
    if not isinstance(value, str):
        return None
    words = " ".join((value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)).split())
    return words if words.strip("-") else None


def _name(record: Record, keys: tuple[str, ...]) -> str | None:
    """Return the first of these that has a name, flat or nested; the English one, else any."""
    for key in keys:
        value = record.get(key)
        if value is None:
            continue
        if found := _text(value):
            return found
        names = _mapping(_mapping(value).get("names"))
        for language in ("en", *sorted(names)):
            if found := _text(names.get(language)):
                return found
    return None


def _region(record: Record) -> tuple[str | None, str | None]:
    """Return the smallest subdivision's name and what stands for it in a place: its ISO code, else its name."""
    subdivisions = record.get("subdivisions")
    for subdivision in reversed(subdivisions) if isinstance(subdivisions, list) else ():
        name, code = _name({"": subdivision}, ("",)), _text(_mapping(subdivision).get("iso_code"))
        if name or code:
            return name or code, code or name
    name, code = _name(record, _REGION), _text(record.get("region_code"))
    return name or code, code or name


def _country_code(record: Record) -> str | None:
    for key in _COUNTRY + _REGISTERED_COUNTRY:
        value = record.get(key)
        if value is None:
            continue
        code = (_text(_mapping(value).get("iso_code")) or _text(value) or "").upper()
        if len(code) == 2 and code.isascii() and code.isalpha() and code != "ZZ":  # noqa: PLR2004 # ZZ: unknown
            return code
    return None


def _position(record: Record) -> tuple[float | None, float | None, float | None]:
    """Return latitude, longitude and the accuracy radius in kilometres."""
    location = _mapping(record.get("location")) or record
    latitude, longitude = _number(location, _LATITUDE, 90), _number(location, _LONGITUDE, 180)
    # 0, 0 lies in the sea: some databases write it for "unknown".
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None, None, None
    accuracy = _number(location, _ACCURACY, math.pi * EARTH_RADIUS_KM)
    return latitude, longitude, abs(accuracy) if accuracy else None


def _number(record: Record, keys: tuple[str, ...], limit: float) -> float | None:
    for key in keys:
        value = record.get(key)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except ValueError:
                continue  # a text such as "-" says that it is not known
            if abs(number) <= limit:
                return number
    return None


def _as_number(record: Record) -> int | None:
    for holder in (record, _mapping(record.get("traits"))):
        for key in _AS_NUMBER:
            value = holder.get(key)
            match = _AS_NUMBER_TEXT.fullmatch(str(value).strip()) if isinstance(value, str | int) else None
            if match and int(match[1]):
                return int(match[1])
    return None


# --- reading an address -----------------------------------------------------------------------------------------------


def _address(text: str) -> Address | None:
    """Return the address this is, without a port, brackets or a zone; an IPv4 address written as IPv6 as IPv4."""
    bare = _BRACKETED.fullmatch(text) or _IPV4_WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((bare[1] if bare else text).partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_reserved:
        return False
    return address.is_global and not (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
