"""What an intruder may come back with."""

from prefect_cloudtrail.context.asked import MOST_ROWS, Answered, Asked, moment, number, shown

ORDER = 16
ASKS = "Were new users, keys, logins, trusts or policies made?"
PERMISSIONS = ()


def answer(case: Asked) -> Answered:
    """Return what the principal and the sessions it started made since the incident began, each with an undo."""
    rows = [
        {
            "at": moment(each.at),
            "command": shown(each.command),
            "target": shown(each.target, 200),
            "account": each.account_id,
            "undo": shown(each.undo, 300),
        }
        for each in case.trace.made
    ]
    said = [f"{row['command']} {row['target']}: {row['undo']}." for row in rows[:10]]
    if len(rows) > len(said):
        said.append(f"And {len(rows) - len(said)} more.")
    if case.trace.incomplete:
        sentences = (f"{number(len(rows), 'thing')} found.", *said)
        return Answered(
            sentences,
            tuple(rows),
            shown(f"whether there are more: {case.trace.incomplete.rstrip('.')}", 300),
            "the records of its writes",
        )
    return Answered(tuple(said) or ("Nothing of the kind.",), tuple(rows[:MOST_ROWS]))
