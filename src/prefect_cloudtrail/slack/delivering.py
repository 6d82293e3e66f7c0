"""Makes Slack say what an incident's card and thread are to say: each message once, in order, updated in place.

Each is stored before it is posted, and its id goes into the posted message's metadata. One that was begun and not
confirmed, because of a crash or an answer that never came, is looked for before it is posted again.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from slack_sdk import WebClient

from prefect_cloudtrail.errors import SettingsError, SlackError
from prefect_cloudtrail.response.plan import canonical
from prefect_cloudtrail.slack import pager
from prefect_cloudtrail.slack.asking import ADVICE, UNFIT, SlackRefusedError, SlackSilentError, answered, asking
from prefect_cloudtrail.slack.blocks import mrkdwn
from prefect_cloudtrail.slack.card import card
from prefect_cloudtrail.slack.message import CARD, PAGER, Message, Told
from prefect_cloudtrail.slack.status import offered
from prefect_cloudtrail.slack.thread import replies
from prefect_cloudtrail.store import Lease, Store
from prefect_cloudtrail.store.slack import SlackMessage

# Slack shows about one update a second of a message well; people read none of that.
MERGED = timedelta(seconds=3)
LONGEST_BACK_OFF = timedelta(seconds=60)
# Clocks differ: what was posted is looked for from a little before its posting was begun.
LOOKED_BACK = timedelta(minutes=1)
# Whoever did not answer once is not asked for each other incident at once, ten seconds each.
SILENCE = timedelta(seconds=1)
# Of what is said where the blocks are not taken; Slack changes no message to one of more than 4,000.
LONGEST_PLAIN = 3_000
PAGE = 200
LEASE_MINUTES = 2.0

Clock = Callable[[], datetime]
Say = Callable[[Told], Sequence[Message]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivered:
    """What Slack was told now, a line each; what it did not take; and from when it may be asked again."""

    said: tuple[str, ...]
    failures: tuple[str, ...]
    not_before: datetime | None


def messages(told: Told) -> tuple[Message, ...]:
    """Return everything that is to be said of an incident: its card, then its thread."""
    return (card(told), *replies(told))


@contextmanager
def telling(store: Store, incident_id: str, clock: Clock) -> Iterator[Lease]:
    """Give the right to tell Slack of an incident: nobody else does meanwhile.

    Raises:
        LeaseHeldError: another is telling of it right now.
    """
    owner = f"{os.uname().nodename} {os.getpid()}"
    with store.lease(f"slack {incident_id}", owner, LEASE_MINUTES, clock()) as lease:
        yield lease


def deliver(
    lease: Lease,
    store: Store,
    slack: WebClient,
    told: Told,
    channel: str,
    clock: Clock,
    pager_url: str | None = None,
    say: Say = messages,
    not_before: datetime | None = None,
) -> Delivered:
    """Return what was said now of what is to be said of an incident.

    Args:
        lease: of `telling`, under which `told` was read, so that it is newest; renewed before each message.
        store: the case store.
        slack: with the bot's token; tries nothing again by itself.
        told: everything that is known of the incident.
        channel: where its card is.
        clock: the time, aware.
        pager_url: the pager's webhook; None where nobody is paged.
        say: what is to be said.
        not_before: Slack is not asked before; the pager is.

    Raises:
        LeaseHeldError: another took it over, because this one stalled.
        StateError: the case store cannot be used.
    """
    work = _Work(lease, store, slack, told, channel, clock, pager_url, not_before=not_before)
    work.write([each for each in say(told) if each.to != PAGER or pager_url])
    work.record()
    work.post()
    work.update()
    return Delivered(tuple(work.said), tuple(work.failures), work.not_before)


@dataclass
class _Work:
    """One incident's messages, being brought to Slack."""

    lease: Lease
    store: Store
    slack: WebClient
    told: Told
    channel: str
    clock: Clock
    pager_url: str | None = field(repr=False)
    said: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    not_before: datetime | None = None
    wanted: dict[tuple[str, str], Message] = field(default_factory=dict)
    # As they are stored, by their ids, the card first: nobody else changes them meanwhile.
    rows: dict[str, SlackMessage] = field(default_factory=dict)

    @property
    def incident_id(self) -> str:
        """Which incident."""
        return self.told.incident.incident_id

    @property
    def card(self) -> SlackMessage | None:
        """The card in this channel; one in a channel of before stays what it is."""
        return next((each for each in self.rows.values() if (each.name, each.channel) == (CARD, self.channel)), None)

    def write(self, wanted: Sequence[Message]) -> None:
        """Store what is to be said, and drop what was never said and is no more to be."""
        self.wanted = {(each.name, each.to or self.channel): each for each in wanted}
        stored = {(each.name, each.channel): each for each in self.store.slack.messages(self.incident_id)}
        now = self.clock()
        for key, message in self.wanted.items():
            body = canonical({"text": message.text, "blocks": message.blocks}).decode()
            known = stored.get(key)
            if known is None or (known.body != body and (message.follows or known.ts is None)):
                self.store.slack.write(self.incident_id, *key, body, now)
            if known is not None and known.dropped_at is not None:
                self.store.slack.change(known.message_id, dropped_at=None)
        for key, row in stored.items():
            if key not in self.wanted and row.ts is None and row.dropped_at is None:
                self.store.slack.change(row.message_id, dropped_at=now)
        rows = sorted(self.store.slack.messages(self.incident_id), key=lambda each: each.name != CARD)
        self.rows = {each.message_id: each for each in rows}

    def record(self) -> None:
        """Record that people see the card, and of the requests whose buttons are on it that their time runs.

        Asked of what Slack is known to show, not of what was done just now: a crash between leaves it to the next look.
        """
        card, now = self.card, self.clock()
        if card is None or card.ts is None:
            return
        if self.told.first_told_at is None:
            self.store.slack.first_told(self.incident_id, self.told.incident.severity.value, now)
        if card.sent != card.body:
            return
        for each in offered(self.told):
            request = each.asked.request
            if request.delivered_at is None:
                self.store.responses.delivered(request.request_id, now, now + self.told.rules.expires_after)

    def post(self) -> None:
        """Post what is not posted, in the order in which it was stored: the card first, and its thread behind it."""
        blocked = False
        for row in list(self.rows.values()):
            if row.ts is not None or row.dropped_at is not None:
                continue
            replies_to = None
            if row.channel == self.channel and row.name != CARD:
                replies_to = self.card.ts if self.card is not None else None
                if blocked or replies_to is None:
                    continue
            if not self._must_wait(row):
                self._try(row, self._page if row.channel == PAGER else self._post_in(replies_to))
            # What follows in the thread waits for it.
            blocked |= row.channel == self.channel and self.rows[row.message_id].ts is None

    def update(self) -> None:
        """Update what changed since Slack took it, once each few seconds."""
        for row in list(self.rows.values()):
            message = self.wanted.get((row.name, row.channel))
            if message is None or not message.follows or row.ts is None or row.sent == row.body:
                continue
            if (row.sent_at and self.clock() - row.sent_at < MERGED) or self._must_wait(row):
                continue
            self._try(row, self._update)

    # --- one message --------------------------------------------------------------------------------------------------

    def _must_wait(self, row: SlackMessage) -> bool:
        now = self.clock()
        held = self.not_before is not None and now < self.not_before and row.channel != PAGER
        return held or (row.next_at is not None and now < row.next_at)

    def _change(self, row: SlackMessage, **values: Any) -> None:  # noqa: ANN401 - the attributes' own
        self.store.slack.change(row.message_id, **values)
        self.rows[row.message_id] = replace(self.rows[row.message_id], **values)

    def _try(self, row: SlackMessage, work: Callable[[SlackMessage], str]) -> None:
        # Each may take many seconds, and there may be many.
        self.lease.renew(self.clock())
        try:
            self.said.append(f"{self.incident_id}: {row.name} {work(row)}")
        except (SlackError, SettingsError) as error:
            now, wait = self.clock(), wait_after(row.failures, error)
            if isinstance(error, SlackSilentError):
                self.not_before = now + SILENCE
            elif isinstance(error, SlackRefusedError) and error.wait is not None:
                self.not_before = now + wait
            self.failures.append(str(error))
            self._change(row, failures=row.failures + 1, said=str(error), next_at=now + wait)
        else:
            if row.name == CARD:
                self.record()

    def _post_in(self, thread: str | None) -> Callable[[SlackMessage], str]:
        def post(row: SlackMessage) -> str:
            if row.attempted_at is not None:
                found = self._find(row, row.attempted_at, thread)
                if found is not None:
                    message = self.wanted.get((row.name, row.channel))
                    # It may be of an older body: what follows is updated then.
                    sent = None if message and message.follows else row.body
                    self._took(row, *found, sent=sent, sent_at=row.attempted_at)
                    return "was posted before"
            self._change(row, attempted_at=self.clock())
            try:
                answer = self._post(row, thread)
            except SlackRefusedError as error:
                self._change(row, attempted_at=None)  # it was not posted, for sure
                if error.code == "thread_not_found" and self.card is not None:
                    self._lose(self.card)
                raise
            self._took(row, str(answer["channel"]), str(answer["ts"]), sent=row.body, sent_at=self.clock())
            return "posted"

        return post

    def _post(self, row: SlackMessage, thread: str | None) -> Any:  # noqa: ANN401 - the client's own
        body = msgspec.json.decode(row.body)
        kind = "prefect_cloudtrail_card" if row.name == CARD else "prefect_cloudtrail_reply"
        given: dict[str, Any] = {
            "channel": row.channel,
            "thread_ts": thread,
            "metadata": {
                "event_type": kind,
                "event_payload": {"incident_id": self.incident_id, "message_id": row.message_id},
            },
            "unfurl_links": False,
            "unfurl_media": False,
        }
        return self._fitting(row, "post", body, lambda **said: self.slack.chat_postMessage(**given, **said))

    def _fitting(self, row: SlackMessage, verb: str, body: Any, say: Callable[..., Any]) -> Any:  # noqa: ANN401 - JSON, and the client's own
        """Return Slack's answer to a message; where it does not take the blocks, to its text alone."""
        what = f"{verb} {row.name} of {self.incident_id}"
        try:
            with asking(what):
                return say(text=body["text"], blocks=body["blocks"])
        except SlackRefusedError as error:
            if error.code not in UNFIT:
                raise
            # Ours to mend; but people hear of it now.
            _log.error("Slack does not take the blocks of %s: %s", row.name, error)
        more = f"`prefect-cloudtrail incidents {self.incident_id}` shows all of it."
        with asking(what):
            return say(text=f"{mrkdwn(body['text'], LONGEST_PLAIN)['text']}\n{more}", blocks=[])

    def _find(self, row: SlackMessage, begun: datetime, thread: str | None) -> tuple[str, str] | None:
        """Return channel and id of the message as it was posted before; None where it was not."""
        with asking(f"look for {row.name} of {self.incident_id}"):
            where = row.channel
            if where.startswith(("U", "W")):
                where = str(answered(self.slack.conversations_open(users=[where]))["channel"]["id"])
            ts = posted(self.slack, where, {"message_id": row.message_id}, begun, thread)
        return (where, ts) if ts else None

    def _took(self, row: SlackMessage, place: str, ts: str, sent: str | None, sent_at: datetime) -> None:
        self._change(row, place=place, ts=ts, sent=sent, sent_at=sent_at, failures=0, said=None, next_at=None)

    def _lose(self, row: SlackMessage) -> None:
        """Forget a message that somebody deleted, so that it is posted again.

        An incident that nobody sees is worse than one that somebody tidied away.
        """
        self._change(row, ts=None, place=None, attempted_at=None, sent=None)

    def _update(self, row: SlackMessage) -> str:
        channel, ts = row.place or "", row.ts or ""
        body = msgspec.json.decode(row.body)
        try:
            self._fitting(row, "update", body, lambda **said: self.slack.chat_update(channel=channel, ts=ts, **said))
        except SlackRefusedError as error:
            if error.code != "message_not_found":
                raise
            self._lose(row)
            return "was deleted; it is posted again"
        self._change(row, sent=row.body, sent_at=self.clock(), failures=0, said=None, next_at=None)
        return "updated"

    def _page(self, row: SlackMessage) -> str:
        self._change(row, attempted_at=self.clock())
        pager.call(self.pager_url or "", self.told, row.message_id, msgspec.json.decode(row.body)["text"])
        self._took(row, PAGER, row.message_id, sent=row.body, sent_at=self.clock())
        return "called"


def posted(
    slack: WebClient, channel: str, payload: Mapping[str, str], begun: datetime, thread: str | None = None
) -> str | None:
    """Return the id of the message that was posted with this in its metadata; None where there is none.

    Args:
        slack: the client; what it cannot ask is for `asking` around this.
        channel: where, by its id.
        payload: what tells the message from others.
        begun: when its posting was begun.
        thread: in which thread; None in the channel itself.
    """
    asked: dict[str, Any] = {
        "channel": channel,
        "oldest": str((begun - LOOKED_BACK).timestamp()),
        "limit": PAGE,
        "include_all_metadata": True,
    }
    cursor = None
    while True:
        page = answered(
            slack.conversations_replies(**asked, ts=thread, cursor=cursor)
            if thread
            else slack.conversations_history(**asked, cursor=cursor)
        )
        for each in page["messages"]:
            found = (each.get("metadata") or {}).get("event_payload") or {}
            if payload.items() <= found.items():
                return str(each["ts"])
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return None


def wait_after(failures: int, error: SlackError | SettingsError) -> timedelta:
    """Return for how long a message is not tried again: as long as Slack says, or longer each time."""
    if isinstance(error, SlackRefusedError) and error.wait is not None:
        return timedelta(seconds=error.wait)
    if isinstance(error, SettingsError) or (isinstance(error, SlackRefusedError) and error.code in ADVICE):
        return LONGEST_BACK_OFF
    return min(timedelta(seconds=2.0 ** min(failures, 10)), LONGEST_BACK_OFF)
