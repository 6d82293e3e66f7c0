"""What was said in Slack: each message stored before it is posted, so that a crash neither loses nor doubles it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store.database import Database
from prefect_cloudtrail.store.slack_tables import OWNERS_ASKED, SLACK_CARDS, SLACK_MESSAGES
from prefect_cloudtrail.store.statements import insert


@dataclass(frozen=True)
class SlackMessage:
    """One message about one incident.

    Attributes:
        message_id: its own, in the posted message's metadata: by it a crash finds what it had posted.
        incident_id: which incident.
        name: `card`, or what tells it from the incident's others.
        channel: where it goes: a channel's id, a member's, or `pager`.
        body: as it is to be, JSON: text and blocks.
        written_at: when it was first stored.
        attempted_at: when posting it was begun; None before. With no `ts` it is looked for before it is posted.
        ts: its id in Slack; None until it is known to be posted.
        place: the channel that `ts` is in, as Slack names it: a direct message has one of its own.
        sent: the body that Slack has.
        sent_at: when Slack last took it.
        next_at: not to be tried before; None is at once.
        failures: how often in a row it was not taken.
        said: why it was not taken, last.
        dropped_at: its reason was gone before it was posted.
    """

    message_id: str
    incident_id: str
    name: str
    channel: str
    body: str
    written_at: datetime
    attempted_at: datetime | None
    ts: str | None
    place: str | None
    sent: str | None
    sent_at: datetime | None
    next_at: datetime | None
    failures: int
    said: str | None
    dropped_at: datetime | None


@dataclass(frozen=True)
class SlackCard:
    """When an incident's messages are next looked at, and how it was when it was first told."""

    incident_id: str
    next_at: datetime | None
    first_told_at: datetime | None
    first_severity: str | None
    link: str | None


@dataclass(frozen=True)
class OwnerRow:
    """Who was asked whether it was them, and what they said."""

    incident_id: str
    member: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


class SlackMessages:
    """Slack's side of a case store; `Store.slack` gives it."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    # Messages

    def write(self, incident_id: str, name: str, channel: str, body: str, now: datetime) -> SlackMessage:
        """Return the message, stored; where it is there already, that one, with the body as it is to be now."""
        key = {"incident_id": incident_id, "name": name, "channel": channel}
        with self._database.writing() as connection:
            statement = insert(connection, SLACK_MESSAGES).values(
                message_id=f"msg_{uuid4().hex}", body=body, written_at=now, failures=0, **key
            )
            connection.execute(
                statement.on_conflict_do_update(index_elements=list(key), set_={"body": statement.excluded.body})
            )
            row = connection.execute(sa.select(SLACK_MESSAGES).filter_by(**key)).mappings().one()
        return _message(row)

    def messages(self, incident_id: str) -> list[SlackMessage]:
        """Return the incident's messages, in the order in which they were first stored."""
        query = sa.select(SLACK_MESSAGES).where(SLACK_MESSAGES.c.incident_id == incident_id)
        with self._database.reading() as connection:
            return [_message(row) for row in connection.execute(query.order_by(SLACK_MESSAGES.c.number)).mappings()]

    def unsent(self) -> list[SlackMessage]:
        """Return the messages that are not known to be in Slack and are to be, oldest first."""
        query = sa.select(SLACK_MESSAGES).where(SLACK_MESSAGES.c.ts.is_(None), SLACK_MESSAGES.c.dropped_at.is_(None))
        with self._database.reading() as connection:
            return [_message(row) for row in connection.execute(query.order_by(SLACK_MESSAGES.c.number)).mappings()]

    def change(self, message_id: str, **values: object) -> None:
        """Store what became of a message, by its attributes' names.

        Raises:
            StateError: there is no such message.
        """
        with self._database.writing() as connection:
            found = connection.scalar(
                sa.update(SLACK_MESSAGES)
                .where(SLACK_MESSAGES.c.message_id == message_id)
                .values(**values)
                .returning(SLACK_MESSAGES.c.message_id)
            )
        if found is None:
            raise StateError(f"the case store holds no message {message_id}")

    # Cards

    def card(self, incident_id: str) -> SlackCard | None:
        """Return when the incident's messages are next looked at; None where it was never to be told in Slack."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(SLACK_CARDS).filter_by(incident_id=incident_id)).mappings().one_or_none()
        return SlackCard(**row) if row else None

    def look_at(self, incident_id: str, next_at: datetime | None, link: str | None = None) -> None:
        """Store when the incident's messages are next looked at, None for never; a link once known stays."""
        values = {"next_at": next_at} | ({"link": link} if link else {})
        with self._database.writing() as connection:
            statement = insert(connection, SLACK_CARDS).values(incident_id=incident_id, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["incident_id"], set_=values))

    def touch(self, incident_id: str, now: datetime) -> None:
        """Have the incident's messages looked at now, where it is told in Slack at all."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(SLACK_CARDS).where(SLACK_CARDS.c.incident_id == incident_id).values(next_at=now)
            )

    def look_again(self, incident_id: str, seen: datetime | None, next_at: datetime | None) -> None:
        """Store when the incident's messages are next looked at, unless another asked for a look since `seen` was."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(SLACK_CARDS)
                .where(SLACK_CARDS.c.incident_id == incident_id, SLACK_CARDS.c.next_at.is_not_distinct_from(seen))
                .values(next_at=next_at)
            )

    def first_told(self, incident_id: str, severity: str, now: datetime) -> None:
        """Store when the incident's card was first posted, and how severe it was; the first stays."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(SLACK_CARDS)
                .where(SLACK_CARDS.c.incident_id == incident_id, SLACK_CARDS.c.first_told_at.is_(None))
                .values(first_told_at=now, first_severity=severity)
            )

    def due(self, now: datetime) -> list[str]:
        """Return the incidents whose messages are to be looked at, the longest due first."""
        query = (
            sa.select(SLACK_CARDS.c.incident_id)
            .where(SLACK_CARDS.c.next_at <= now)
            .order_by(SLACK_CARDS.c.next_at, SLACK_CARDS.c.incident_id)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    # The owner

    def ask_owner(self, incident_id: str, member: str, now: datetime) -> OwnerRow:
        """Return that the owner is to be asked; whoever was to be asked first stays."""
        with self._database.writing() as connection:
            connection.execute(
                insert(connection, OWNERS_ASKED)
                .values(incident_id=incident_id, member=member, asked_at=now)
                .on_conflict_do_nothing(index_elements=["incident_id"])
            )
            row = connection.execute(sa.select(OWNERS_ASKED).filter_by(incident_id=incident_id)).mappings().one()
        return OwnerRow(**row)

    def owner(self, incident_id: str) -> OwnerRow | None:
        """Return who was asked whether it was them; None where nobody was."""
        with self._database.reading() as connection:
            row = (
                connection.execute(sa.select(OWNERS_ASKED).filter_by(incident_id=incident_id)).mappings().one_or_none()
            )
        return OwnerRow(**row) if row else None

    def owner_answers(self, incident_id: str, answer: str, now: datetime) -> OwnerRow | None:
        """Return who was asked, with the first answer they gave; None where nobody was asked."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(OWNERS_ASKED)
                .where(OWNERS_ASKED.c.incident_id == incident_id, OWNERS_ASKED.c.answer.is_(None))
                .values(answer=answer, answered_at=now)
            )
        return self.owner(incident_id)


def _message(row: Mapping[Any, Any]) -> SlackMessage:
    return SlackMessage(**{name: value for name, value in row.items() if name != "number"})
