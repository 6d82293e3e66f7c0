"""What the calls asked for, word for word where it is no secret."""

import json

from prefect_cloudtrail.context.asked import MOST_ROWS, Answered, Asked, number, shown
from prefect_cloudtrail.context.making import command_of

ORDER = 5
ASKS = "What are the request parameters?"
PERMISSIONS = ()


def answer(case: Asked) -> Answered:
    """Return the parameters of the records that were read again, without secrets."""
    records = case.records_here
    missing = case.here.height - len(records)
    if not records:
        why = case.trace.incomplete or "none of its calls was an alert's, or wrote anything"
        return Answered((), (), why.rstrip("."), "the objects that the event index names")
    rows = [
        {
            "at": shown(each.get("eventTime")),
            "command": shown(command_of(each)),
            "parameters": shown(json.dumps(each.get("requestParameters")), 400),
            "error": shown(each.get("errorCode") or ""),
        }
        for each in records[:MOST_ROWS]
    ]
    read = f"{number(len(records), 'record')} read again, without secrets"
    sentences = [f"Of {number(case.here.height, 'call')}, {read}."]
    if len(records) > MOST_ROWS:
        sentences.append(f"The first {MOST_ROWS} are shown.")
    if missing and case.trace.incomplete:
        sentences.append(shown(case.trace.incomplete, 300))
    return Answered(tuple(sentences), tuple(rows))
