"""Where each event came from: ours beside a look-up a row, a look-up an address, and pandas."""

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from bench.speed.corpus import Window
from bench.speed.organisation import ASN, CITY
from bench.speed.sections import Line, Section, Setting, compared
from bench.speed.taken import Taken, in_its_own_process, in_turns, timed
from prefect_cloudtrail.geo import Geo, place
from prefect_cloudtrail.schema import GEO

OURS, PER_ROW, PER_ADDRESS, PANDAS = "ours", "geoip2 a row", "maxminddb an address", "pandas merge"
ADDRESS = "source.address"
# What every contender answers; ours answers the rest of GEO as well.
ANSWERED = [name for name in GEO if name.startswith(("source.geo.", "source.as."))]


def section(setting: Setting) -> Section:
    """Return ours beside the others; no goal was set for it."""
    window = setting.corpus.window(events=setting.events)
    given = {"trail": str(window.trail), "databases": str(setting.corpus.folder), "events": setting.few}
    found = in_turns([*PLACERS], setting.runs, lambda each: in_its_own_process("place", each, given), setting.tell)
    ours, *peers = found
    best = min(peers, key=lambda each: each.cpu)
    line = Line("place, against the best of three", compared(ours, peers), round(best.cpu / ours.cpu, 2), "-", None)
    said = f"{ours.figure('events'):,.0f} events of {ours.figure('addresses'):,.0f} addresses."
    return Section("place", said, found, [line])


def measured(contender: str, trail: str, databases: str, events: int) -> Taken:
    """Return what this contender took to place the first events of the window."""
    drawn = Window.of(Path(trail)).drawn.head(events).select(ADDRESS)
    folder = Path(databases)
    work = PLACERS[contender](folder)
    work(drawn.head(1))
    expected = place(drawn, Geo.open(folder / CITY, folder / ASN)).select(ANSWERED)
    counted = {"events": float(drawn.height), "addresses": float(drawn[ADDRESS].n_unique())}
    return timed(lambda: work(drawn), lambda found: found.select(ANSWERED).equals(expected), lambda _: counted)


Placer = Callable[[pl.DataFrame], pl.DataFrame]


def _ours(databases: Path) -> Placer:
    geo = Geo.open(databases / CITY, databases / ASN)
    return lambda events: place(events, geo)


def _per_row(databases: Path) -> Placer:
    import geoip2.database  # noqa: PLC0415 - so that nobody else's process holds it
    import geoip2.errors  # noqa: PLC0415

    cities, owners = (geoip2.database.Reader(databases / name) for name in (CITY, ASN))

    def find(written: str) -> dict[str, Any]:
        try:
            address = ipaddress.ip_address(written)
            city, owner = cities.city(address), owners.asn(address)
        except (ValueError, geoip2.errors.AddressNotFoundError):
            return dict.fromkeys(ANSWERED)
        region = city.subdivisions.most_specific
        found = (
            city.city.name,
            region.name,
            city.country.iso_code,
            city.location.latitude,
            city.location.longitude,
            city.location.accuracy_radius,
            owner.autonomous_system_number,
            owner.autonomous_system_organization,
        )
        return dict(zip(ANSWERED, found, strict=True))

    return lambda events: _framed([find(written) for written in events[ADDRESS]])


def _finder(databases: Path) -> Callable[[str], dict[str, Any]]:
    import maxminddb  # noqa: PLC0415 - so that nobody else's process holds it

    cities, owners = (maxminddb.open_database(databases / name) for name in (CITY, ASN))

    def find(written: str) -> dict[str, Any]:
        try:
            city: Any = cities.get(written) or {}
            owner: Any = owners.get(written) or {}
        except ValueError:
            return dict.fromkeys(ANSWERED)
        location = city.get("location", {})
        found = (
            city.get("city", {}).get("names", {}).get("en"),
            city.get("subdivisions", [{}])[-1].get("names", {}).get("en"),
            city.get("country", {}).get("iso_code"),
            location.get("latitude"),
            location.get("longitude"),
            location.get("accuracy_radius"),
            owner.get("autonomous_system_number"),
            owner.get("autonomous_system_organization"),
        )
        return dict(zip(ANSWERED, found, strict=True))

    return find


def _per_address(databases: Path) -> Placer:
    find = _finder(databases)

    def placed(events: pl.DataFrame) -> pl.DataFrame:
        found = {written: find(written) for written in events[ADDRESS].unique()}
        return _framed([found[written] for written in events[ADDRESS]])

    return placed


def _pandas(databases: Path) -> Placer:
    import pandas as pd  # noqa: PLC0415 - so that nobody else's process holds it

    find = _finder(databases)

    def placed(events: pl.DataFrame) -> pl.DataFrame:
        written = pd.DataFrame({ADDRESS: events[ADDRESS].to_list()})
        addresses = pd.DataFrame([{ADDRESS: each, **find(each)} for each in written[ADDRESS].unique()])
        merged = written.merge(addresses, on=ADDRESS, how="left")
        columns = {name: merged[name].astype(object).where(merged[name].notna(), None).tolist() for name in ANSWERED}
        whole = "source.as.number"
        columns[whole] = [None if each is None else int(each) for each in columns[whole]]
        return pl.DataFrame(columns, schema={name: GEO[name] for name in ANSWERED}, strict=False)

    return placed


def _framed(found: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(found, schema={name: GEO[name] for name in ANSWERED}, orient="row", strict=False)


PLACERS: dict[str, Callable[[Path], Placer]] = {
    OURS: _ours,
    PER_ROW: _per_row,
    PER_ADDRESS: _per_address,
    PANDAS: _pandas,
}
