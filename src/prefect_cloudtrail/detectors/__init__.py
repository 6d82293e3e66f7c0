"""The detectors, one rule a file; a new file here is found by itself."""

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

import polars as pl

from prefect_cloudtrail.history import History, Tally
from prefect_cloudtrail.rule import Rule
from prefect_cloudtrail.schema import FINDING, empty


class Detector(Protocol):
    """What a module in this folder offers."""

    RULE: Rule

    def find(self, sightings: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:
        """Return FINDING of SIGHTINGS and LEARNS."""
        ...


@cache
def detectors() -> tuple[Detector, ...]:
    """Return every detector in this folder, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast("Detector", importlib.import_module(f"{__name__}.{name}")) for name in names)


def rules() -> dict[str, Rule]:
    """Return every rule by its name."""
    return {detector.RULE.name: detector.RULE for detector in detectors()}


def tallies() -> tuple[Tally, ...]:
    """Return every question the rules ask of history, each once."""
    return tuple(dict.fromkeys(tally for rule in rules().values() for tally in rule.tallies))


def find(sightings: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:
    """Return every detector's FINDING rows in one frame, in a fixed order."""
    found = [detector.find(sightings, history, places) for detector in detectors()]
    return pl.concat([empty(FINDING), *found]).sort("window", "hour", "principal", "rule", "command", "outcome")
