"""What doctor answers: one thing that was looked at, how it is, and what to do; and the words for spans and counts."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.text import plain

Status = Literal["ok", "warn", "fail", "skipped"]

LONGEST_MESSAGE = 600
HEADINGS = {"ok": "ok", "warn": "warn", "fail": "FAIL", "skipped": "-"}


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do; `fix` is empty where nothing is to do or `said` says it."""

    name: str
    status: Status
    said: str
    fix: str = ""

    def row(self) -> dict[str, str]:
        """Return it as a row for machines."""
        return {"type": "check", **asdict(self)}

    def text(self, width: int = 80) -> str:
        """Return it for people, wrapped, without its heading's colour."""
        indent = " " * 18
        said = textwrap.wrap(
            plain(self.said, LONGEST_MESSAGE), width, initial_indent=indent, subsequent_indent=indent, **_WRAPPED
        )
        fix = textwrap.wrap(
            plain(self.fix, LONGEST_MESSAGE),
            width,
            initial_indent=f"{indent}-> ",
            subsequent_indent=f"{indent}   ",
            **_WRAPPED,
        )
        heading = f"{HEADINGS[self.status]:<5} {self.name:<11} "
        return "\n".join([heading + said[0].lstrip() if said else heading, *said[1:], *fix])


_WRAPPED: dict[str, Any] = {"break_on_hyphens": False, "break_long_words": False}


def answered(name: str, checks: Iterable[Check]) -> list[Check]:
    """Return the checks up to the first that cannot be made, and that one, by this name, with its reason."""
    made: list[Check] = []
    try:
        made.extend(checks)
    except CloudTrailResponseError as error:
        made.append(Check(name, "fail", str(error)))
    except OSError as error:
        made.append(Check(name, "fail", f"cannot be looked at: {error}", "give this user the rights"))
    return made


def failed(checks: Sequence[Check]) -> bool:
    """Return whether something keeps a run from doing its work."""
    return any(each.status == "fail" for each in checks)


def conclusion(checks: Sequence[Check]) -> str:
    """Return all of them in one line."""
    fails, warnings = (sum(each.status == status for each in checks) for status in ("fail", "warn"))
    return f"{len(checks)} looked at: {fails} failed, {warnings} to see to."


def ago(age: timedelta) -> str:
    """Return how long ago that is, in words."""
    return "just now" if age < timedelta(minutes=1) else f"{long_as(age)} ago"


def long_as(span: timedelta) -> str:
    """Return the span in its largest fitting unit."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 120:  # noqa: PLR2004
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} hours"
    return f"{minutes // (24 * 60)} days"


def counted(number: int, noun: str) -> str:
    """Return the number with its noun, in the singular or the plural."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
