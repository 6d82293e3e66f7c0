"""How long each step took, from the first call on."""

from datetime import datetime
from typing import Any

from prefect_cloudtrail.context.asked import Answered, Asked, moment

ORDER = 22
ASKS = "How long did it take to detect, and to respond (MTTD, MTTR)?"
PERMISSIONS = ()


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
    missing = [stamp.name for stamp in case.stamps if not stamp.at]
    if missing:
        sentences.append(f"Not yet {', '.join(missing)}.")
    return Answered(tuple(sentences), tuple(rows))


def _lasted(begin: datetime, end: datetime) -> str:
    seconds = max(int((end - begin).total_seconds()), 0)
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
