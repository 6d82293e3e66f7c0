"""Judged incidents as the fit needs them: what held, and whether it was a theft; of a file or of measured worlds."""

import json
from collections.abc import Collection, Iterable, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.quality.measure import OURS
from prefect_cloudtrail.errors import SettingsError


@dataclass(frozen=True)
class Judged:
    """One incident: the thefts it stands for, and the evidence that held in its riskiest strand, counted or not.

    `risk`, 0 to 1, is what it was rated. Where it is not `weighed` (a cohort, nothing about a place) it stays so.
    """

    risk: float
    stands_for: frozenset[int]
    evidence: frozenset[str]
    weighed: bool = True

    @property
    def true(self) -> bool:
        """Whether it is a theft's."""
        return bool(self.stands_for)


@dataclass(frozen=True)
class JudgedWorld:
    """One organisation's incidents of the judged weeks, and how many thefts there were to find."""

    name: str
    weeks: float
    thefts: int
    incidents: tuple[Judged, ...]

    @property
    def shape(self) -> str:
        """What kind of organisation it is; its own name where it was not generated."""
        return self.name.rpartition("-")[0] or self.name


def at_least_two(worlds: Sized) -> None:
    """Refuse to fit what may be one organisation's own.

    Raises:
        SettingsError: there is only one.
    """
    if len(worlds) <= 1:
        raise SettingsError("nothing is fitted on one organisation alone: add a --seed or an --organisation")


def read(path: Path, known: Collection[str]) -> list[JudgedWorld]:
    """Return our worlds of a file that `bench.fit weights --json` or `bench.quality --json` wrote.

    Args:
        path: the file.
        known: the names of all evidence.

    Raises:
        SettingsError: it is no such file, holds none of ours, or knows evidence that is not `known`.
    """
    try:
        worlds = of_rows(json.loads(path.read_text(encoding="utf-8"))["measured"])
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path} was not written by --json of this version; write it again") from error
    if not worlds:
        raise SettingsError(f"{path} holds no organisation that ours was measured on")
    strange = sorted(
        {name for each in worlds for one in each.incidents if one.weighed for name in one.evidence - set(known)}
    )
    if strange:
        raise SettingsError(f"{path} holds evidence that risk.WEIGHTS does not: {', '.join(strange)}; write it again")
    return worlds


def of_rows(rows: Iterable[Mapping[str, Any]]) -> list[JudgedWorld]:
    """Return our worlds of these rows of `Measured.row`."""
    return [
        JudgedWorld(
            name=row["organisation"] if row["seed"] is None else f"{row['organisation']}-{row['seed']}",
            weeks=row["weeks"],
            thefts=row["thefts"],
            incidents=tuple(
                Judged(each["risk"], frozenset(each["stands_for"]), frozenset(each["evidence"]), each["weighed"])
                for each in row["ranking"]
            ),
        )
        for row in rows
        if row["contender"] == OURS
    ]
