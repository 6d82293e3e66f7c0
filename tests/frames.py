"""Builders: a test shows only the fields it is about."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import cos, radians
from typing import Any

import polars as pl

from prefect_cloudtrail import schema
from prefect_cloudtrail.history import History, holds, presences
from prefect_cloudtrail.rarity import sightings
from prefect_cloudtrail.strand import Call, Facts, Strand, UsualPlace

CITIES = {
    "Berlin": ("Berlin, BE, DE", "DE", 52.52, 13.40),
    "Potsdam": ("Potsdam, BB, DE", "DE", 52.40, 13.07),
    "Munich": ("Munich, BY, DE", "DE", 48.14, 11.58),
    "Austin": ("Austin, TX, US", "US", 30.27, -97.74),
    "Kyiv": ("Kyiv, 30, UA", "UA", 50.45, 30.52),
}
NETWORKS = {"Berlin": 1, "Potsdam": 2, "Munich": 3, "Austin": 4, "Kyiv": 5}
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def user(name: str, account: str = "111122223333") -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def call(
    city: str | None = "Berlin",
    *,
    at: datetime = NOON,
    who: str = "ana",
    command: str = "ec2:DescribeInstances",
    network: str | None = None,
    account: str = "111122223333",
    **other: Any,
) -> dict[str, Any]:
    """Return one PLACED row; `at` is when, `city` one of CITIES, or None for no city."""
    place, country, lat, lon = CITIES[city] if city else (None, "DE", None, None)
    service, action = command.split(":")
    window = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0) + timedelta(minutes=15)
    row: dict[str, Any] = dict.fromkeys(schema.PLACED)
    row |= {
        "@timestamp": at,
        "event.id": f"{who}-{command}-{at.isoformat()}-{city}-{network}",
        "event.provider": f"{service}.amazonaws.com",
        "event.action": action,
        "event.outcome": "success",
        "cloud.account.id": account,
        "source.ip": f"50.0.{NETWORKS.get(city or '', 9)}.7",
        "network": network or f"50.0.{NETWORKS.get(city or '', 9)}.0/24",
        "source.geo.country_iso_code": country,
        "source.geo.location.lat": lat,
        "source.geo.location.lon": lon,
        "source.as.number": 3320,
        "source.as.organization.name": "Example Broadband",
        "place": place,
        "command": command,
        "principal": user(who, account),
        "principal.kind": "iam_user",
        "person": f"user {who}",
        "peers": f"{account} iam_user",
        "user_agent.name": "aws-cli",
        "aws.cloudtrail.user_identity.access_key_id": "AKIAEXAMPLE",
        "window": window,
        "hour": at.replace(minute=0, second=0, microsecond=0),
        "late": False,
        "log.file.path": "trail.json.gz",
        "log.offset": 0,
    }
    return row | other


def placed(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema.PLACED, orient="row")


def days(count: int, city: str = "Berlin", *, before: datetime = NOON, **other: Any) -> list[dict[str, Any]]:
    """Return one call a day, on each of the days before."""
    return [call(city, at=before - timedelta(days=number), **other) for number in range(count, 0, -1)]


def colleagues(count: int, city: str = "Berlin", days_each: int = 20, **other: Any) -> list[dict[str, Any]]:
    return [row for number in range(count) for row in days(days_each, city, who=f"colleague{number}", **other)]


def places(*rows: dict[str, Any]) -> pl.DataFrame:
    """Return PLACES of CITIES and of these rows."""
    known = [call(city) for city in CITIES]
    return (
        placed([*rows, *known])
        .filter(pl.col("place").is_not_null())
        .unique("place", keep="first")
        .select(list(schema.PLACES))
    )


def history(past: Sequence[dict[str, Any]], held: Sequence[tuple[str, datetime]] = ()) -> History:
    return History.of(schema.empty(schema.USUAL).lazy(), presences(placed(past)), holds(held))


def find(
    detector: Any,
    rows: Sequence[dict[str, Any]],
    past: Sequence[dict[str, Any]],
    held: Sequence[tuple[str, datetime]] = (),
) -> pl.DataFrame:
    """Return what the detector finds in these calls after that past."""
    known = history([*past, *rows], held)
    found = detector.find(sightings(placed(rows), known), known, places(*rows))
    assert isinstance(found, pl.DataFrame)
    return schema.check(found, schema.FINDING, "FINDING")


def east_of(city: str, kilometres: float) -> dict[str, Any]:
    """Return the fields of a place that far to the east."""
    _, country, lat, lon = CITIES[city]
    return {
        "place": f"{kilometres} km east of {city}",
        "source.geo.country_iso_code": country,
        "source.geo.location.lat": lat,
        "source.geo.location.lon": lon + kilometres / (111.195 * cos(radians(lat))),
        "network": "50.0.77.0/24",
    }


def a_call(city: str | None = "Kyiv", minutes: float = 0, **other: Any) -> Call:
    """Return one Call, `minutes` after noon."""
    place, country, lat, lon = CITIES[city] if city else (None, "DE", None, None)
    at = NOON + timedelta(minutes=minutes)
    fields: dict[str, Any] = {
        "first": at,
        "last": at,
        "window": at + timedelta(minutes=15),
        "command": "ec2:DescribeInstances",
        "place": place,
        "country": country,
        "latitude": lat,
        "longitude": lon,
        "network": f"50.0.{NETWORKS.get(city or '', 9)}.0/24",
        "asn": 3320,
        "organisation": "Example Broadband",
        "kind": None,
        "agent": "aws-cli",
        "error": None,
        "access_key_id": "AKIAEXAMPLE",
        "mfa": None,
        "events": 1,
    }
    return Call(**(fields | other))


BERLIN = UsualPlace("Berlin, BE, DE", 52.52, 13.40, 40)


def strand(*here: Call, elsewhere: Sequence[Call] = (), kind: str = "iam_user", **known: Any) -> Strand:
    """Return a strand in Kyiv of somebody who is usually in Berlin."""
    calls = here or (a_call(),)
    facts: dict[str, Any] = {
        "active_days": 41,
        "known_days": 60,
        "hours": tuple((hour, 30) for hour in range(6, 22)),
        "usual": (BERLIN,),
        "countries": frozenset({"DE"}),
        "asns": frozenset({"AS64500"}),
        "agents": frozenset({"aws-cli"}),
        "commands": frozenset({"ec2:DescribeInstances"}),
        "organisation_agents": frozenset({"aws-cli", "Boto3"}),
        "organisation_active_days": 60,
    }
    where = calls[0].place or calls[0].country or f"AS{calls[0].asn}"
    level = "place" if calls[0].place else "country" if calls[0].country else "asn"
    return Strand(user("ana"), kind, where, level, calls, tuple(elsewhere), Facts(**(facts | known)))
