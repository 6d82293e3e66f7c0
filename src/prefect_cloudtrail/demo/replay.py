"""An attack taken from real records: its commands, their errors and the time between them, and nothing else of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prefect_cloudtrail.demo.commands import Command

# The fewest calls that tell a story, and the most that are taken of one.
LEAST_STEPS = 3
MOST_STEPS = 60


@dataclass(frozen=True)
class Step:
    """One call: how many seconds after the first, which, and how it failed; None where it did not."""

    after: float
    command: Command
    error: str | None


@dataclass(frozen=True)
class Replay:
    """One attack, call by call in order; `name` says which."""

    name: str
    steps: tuple[Step, ...]


def replay(name: str, records: Sequence[Mapping[str, Any]]) -> Replay | None:
    """Return the attack these CloudTrail records are; None where they are too few to tell a story.

    Args:
        name: which attack.
        records: one caller's, in any order; those that a service made are left out.
    """
    calls = sorted((record for record in records if _is_a_call(record)), key=lambda record: str(record["eventTime"]))
    if len(calls) < LEAST_STEPS:
        return None
    first = _time(calls[0])
    steps = tuple(
        Step(
            after=(_time(record) - first).total_seconds(),
            command=Command(str(record["eventSource"]), str(record["eventName"])),
            error=record.get("errorCode"),
        )
        for record in calls[:MOST_STEPS]
    )
    return Replay(name, steps)


def _is_a_call(record: Mapping[str, Any]) -> bool:
    return not str(record.get("sourceIPAddress", "")).endswith(".amazonaws.com") and "invokedBy" not in (
        record.get("userIdentity") or {}
    )


def _time(record: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(record["eventTime"]))
