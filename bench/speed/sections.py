"""What a row of the table says, and what it is said of."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bench.speed.corpus import Corpus
from bench.speed.taken import Contender, Taken


@dataclass(frozen=True)
class Setting:
    """What the command was told: where the corpora are, how much of them to read, how often, and who hears of it."""

    corpus: Corpus
    events: int  # of a window
    few: int  # of a window, where a peer takes long
    runs: int
    tell: Callable[[str], None]
    work: Path  # a folder for what a run leaves; deleted at the end
    days: int = 90  # of history


@dataclass(frozen=True)
class Line:
    """One goal: what, ours and its peer's figures, how they compare, and what was wanted."""

    what: str
    figures: str
    found: float | None
    goal: str
    met: bool | None

    @classmethod
    def times(cls, what: str, figures: str, found: float, at_least: float) -> Self:
        """Return the line of how many times as fast something must be at least."""
        return cls(what, figures, round(found, 2), f"at least {at_least:g} times", found >= at_least)

    @classmethod
    def most(cls, what: str, figures: str, found: float, limit: float, unit: str) -> Self:
        """Return the line of what must stay under a limit."""
        return cls(what, figures, round(found, 2), f"under {limit:g} {unit}", found < limit)

    @classmethod
    def left_out(cls, what: str, goal: str, why: str) -> Self:
        """Return the line of what was not measured here."""
        return cls(what, f"left out: {why}", None, goal, None)


@dataclass(frozen=True)
class Section:
    """One row's contenders and goals; `size` says of what, in one sentence."""

    name: str
    size: str
    contenders: Sequence[Contender]
    lines: Sequence[Line]

    @classmethod
    def read(cls, row: dict[str, Any]) -> Self:
        """Return what `row` wrote."""
        contenders = [
            Contender(each["name"], [Taken(**run) for run in each["runs"]], each["left_out"])
            for each in row["contenders"]
        ]
        return cls(row["name"], row["size"], contenders, [Line(**line) for line in row["lines"]])

    def row(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def compared(ours: Contender, peers: Sequence[Contender]) -> str:
    """Return seconds of a processor, ours first."""
    return ", ".join(f"{each.name} {each.cpu:.2f} s" for each in (ours, *peers) if each.runs)
