"""How long each step took, from the first call on."""

from datetime import datetime
from typing import Any

from prefect_cloudtrail.context.asked import Answered, Asked, moment

ORDER = 22
ASKS = "How long did it take to detect, and to respond (MTTD, MTTR)?"
PERMISSIONS = ()
DELIVERED = "delivered"


def answer(case: Asked) -> Answered:
    """Return each stamp with the wait before it; what has not come yet is said."""
    rows: list[dict[str, Any]] = []
    sentences: list[str] = []
    before: datetime | None = None
    for stamp in case.stamps:
        wait = int((stamp.at - before).total_seconds()) if stamp.at and before else None
        rows.append(
            {
                "stamp": stamp.name,
                "at": stamp.at.isoformat() if stamp.at else None,
                "seconds": wait,
                "waited_for": stamp.wait,
            }
        )
        before = stamp.at or before
    known = [stamp for stamp in case.stamps if stamp.at]
    if len(known) > 1 and known[0].at:
        sentences = [
            f"{stamp.name.capitalize()} {_lasted(known[0].at, stamp.at)} after the first call, at {moment(stamp.at)}."
            for stamp in known[1:]
            if stamp.at
        ]
    # It was delivered, or there were no incident: where no name of an object says when, nobody knows.
    unknown = any(stamp.name == DELIVERED and not stamp.at for stamp in case.stamps)
    missing = [stamp.name for stamp in case.stamps if not stamp.at and stamp.name != DELIVERED]
    if missing:
        sentences.append(f"Not yet {', '.join(missing)}.")
    why = "when it was delivered: no name of an object says so" if unknown else None
    return Answered(tuple(sentences), tuple(rows), why, "the names of the log objects" if unknown else "")


def _lasted(begin: datetime, end: datetime) -> str:
    seconds = max(int((end - begin).total_seconds()), 0)
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
