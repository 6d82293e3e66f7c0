"""A context as people read it: on a terminal, and as Markdown for an artifact."""

import textwrap

from prefect_cloudtrail.context import Context
from prefect_cloudtrail.context.asked import moment
from prefect_cloudtrail.text import markdown, plain

MOST_ROWS = 20
_LONGEST = 500


def terminal(context: Context, width: int = 80) -> str:
    """Return the guide's questions and their answers for a terminal, without colour."""
    lines = [f"The investigation guide, as of {moment(context.gathered_at)}, revision {context.revision}"]
    for answer in context.answers:
        lines += ["", *textwrap.wrap(plain(answer.asks), width, initial_indent="  ", subsequent_indent="  ")]
        for sentence in answer.sentences:
            lines += textwrap.wrap(plain(sentence, _LONGEST), width, initial_indent="    ", subsequent_indent="      ")
    if context.incomplete:
        lines += ["", *textwrap.wrap(plain(f"Incomplete: {context.incomplete}", _LONGEST), width)]
    return "\n".join(lines)


def report(context: Context) -> str:
    """Return the same as Markdown, with the rows each answer was counted from."""
    lines = ["# The investigation guide, answered", "", f"As of {moment(context.gathered_at)}."]
    if context.incomplete:
        lines += ["", f"**Incomplete:** {markdown(context.incomplete, _LONGEST)}"]
    for answer in context.answers:
        lines += ["", f"## {markdown(answer.asks)}", ""]
        lines += [f"- {markdown(sentence, _LONGEST)}" for sentence in answer.sentences]
        lines += _table(answer.rows)
    return "\n".join(lines)


def _table(rows: tuple[object, ...]) -> list[str]:
    found = [row for row in rows[:MOST_ROWS] if isinstance(row, dict)]
    names = list(dict.fromkeys(name for row in found for name in row))
    if not names:
        return []
    lines = ["", f"| {' | '.join(markdown(name) for name in names)} |", f"|{' --- |' * len(names)}"]
    lines += [f"| {' | '.join(markdown(_cell(row.get(name)), 300) for name in names)} |" for row in found]
    return [*lines, *([f"{len(rows) - MOST_ROWS} more rows are in the case store."] if len(rows) > MOST_ROWS else [])]


def _cell(value: object) -> str:
    return "" if value is None else str(value)
