"""Tells Slack of every incident that there is something to say about, over and over."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from slack_sdk import WebClient

from prefect_cloudtrail.errors import CloudTrailResponseError, LeaseHeldError, SlackError
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.slack.card import ESCALATES_AFTER, PLANS_WITHIN
from prefect_cloudtrail.slack.delivering import MERGED, Clock, Delivered, deliver, telling
from prefect_cloudtrail.slack.message import CARD, PAGER, Told, told
from prefect_cloudtrail.slack.notices import post_notices
from prefect_cloudtrail.slack.status import LISTENER_GONE, OPEN, standings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.slack import SlackMessage

# How soon to look again while something goes on; a decision from the terminal must show within seconds, too.
AT_WORK, ASKED, WATCHED, OVER = (
    timedelta(seconds=1),
    timedelta(seconds=4),
    timedelta(seconds=60),
    timedelta(minutes=10),
)
KEPT_CURRENT = timedelta(days=30)
# So that one round, and with it the hold of those waiting behind it, does not last for minutes.
MOST_A_ROUND = 200

_log = logging.getLogger(__name__)


@dataclass
class Teller:
    """What tells Slack.

    Attributes:
        store: the case store.
        slack: with the bot's token.
        channel: where cards are.
        rules: reads the rules, anew each round.
        groups: user groups to call, in their order.
        clock: the time, aware.
        pager_url: the pager's webhook.
    """

    store: Store
    slack: WebClient
    channel: str
    rules: Callable[[], Rules]
    groups: tuple[str, ...]
    clock: Clock
    pager_url: str | None = field(default=None, repr=False)
    _not_before: datetime | None = field(default=None, init=False)

    def look(self) -> list[str]:
        """Return what was said now of the incidents that are due, and of notices, a line each.

        What Slack did not take is logged, and tried again.

        One that cannot be told of keeps none of the others from being told of.

        Raises:
            StateError: the case store cannot be used.
        """
        said = post_notices(self.store, self.slack, self.channel, self.clock)
        for incident_id in self.store.slack.due(self.clock())[:MOST_A_ROUND]:
            try:
                said += self._deliver(incident_id).said
            except LeaseHeldError:
                continue  # another is at it
            except Exception as error:  # noqa: BLE001 - whatever ails this one, the others are told of
                known = isinstance(error, CloudTrailResponseError)
                _log.error("%s cannot be told of: %s", incident_id, error, exc_info=None if known else error)
                self.store.slack.look_at(incident_id, self.clock() + WATCHED)
        return said

    def tell(self, incident_id: str, link: str | None = None) -> list[str]:
        """Return what was said now of one incident, a line each.

        Raises:
            SlackError: Slack does not take its card; it stays written down, and is told as soon as Slack does.
            StateError: the case store does not hold the incident, or cannot be used.
        """
        self.store.slack.look_at(incident_id, self.clock(), link)
        try:
            found = self._deliver(incident_id)
        except LeaseHeldError:
            return []  # another is telling it this moment, and looks once more
        rows = self.store.slack.messages(incident_id)
        card = next((each for each in rows if (each.name, each.channel) == (CARD, self.channel)), None)
        if card is None or card.ts is None or card.said is not None:
            said = card.said if card is not None else None
            raise SlackError(said or f"cannot post the card of {incident_id}: Slack asks to wait; it is tried again")
        return list(found.said)

    def _deliver(self, incident_id: str) -> Delivered:
        with telling(self.store, incident_id, self.clock) as lease:
            # Read under the lease: what another has said meanwhile is not taken back.
            seen, known = self.store.slack.card(incident_id), self._told(incident_id)
            found = deliver(
                lease,
                self.store,
                self.slack,
                known,
                self.channel,
                self.clock,
                self.pager_url,
                not_before=self._not_before,
            )
            self._not_before = found.not_before
            for failure in found.failures:
                _log.warning("%s", failure)
            if found.said:  # what was posted changes what there is to say
                known = self._told(incident_id)
            rows = self.store.slack.messages(incident_id)
            soonest = next_look(known, rows, pages=self.pager_url is not None, not_before=self._not_before)
            self.store.slack.look_again(incident_id, seen.next_at if seen else None, soonest)
            return found

    def _told(self, incident_id: str) -> Told:
        return told(self.store, incident_id, self.rules(), self.groups, self.clock())


def next_look(
    known: Told, rows: list[SlackMessage], *, pages: bool = False, not_before: datetime | None = None
) -> datetime | None:
    """Return when there may be something new to say of an incident; None for never again. Pure.

    Args:
        known: what there is to say now.
        rows: its messages as they are stored.
        pages: whether there is a pager.
        not_before: Slack is not asked before.
    """
    now, moments = known.now, [known.now + OVER]
    moments += _left(rows, now, not_before or now, pages=pages)
    states = standings(known)
    if any(each.state == "applying" for each in states):
        moments.append(now + AT_WORK)
    asked = [each for each in states if each.state == OPEN]
    if asked:
        moments.append(now + ASKED)
    changes = [known.listener_at + LISTENER_GONE] if known.listener_at is not None else []
    if known.first_told_at is not None:
        changes += [known.first_told_at + PLANS_WITHIN, known.first_told_at + ESCALATES_AFTER]
    moments += [each for each in changes if each > now]
    looks = [each.watch.next_at for each in states if each.watch and each.watch.next_at]
    is_watched = bool(looks)
    # What a look at AWS found is said right after it; one that is late may come any moment.
    moments += [each + AT_WORK if each > now else now + ASKED for each in looks]
    if now < known.incident.closes_at or is_watched:
        moments.append(now + WATCHED)
    # A moment that is over, and still something to say: at once.
    soonest = max(min(moments), now + AT_WORK)
    latest = max(known.incident.last_event, known.first_told_at or known.incident.last_event)
    is_over = not asked and not is_watched and now - latest > KEPT_CURRENT
    return None if is_over and soonest >= now + WATCHED else soonest


def _left(rows: list[SlackMessage], now: datetime, not_before: datetime, *, pages: bool) -> Iterator[datetime]:
    """Yield when each message that is not said, or not as it should be, may be tried."""
    first_in_channel = True
    for row in sorted(rows, key=lambda each: each.name != CARD):
        if row.dropped_at is not None or (row.channel == PAGER and not pages):
            continue
        if row.ts is None:
            in_channel = not row.channel.startswith(("U", "W")) and row.channel != PAGER
            # A thread waits for its card, and for its own order.
            if not in_channel or first_in_channel:
                at = row.next_at or now + AT_WORK
                yield at if row.channel == PAGER else max(at, not_before)
            first_in_channel &= not in_channel
        elif row.sent != row.body and row.sent_at is not None:
            yield max(row.next_at or now, row.sent_at + MERGED, not_before)
