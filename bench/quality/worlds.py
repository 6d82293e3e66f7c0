"""The organisations that are judged: generated ones of several shapes, or whatever a folder holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from bench.quality.judge import Labelled
from prefect_cloudtrail.demo import (
    DEMO,
    KINDS,
    Organisation,
    automation_heavy,
    generate,
    many_accounts,
    remote_first,
    small,
    spread,
)

# All are judged over the same two weeks, whatever they learn from before.
JUDGED_DAYS = 14
# Late objects are delivered after the last day.
AFTER_THE_END = timedelta(days=1)

Shape = Callable[[int], Organisation]
SHAPES: MappingProxyType[str, Shape] = MappingProxyType(
    {
        "office": lambda seed: replace(DEMO, seed=seed, days=45),
        "small": lambda seed: replace(small(seed), days=30),
        "spread": lambda seed: replace(spread(seed), days=45),
        "remote_first": remote_first,
        "many_accounts": many_accounts,
        "automation_heavy": automation_heavy,
    }
)


@dataclass(frozen=True)
class World:
    """One organisation to be judged: generated from `organisation`, or as it lies in `folder`."""

    shape: str
    seed: int | None
    learn_until: datetime
    until: datetime
    organisation: Organisation | None = None
    folder: Path | None = None

    @property
    def weeks(self) -> float:
        """How many weeks are judged."""
        end = self.organisation.end if self.organisation else self.until
        return (end - self.learn_until) / timedelta(days=7)

    @property
    def name(self) -> str:
        """Shape and seed in one word."""
        return self.shape if self.seed is None else f"{self.shape}-{self.seed}"


@dataclass(frozen=True)
class Trail:
    """Where a world's log objects and databases lie, and its thefts."""

    logs: Path
    city_db: Path
    asn_db: Path
    thefts: tuple[Labelled, ...]


def generated(shape: str, seed: int, kinds: Sequence[str] = tuple(KINDS)) -> World:
    """Return a world of this shape, with one theft of each kind spread over its last two weeks."""
    organisation = replace(SHAPES[shape](seed), thefts=tuple(kinds), theft_days=JUDGED_DAYS)
    learn_until = organisation.end - timedelta(days=JUDGED_DAYS)
    return World(shape, seed, learn_until, organisation.end + AFTER_THE_END, organisation=organisation)


def prepare(world: World, out: Path) -> Trail:
    """Return the world's trail, generated into `out` unless it lies in a folder already."""
    root = world.folder
    if world.organisation:
        root = generate(world.organisation, out).root
    if root is None:
        raise ValueError(f"the world {world.name} has neither an organisation nor a folder")
    return Trail(root / "AWSLogs", root / "city.mmdb", root / "asn.mmdb", tuple(_thefts(root, world.learn_until)))


def moment(text: str) -> datetime:
    """Return a moment of ISO 8601; UTC where it names no offset."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _thefts(root: Path, learn_until: datetime) -> list[Labelled]:
    """The thefts; one that began in the learning days, where nobody fitted later, counts neither for nor against."""
    events: dict[int, set[str]] = {}
    for label in _rows(root / "labels.ndjson"):
        events.setdefault(label["incident"], set()).add(label["eventID"])
    return [
        Labelled(
            number=row["incident"],
            kind=row["kind"],
            start=moment(row["start"]),
            third_event=moment(row["third_event"]),
            detectable=row["detectable_by_city"] and moment(row["start"]) >= learn_until,
            event_ids=frozenset(events.get(row["incident"], ())),
        )
        for row in _rows(root / "incidents.ndjson")
    ]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines() if line.strip()]
