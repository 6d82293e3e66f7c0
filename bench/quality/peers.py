"""What two peers would have raised on the same trail.

elastic     Elastic's formula for "Unusual City For an AWS Command" (rare by event.action, partition city, 60-minute
            buckets, record score of 50 and more), re-implemented from reading its source; not Elastic's output.
first_seen  the list many teams keep: an incident whenever a principal (its ARN) appears in a city for the first time,
            open for 48 hours.

Rows without a city are left out, as in Elastic's rule.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl

from bench.quality.elastic import BUCKET_SECONDS, rare_commands
from bench.quality.judge import Raised, RaisedAlert
from bench.quality.worlds import Trail
from prefect_cloudtrail.cloudtrail import FolderSource, read_objects
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.named import named

RECORD_SCORE = 50.0
LISTED_FOR = timedelta(hours=48)
LIST_READ_EVERY = timedelta(minutes=15)
# The list says nothing about how likely its entries are.
UNRATED = 0.5


class Sighting(NamedTuple):
    """One event with a city, as the peers look at it; sorts by time."""

    time: datetime
    city: str
    action: str
    principal: str
    event_id: str


def sightings(trail: Trail) -> list[Sighting]:
    """Return the trail's events that have a city and a caller, each once, in order of time."""
    source = FolderSource(trail.logs)
    events = read_objects(source, source.list()).events
    columns = ["@timestamp", "source.geo.city_name", "event.action", "aws.cloudtrail.user_identity.arn", "event.id"]
    placed = named(events, Geo.open(trail.city_db, trail.asn_db)).select(columns).drop_nulls()
    return [Sighting(*row) for row in placed.unique("event.id").sort(pl.all()).iter_rows()]


def first_seen(seen: Sequence[Sighting]) -> Iterator[Raised]:
    """Yield an incident for every principal's first time in a city, with its events there in the next 48 hours."""
    visits: dict[tuple[str, str], list[Sighting]] = {}
    for sighting in seen:
        visit = visits.setdefault((sighting.principal, sighting.city), [])
        if not visit or sighting.time < visit[0].time + LISTED_FOR:
            visit.append(sighting)
    for visit in visits.values():
        yield _raised(visit, UNRATED, visit[0].time + LIST_READ_EVERY)


def elastic(seen: Sequence[Sighting]) -> Iterator[Raised]:
    """Yield an incident for everybody who used a command, city and hour that Elastic's formula scores 50 and more."""
    cells: defaultdict[tuple[int, str, str], list[Sighting]] = defaultdict(list)
    for sighting in seen:
        bucket = int(sighting.time.timestamp()) // BUCKET_SECONDS * BUCKET_SECONDS
        cells[bucket, sighting.city, sighting.action].append(sighting)
    for record in rare_commands(cells):
        if record.score < RECORD_SCORE:
            continue
        people: defaultdict[str, list[Sighting]] = defaultdict(list)
        for sighting in cells[record.bucket, record.city, record.action]:
            people[sighting.principal].append(sighting)
        raised_at = datetime.fromtimestamp(record.bucket + BUCKET_SECONDS, UTC)
        for mine in people.values():
            yield _raised(mine, record.score / 100, raised_at)


def _raised(mine: Sequence[Sighting], risk: float, raised_at: datetime) -> Raised:
    ids = tuple(sighting.event_id for sighting in mine)
    return Raised(
        risk=risk,
        event_ids=ids,
        first_event=mine[0].time,
        last_event=mine[-1].time,
        alerts=(RaisedAlert(ids[:1], raised_at),),
        principal=mine[0].principal,
    )
