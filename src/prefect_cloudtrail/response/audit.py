"""The audit's chain: each row holds the hash of the one before it, so that none can be changed or left out unseen."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from prefect_cloudtrail.response.plan import canonical

# What the first row holds in place of a hash.
BEGINNING = "0" * 64


@dataclass(frozen=True)
class AuditRow:
    """One thing that was asked, decided, refused or done.

    Attributes:
        number: from 1, without gaps.
        at: when.
        kind: what happened: `decided`, `refused`, `breaker`, ...
        incident_id: in which incident; None where it belongs to none.
        document: the rest, as JSON.
        previous: hash of the row before.
        hash: over `previous` and everything above, sha256, hexadecimal.
    """

    number: int
    at: datetime
    kind: str
    incident_id: str | None
    document: str
    previous: str
    hash: str


def row_after(last: AuditRow | None, kind: str, incident_id: str | None, document: object, now: datetime) -> AuditRow:
    """Return the next row of the chain; `document` is anything that JSON can say."""
    number, previous = (last.number + 1, last.hash) if last else (1, BEGINNING)
    text = canonical(document).decode()
    at = now.astimezone(UTC)
    return AuditRow(number, at, kind, incident_id, text, previous, _hash(previous, number, at, kind, incident_id, text))


def wrong(rows: Iterable[AuditRow]) -> Iterator[str]:
    """Yield a sentence for each place where the chain is broken; the rows in the order of their numbers.

    That the newest rows were cut off cannot be seen from the chain alone.
    """
    number, previous = 0, BEGINNING
    for row in rows:
        if row.number != number + 1:
            yield f"audit row {row.number} follows row {number}: what was between is gone"
        elif row.previous != previous:
            yield f"audit row {row.number} does not hold the hash of the row before it"
        if row.hash != _hash(row.previous, row.number, row.at, row.kind, row.incident_id, row.document):
            yield f"audit row {row.number} was changed after it was written"
        number, previous = row.number, row.hash


def _hash(previous: str, number: int, at: datetime, kind: str, incident_id: str | None, document: str) -> str:
    said = (number, at.astimezone(UTC).isoformat(), kind, incident_id, document)
    return hashlib.sha256(previous.encode() + canonical(said)).hexdigest()
