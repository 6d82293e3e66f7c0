"""When to kill: at any moment of a run, or as soon as it is seen to do what matters."""

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.drills.processes import Running
from prefect_cloudtrail.store.files import KINDS

# What to wait for before the delay begins.
START, FILE, FILES, COMMIT = "at any moment", "a file is there", "its files are there", "the commit is written"
AIMS = (START, FILE, FILES, COMMIT)
# A commit of a small run takes some milliseconds.
COMMIT_SECONDS = 0.03
LOOK_SECONDS = 0.0002


@dataclass(frozen=True)
class Moment:
    """What to wait for, and how long after it to kill."""

    aim: str
    delay: float


def draw(chance: Random, usual_seconds: float) -> Moment:
    """Return a moment: half of them anywhere in a run's usual time, half at what matters or within a commit after."""
    aim = chance.choice((START, START, START, FILE, FILES, COMMIT))
    if aim == START:
        return Moment(aim, chance.uniform(0, usual_seconds))
    return Moment(aim, chance.choice((0.0, chance.uniform(0, COMMIT_SECONDS))))


def kill_at(moment: Moment, running: Running, state: Path) -> bool:
    """Kill the run at its moment, or return False where it ended before it."""
    watched = _Watched(state)
    while not running.is_over():
        if watched.shows(moment.aim):
            time.sleep(moment.delay)
            if running.is_over():
                return False
            running.kill()
            return True
        time.sleep(LOOK_SECONDS)
    return False


class _Watched:
    """A state folder, looked at from outside; of a database elsewhere nothing is seen but the files before it."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._log = state / "cases.db-wal"
        self._files = self._names()
        self._log_before: int | None = None

    def shows(self, aim: str) -> bool:
        """Return whether what is waited for has happened."""
        if aim == START:
            return True
        new = self._names() - self._files
        if aim == FILE:
            return bool(new)
        # The index comes after the presences, and nothing but what is folded after it.
        if not any(name.startswith("index/") for name in new):
            return False
        if aim == FILES or not self._log.exists():
            return True
        size = self._log.stat().st_size
        if self._log_before is None:
            self._log_before = size
        return size != self._log_before

    def _names(self) -> set[str]:
        found = set()
        for kind in KINDS:
            try:
                found |= {f"{kind}/{path.name}" for path in (self._state / kind).iterdir()}
            except FileNotFoundError:
                continue  # the run has still to make it
        return found
