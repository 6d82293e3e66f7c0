"""Notices and deliveries in the case store: what people must hear beside incidents, stored before it is told."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from prefect_cloudtrail.notices import Notice, NoticeKind
from prefect_cloudtrail.silence import TRAIL, Deliveries, Gap
from prefect_cloudtrail.store.database import Database
from prefect_cloudtrail.store.notice_tables import DELIVERIES, NOTICES
from prefect_cloudtrail.store.statements import batches, insert_or_ignore, insert_or_update
from prefect_cloudtrail.store.tables import STATE


@dataclass(frozen=True)
class Posting:
    """A notice on its way into Slack.

    `attempted_at` is when posting it was begun: it is looked for before it is posted again.
    """

    notice: Notice
    attempted_at: datetime | None
    next_at: datetime | None
    failures: int


class Notices:
    """A case store's notices; `Store.notices` gives them."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    def deliveries(self, accounts: Collection[str] | None = None) -> list[Deliveries]:
        """Return when these accounts delivered, or all, by account."""
        query = sa.select(DELIVERIES).order_by(DELIVERIES.c.account)
        with self._database.reading() as connection:
            if accounts is None:
                return [_deliveries(row) for row in connection.execute(query)]
            return [
                _deliveries(row)
                for batch in batches(sorted(accounts))
                for row in connection.execute(query.where(DELIVERIES.c.account.in_(batch)))
            ]

    def run_ended_at(self) -> datetime | None:
        """Return when detect last did all it does; None before the first."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(STATE.c.run_ended_at))

    def all(self, *kinds: NoticeKind, going_on: bool = False, subjects: Collection[str] | None = None) -> list[Notice]:
        """Return the notices of these kinds, in the order in which they were stored.

        Args:
            kinds: which.
            going_on: only those that are not over.
            subjects: only those about these.
        """
        query = sa.select(NOTICES).where(NOTICES.c.kind.in_(kinds)).order_by(NOTICES.c.number)
        if going_on:
            query = query.where(NOTICES.c.ended_at.is_(None))
        if subjects is not None:
            query = query.where(NOTICES.c.subject.in_(sorted(subjects)))
        return self._read(query)

    def outage(self, since: datetime) -> Gap | None:
        """Return the last silence of the whole trail that was told and ended after `since`; None without any."""
        ended = self.all(NoticeKind.SILENCE, subjects=[TRAIL])
        over = [(each.happened_at, each.ended_at) for each in ended if each.ended_at and each.ended_at > since]
        return over[-1] if over else None

    def to_show(self) -> list[Notice]:
        """Return the notices that no run has shown on its output."""
        return self._untold(NOTICES.c.shown_at)

    def to_emit(self) -> list[Notice]:
        """Return the notices that Prefect was not told of."""
        return self._untold(NOTICES.c.emitted_at)

    def to_post(self, since: datetime) -> list[Posting]:
        """Return the notices since then that are not known to be in Slack, in the order in which they were stored."""
        query = sa.select(NOTICES).where(
            NOTICES.c.posted_at.is_(None), NOTICES.c.told_with.is_(None), NOTICES.c.noticed_at >= since
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(NOTICES.c.number)).all()
        return [Posting(_notice(row), row.attempted_at, row.next_at, row.failures) for row in rows]

    def change(self, notice_ids: Iterable[str], **values: object) -> None:
        """Store what became of notices, by the columns' names."""
        with self._database.writing() as connection:
            for batch in batches(list(notice_ids)):
                connection.execute(sa.update(NOTICES).where(NOTICES.c.notice_id.in_(batch)).values(**values))

    def _untold(self, told: sa.Column[Any]) -> list[Notice]:
        return self._read(
            sa.select(NOTICES).where(told.is_(None), NOTICES.c.told_with.is_(None)).order_by(NOTICES.c.number)
        )

    def _read(self, query: sa.Select[Any]) -> list[Notice]:
        with self._database.reading() as connection:
            return [_notice(row) for row in connection.execute(query)]


def store_deliveries(connection: sa.Connection, known: Sequence[Deliveries]) -> None:
    """Store when accounts delivered, in the place of what was known of them."""
    rows = [
        {
            "account": each.account,
            "first": each.first,
            "last": each.last,
            "gaps": msgspec.json.encode([[int(moment.timestamp()) for moment in gap] for gap in each.gaps]).decode(),
        }
        for each in known
    ]
    insert_or_update(connection, DELIVERIES, rows, ("first", "last", "gaps"))


# Which notice each of these ends.
ENDS = {NoticeKind.SILENCE_OVER: NoticeKind.SILENCE, NoticeKind.STARTED_AGAIN: NoticeKind.STOPPED}


def store_notices(connection: sa.Connection, notices: Sequence[Notice]) -> None:
    """Store notices, each once, and that what they say is over is over."""
    rows = [
        {
            "notice_id": each.notice_id,
            "kind": each.kind.value,
            "subject": each.subject,
            "sentence": each.sentence,
            "happened_at": each.happened_at,
            "noticed_at": each.noticed_at,
            "told_with": each.told_with,
            "failures": 0,
        }
        for each in notices
    ]
    insert_or_ignore(connection, NOTICES, rows)
    for each in notices:
        if each.kind in ENDS:
            connection.execute(
                sa.update(NOTICES)
                .where(
                    NOTICES.c.kind == ENDS[each.kind].value,
                    NOTICES.c.subject == each.subject,
                    NOTICES.c.ended_at.is_(None),
                    NOTICES.c.happened_at <= each.happened_at,
                )
                .values(ended_at=each.happened_at)
            )


def store_end(connection: sa.Connection, ended_at: datetime) -> None:
    """Store that a run did all it does."""
    connection.execute(sa.update(STATE).values(run_ended_at=ended_at))


def _deliveries(row: sa.Row[Any]) -> Deliveries:
    gaps = msgspec.json.decode(row.gaps, type=list[tuple[int, int]])
    moments = [(datetime.fromtimestamp(begun, UTC), datetime.fromtimestamp(ended, UTC)) for begun, ended in gaps]
    return Deliveries(row.account, row.first, row.last, tuple(moments))


def _notice(row: sa.Row[Any]) -> Notice:
    return Notice(
        row.notice_id,
        NoticeKind(row.kind),
        row.subject,
        row.sentence,
        row.happened_at,
        row.noticed_at,
        row.told_with,
        row.ended_at,
    )
