"""A small generated organisation, its trail delivered step by step."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.demo import Generated, generate, small

THEFTS = ("far_new_city", "own_commands", "office_city_of_colleague", "instance_credentials")
JUDGED = timedelta(days=4)
# An object's records are up to a quarter of an hour old, so this leaves some of the newest rows for the next run.
HELD_BACK = timedelta(minutes=7)


@dataclass(frozen=True)
class Step:
    """What is delivered by a moment, and the command that is run then."""

    number: int
    command: str
    delivered: datetime
    until: datetime


@dataclass(frozen=True)
class Robbed:
    """A generated organisation with a theft each day, and the steps in which its trail arrives."""

    generated: Generated
    steps: tuple[Step, ...]

    def deliver(self, step: Step, folder: Path) -> None:
        """Put into the folder what is delivered by the step; what is there stays."""
        root = self.generated.root / "AWSLogs"
        for each in FolderSource(root).list():
            link = folder / each.key
            if each.delivered and each.delivered <= step.delivered and not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                os.link(root / each.key, link)

    def arguments(self, step: Step, folder: Path, state: Path, database: str | None) -> list[str]:
        """Return the command's arguments."""
        given = {
            "--source": folder,
            "--city-db": self.generated.city_db,
            "--asn-db": self.generated.asn_db,
            "--state": state,
            "--database": database,
            "--until": step.until.isoformat(),
        }
        return [step.command, "--json", *(str(word) for pair in given.items() if pair[1] for word in pair)]


def robbed(folder: Path, seed: int, steps: int) -> Robbed:
    """Return two weeks of a dozen people, written into the folder: ten days to learn from, then `steps` to judge."""
    generated = generate(small(seed=seed, thefts=THEFTS), folder)
    return Robbed(generated, tuple(_steps(generated.end, steps)))


def _steps(end: datetime, steps: int) -> Iterator[Step]:
    learned = end - JUDGED
    yield Step(0, "backfill", learned, learned - HELD_BACK)
    for number in range(1, steps):
        delivered = learned + JUDGED * number / steps
        yield Step(number, "detect", delivered, delivered - HELD_BACK)
    late = end + timedelta(days=1)
    yield Step(steps, "detect", late, late)
