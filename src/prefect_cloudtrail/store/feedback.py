"""What people said, in and out of SQL: only ever added, each row with the moment from which it counts."""

from datetime import datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from prefect_cloudtrail.errors import FeedbackError, StateError
from prefect_cloudtrail.feedback import KINDS, Answer, End, Entry, Feedback, PlannedWork, Scope, Verdict
from prefect_cloudtrail.store.database import FILE_NAME, connect, existing_kind
from prefect_cloudtrail.store.tables import ENDINGS, ENTRIES, STATE, VERDICTS


def effective(connection: sa.Connection, at: datetime) -> datetime:
    """Return from when on what is entered now counts: from `at`, but for no window that a run has judged."""
    judged = connection.scalar(sa.select(STATE.c.checkpoint))
    return at if judged is None else max(at, judged)


def read(connection: sa.Connection) -> Feedback:
    """Return all that was entered, in the order in which it took effect."""
    verdicts = connection.execute(sa.select(VERDICTS).order_by(VERDICTS.c.effective_at, VERDICTS.c.number)).mappings()
    entries = connection.execute(
        sa.select(
            ENTRIES,
            ENDINGS.c.given_by.label("ended_by"),
            ENDINGS.c.why.label("ended_why"),
            ENDINGS.c.effective_at.label("ended_at"),
        )
        .outerjoin(ENDINGS, ENDINGS.c.entry_id == ENTRIES.c.entry_id)
        .order_by(ENTRIES.c.effective_at, ENTRIES.c.number)
    ).mappings()
    return Feedback(tuple(_verdict(row) for row in verdicts), tuple(_entry(row) for row in entries))


def add_verdict(connection: sa.Connection, said: Verdict) -> None:
    """Store a verdict."""
    connection.execute(
        sa.insert(VERDICTS).values(
            incident_id=said.incident_id,
            verdict=said.verdict.value,
            given_by=said.by,
            why=said.why,
            effective_at=said.effective_at,
            person=said.person,
            opened_at=said.opened_at,
            risk=said.risk,
            places=msgspec.json.encode(said.places).decode(),
        )
    )


def add_entry(connection: sa.Connection, entered: Entry) -> None:
    """Store a suppression, planned work or a travel notice.

    Raises:
        FeedbackError: the same is there already.
    """
    known = connection.scalar(sa.select(ENTRIES.c.entry_id).where(ENTRIES.c.entry_id == entered.entry_id))
    if known is not None:
        raise FeedbackError(f"{known} is entered already, from the same moment on")
    connection.execute(
        sa.insert(ENTRIES).values(
            entry_id=entered.entry_id,
            kind=entered.kind,
            scope=msgspec.json.encode(entered.scope.given).decode(),
            since=entered.since,
            until=entered.until,
            who=entered.who if isinstance(entered, PlannedWork) else None,
            why=entered.why,
            given_by=entered.by,
            effective_at=entered.effective_at,
        )
    )


def end_entry(connection: sa.Connection, entry_id: str, end: End) -> None:
    """Store that an entry counts no longer.

    Raises:
        FeedbackError: there is none, or it was ended before.
    """
    ended = connection.execute(
        sa.select(ENTRIES.c.entry_id, ENDINGS.c.given_by)
        .outerjoin(ENDINGS, ENDINGS.c.entry_id == ENTRIES.c.entry_id)
        .where(ENTRIES.c.entry_id == entry_id)
    ).one_or_none()
    if ended is None:
        raise FeedbackError(f"no entry {entry_id} here: `suppress list` and `calendar list` show them")
    if ended.given_by is not None:
        raise FeedbackError(f"{entry_id} was ended before, by {ended.given_by}")
    connection.execute(
        sa.insert(ENDINGS).values(entry_id=entry_id, why=end.why, given_by=end.by, effective_at=end.effective_at)
    )


def of_another(database: Path | str) -> Feedback:
    """Return all that was entered in another state, given by its folder or the URL of its database.

    Raises:
        StateError: there is none, or it cannot be read.
    """
    opened = connect(database / FILE_NAME if isinstance(database, Path) else database, read_only=True)
    try:
        if opened.is_missing() or existing_kind(opened) is None:
            raise StateError(f"no state in {opened.where}: nothing was entered there")
        with opened.reading() as connection:
            return read(connection)
    finally:
        opened.close()


def take_over(connection: sa.Connection, entered: Feedback) -> None:
    """Store what was entered in another state, from the same moments on, in one that has judged nothing yet.

    Raises:
        FeedbackError: a run was here before.
    """
    if connection.scalar(sa.select(STATE.c.checkpoint)) is not None:
        raise FeedbackError("what a run has judged cannot be judged again by other entries: give an empty state")
    for said in entered.verdicts:
        add_verdict(connection, said)
    for each in entered.entries:
        add_entry(connection, each)
        if each.end is not None:
            end_entry(connection, each.entry_id, each.end)


def _verdict(row: sa.RowMapping) -> Verdict:
    return Verdict(
        incident_id=row["incident_id"],
        verdict=Answer(row["verdict"]),
        by=row["given_by"],
        why=row["why"],
        effective_at=row["effective_at"],
        person=row["person"],
        opened_at=row["opened_at"],
        risk=row["risk"],
        places=tuple(msgspec.json.decode(row["places"])),
    )


def _entry(row: sa.RowMapping) -> Entry:
    kind = KINDS[row["kind"]]
    return kind(
        entry_id=row["entry_id"],
        scope=Scope(**msgspec.json.decode(row["scope"])),
        since=row["since"],
        until=row["until"],
        why=row["why"],
        by=row["given_by"],
        effective_at=row["effective_at"],
        end=End(row["ended_by"], row["ended_why"], row["ended_at"]) if row["ended_at"] else None,
        **({"who": row["who"] or ""} if kind is PlannedWork else {}),
    )
