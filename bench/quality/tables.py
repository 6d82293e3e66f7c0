"""The figures as tables that read well in a terminal and are Markdown."""

import os
import platform
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from statistics import mean

import polars as pl

from bench.quality.measure import CONTENDERS, Measured
from bench.quality.weights import Ratio

Row = Sequence[str]
HEADINGS = (
    "organisation",
    "seed",
    "by",
    "thefts",
    "found",
    "timely",
    "told thefts",
    "average precision",
    "read per true",
    "innocents told a week",
    "seconds",
)
RIGHT = frozenset(HEADINGS) - {"organisation", "by"}
NONE = "-"


def table(headings: Row, rows: Sequence[Row], right: frozenset[str] = RIGHT) -> str:
    """Return a Markdown table with its columns aligned; those named in `right` to the right."""
    widths = [max(len(line[column]) for line in (headings, *rows)) for column in range(len(headings))]
    sides = [heading in right for heading in headings]

    def line(cells: Row) -> str:
        padded = (
            cell.rjust(width) if side else cell.ljust(width)
            for cell, width, side in zip(cells, widths, sides, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rule = (f"{'-' * (width - 1)}{':' if side else '-'}" for width, side in zip(widths, sides, strict=True))
    return "\n".join([line(headings), f"| {' | '.join(rule)} |", *map(line, rows)])


def each_world(measured: Sequence[Measured]) -> str:
    """Return a row for every organisation, seed and contender."""
    return table(HEADINGS, [_row(each) for each in measured])


def each_shape(measured: Sequence[Measured]) -> str:
    """Return for every shape, and for all of them, each contender's mean over the seeds, and the worst in brackets."""
    headings = ("organisation", "seeds", *HEADINGS[2:])
    rows = [
        _summary(shape, [each for each in of_shape if each.contender == contender])
        for shape, of_shape in (*_by_shape(measured).items(), ("all", measured))
        for contender in CONTENDERS
    ]
    return table(headings, rows, RIGHT | {"seeds"})


def evidence(ratios: Sequence[Ratio]) -> str:
    """Return for every piece of evidence how often it holds for thieves and for innocents, and what that weighs."""
    headings = ("evidence", "thefts", "innocents", "decibans")
    rows = [
        (each.name, f"{each.true} of {each.all_true}", f"{each.false} of {each.all_false}", f"{each.decibans:+.1f}")
        for each in ratios
    ]
    return table(headings, rows, frozenset(headings[1:]))


def machine() -> str:
    """Return what the figures were made on, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory, {platform.system()}, "
        f"Python {platform.python_version()}, polars {pl.__version__}"
    )


def _row(each: Measured) -> Row:
    figures = each.figures
    return (
        each.world.shape,
        NONE if each.world.seed is None else str(each.world.seed),
        each.contender,
        str(figures.thefts),
        str(figures.found),
        str(figures.timely),
        str(figures.told_thefts),
        _number(figures.average_precision, 3),
        _number(figures.read_per_true, 2),
        _number(each.told_false_a_week, 1),
        _number(each.seconds, 0),
    )


@dataclass(frozen=True)
class _Over:
    """One shape's and contender's worlds."""

    measured: Sequence[Measured]

    def total(self, of: Callable[[Measured], int]) -> str:
        return str(sum(map(of, self.measured)))

    def spread(
        self, of: Callable[[Measured], float | None], worst: Callable[[Sequence[float]], float], digits: int
    ) -> str:
        """The mean, and the worst; nothing where one world has no such figure."""
        values = [of(each) for each in self.measured]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return NONE
        return f"{_number(mean(known), digits)} ({_number(worst(known), digits)})"


def _summary(shape: str, measured: Sequence[Measured]) -> Row:
    over = _Over(measured)
    return (
        shape,
        _seeds({each.world.seed for each in measured if each.world.seed is not None}),
        measured[0].contender,
        over.total(lambda each: each.figures.thefts),
        over.total(lambda each: each.figures.found),
        over.total(lambda each: each.figures.timely),
        over.total(lambda each: each.figures.told_thefts),
        over.spread(lambda each: each.figures.average_precision, min, 3),
        over.spread(lambda each: each.figures.read_per_true, max, 2),
        over.spread(lambda each: each.told_false_a_week, max, 1),
        over.spread(lambda each: each.seconds, max, 0),
    )


def _seeds(seeds: Collection[int]) -> str:
    """`1-5` where they follow each other, each of them where not."""
    if not seeds:
        return NONE
    whole = range(min(seeds), max(seeds) + 1)
    if len(seeds) > 1 and set(seeds) == set(whole):
        return f"{whole[0]}-{whole[-1]}"
    return ", ".join(map(str, sorted(seeds)))


def _by_shape(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    for each in measured:
        found.setdefault(each.world.shape, []).append(each)
    return found


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}f}"
