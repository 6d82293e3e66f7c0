"""The local Slack, a case store with an incident that is to be told, and a clock that a test moves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from responding import Clock
from response_cases import a_plan
from slack_sdk import WebClient
from store.case_builders import a_change, an_alert, an_incident, commit

from prefect_cloudtrail.demo.slack import LocalSlack, local_slack
from prefect_cloudtrail.demo.slack.team import BOT, ROSA
from prefect_cloudtrail.response.decision import Request
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.slack.delivering import Delivered, deliver
from prefect_cloudtrail.slack.delivering import telling as by_right
from prefect_cloudtrail.slack.message import CARD, PAGER, Message, Told, told
from prefect_cloudtrail.slack.teller import Teller
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.slack import SlackMessage

INCIDENT = "incident-1"
Json = dict[str, Any]


def a_message(name: str = CARD, text: str | None = None, *, follows: bool = True, to: str | None = None) -> Message:
    said = text or f"the {name}"
    blocks: list[Json] = [{"type": "section", "text": {"type": "plain_text", "text": said}}]
    return Message(name, said, tuple(blocks), follows, to)


CARD_SAID, FIRST, SECOND = a_message(), a_message("first", follows=False), a_message("second", follows=False)
DIRECT, PAGED = a_message("owner", to=ROSA.user_id), a_message("pager", follows=False, to=PAGER)


@dataclass
class Telling:
    """What tells Slack of the store's incidents, and what was told."""

    slack: LocalSlack
    store: Store
    clock: Clock = field(default_factory=Clock)
    rules: Rules = field(default_factory=Rules)
    groups: tuple[str, ...] = ()

    @property
    def client(self) -> WebClient:
        return client_of(self.slack)

    def deliver(self, *said: Message, pager_url: str | None = None, channel: str | None = None) -> Delivered:
        """Make Slack say this, or without it what there is to say."""
        given = {} if not said else {"say": saying(said)}
        where = channel or self.slack.channel
        with by_right(self.store, INCIDENT, self.clock) as lease:
            return deliver(lease, self.store, self.client, self.told(), where, self.clock, pager_url, **given)

    def told(self, incident_id: str = INCIDENT) -> Told:
        return told(self.store, incident_id, self.rules, self.groups, self.clock())

    def teller(self, **given: Any) -> Teller:
        fields: dict[str, Any] = {"rules": lambda: self.rules, "groups": self.groups, "clock": self.clock}
        return Teller(self.store, self.client, self.slack.channel, **(fields | given))

    def ask(self) -> Request:
        """Put a plan before people that nobody was shown yet."""
        return self.store.responses.ask(a_plan(), self.clock(), self.clock() + timedelta(hours=4))

    @property
    def cards(self) -> list[Json]:
        """What the bot said in the channel, outside threads."""
        return [each for each in self.slack.workspace.history(self.slack.channel) if each["user"] == BOT.user_id]

    @property
    def texts(self) -> list[str]:
        """What the bot said in the channel, each card with its thread behind it."""
        threads = [self.slack.workspace.thread(self.slack.channel, each["ts"]) for each in self.cards]
        return [each["text"] for thread in threads for each in thread]

    @property
    def direct(self) -> list[str]:
        return [each["text"] for each in self.slack.workspace.direct_messages(ROSA.user_id)]

    def row(self, name: str = CARD) -> SlackMessage:
        return next(each for each in self.store.slack.messages(INCIDENT) if each.name == name)


def client_of(slack: LocalSlack) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.api_url, timeout=2, retry_handlers=[])


def saying(said: Sequence[Message]) -> Any:
    def say(_: Told) -> Sequence[Message]:
        return said

    return say


def with_incidents(store: Store, clock: Clock, count: int = 1) -> None:
    """Store incidents that are to be told."""
    found = [
        an_incident(
            f"incident-{n}",
            an_alert(f"alert-{n}", f"incident-{n}"),
            last_event=clock.now - timedelta(minutes=10),
            opened_at=clock.now,
            closes_at=clock.now + timedelta(hours=48),
        )
        for n in range(1, count + 1)
    ]
    commit(store, a_change(incidents=found))
    for each in found:
        store.slack.look_at(each.incident_id, clock.now)


@contextmanager
def telling(folder: Path, count: int = 1) -> Iterator[Telling]:
    with local_slack() as slack, Store.open(folder / "state") as store:
        desk = Telling(slack, store)
        with_incidents(store, desk.clock, count)
        yield desk
