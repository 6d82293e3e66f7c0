"""Whether a new program began, or one goes on at its steady pace."""

import polars as pl

from prefect_cloudtrail.context.asked import MOST_ROWS, Answered, Asked, listed, number, shown

ORDER = 13
ASKS = "Is it a new module, or a steady cadence?"
PERMISSIONS = ()
STEADY_GAPS = 3


def answer(case: Asked) -> Answered:
    """Return since when each alerted command is called, and whether the gaps between its days are alike."""
    commands = sorted({alert.command for alert in case.incident.alerts})
    if case.own.is_empty():
        return Answered((), (), "it has no history of commands", "the presences of 90 days")
    rows = [_row(command, case.own.filter(pl.col("command") == command)) for command in commands]
    new = [str(row["command"]) for row in rows if not row["days"]]
    steady = [f"{row['command']} every {row['every_days']} days" for row in rows if row["every_days"]]
    sentences = [f"{len(new)} of {number(len(rows), 'alerted command')} never before: {listed(new)}."] if new else []
    sentences.append(f"At a steady pace: {listed(steady)}." if steady else "None of them came at a steady pace.")
    return Answered(tuple(sentences), tuple(rows[:MOST_ROWS]))


def _row(command: str, presences: pl.DataFrame) -> dict[str, object]:
    dates = presences["hour"].dt.date().unique().sort()
    gaps = [int(gap) for gap in dates.diff().drop_nulls().dt.total_days()]
    is_steady = len(gaps) >= STEADY_GAPS and max(gaps) - min(gaps) <= 1
    return {
        "command": shown(command),
        "days": len(dates),
        "first_day": str(dates[0]) if len(dates) else None,
        "every_days": round(sum(gaps) / len(gaps)) if is_steady else None,
    }
