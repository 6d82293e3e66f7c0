"""The organisations that are judged: generated ones of several shapes, or whatever a folder holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from bench.quality.judge import Labelled
from bench.quality.real import attacks
from prefect_cloudtrail.demo import (
    DEMO,
    KINDS,
    Organisation,
    automation_heavy,
    carriers,
    generate,
    ipv6,
    many_accounts,
    missing_cities,
    remote_first,
    small,
    spread,
    varied,
)
from prefect_cloudtrail.demo.chance import shuffled, stream

# All are judged over the same two weeks, whatever they learn from before.
JUDGED_DAYS = 14
# So many thefts in two weeks, and so many of real attacks; fewer where there are only a few people to rob.
THEFTS = (6, 12)
REAL_THEFTS = 2
# Late objects are delivered after the last day.
AFTER_THE_END = timedelta(days=1)

Shape = Callable[[int], Organisation]
SHAPES: MappingProxyType[str, Shape] = MappingProxyType(
    {
        "office": lambda seed: replace(DEMO, seed=seed),
        "small": small,
        "spread": spread,
        "remote_first": remote_first,
        "many_accounts": many_accounts,
        "automation_heavy": automation_heavy,
        "carriers": carriers,
        "missing_cities": missing_cities,
        "ipv6": ipv6,
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


def generated(shape: str, seed: int, kinds: Sequence[str] = ()) -> World:
    """Return a world of this shape, varied by its seed, with thefts spread over its last two weeks.

    Args:
        shape: one of SHAPES.
        seed: which of the shape's organisations.
        kinds: one theft of each of these; up to a dozen of all kinds, dealt by the seed, where nothing is said, and two
            attacks from real records where those are at hand.
    """
    organisation = varied(replace(SHAPES[shape](seed), theft_days=JUDGED_DAYS))
    chance = stream(seed, "thefts", shape)
    least, most = THEFTS
    dealt = shuffled(chance, tuple(KINDS))[: max(least, min(most, organisation.people // 2))]
    replays = () if kinds else shuffled(chance, attacks())[:REAL_THEFTS]
    organisation = replace(organisation, thefts=tuple(kinds) or dealt, replays=replays)
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
