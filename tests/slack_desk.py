"""A responder's desk: the local Slack, a robbed AWS, an incident on a card, and the people who may answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from responding import Clock
from slack_sdk import WebClient

from bench.drills.robbery import Robbery, robbed
from prefect_cloudtrail import clients
from prefect_cloudtrail.demo.slack import LocalSlack
from prefect_cloudtrail.demo.slack.interactions import Submitted
from prefect_cloudtrail.demo.slack.team import JONAS, MAYA, ROSA
from prefect_cloudtrail.response.deciding import Answer, Member, decide
from prefect_cloudtrail.response.decision import Choice, Request
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.responder import Plane
from prefect_cloudtrail.settings import settings
from prefect_cloudtrail.slack.delivering import deliver, telling
from prefect_cloudtrail.slack.listener import Listener
from prefect_cloudtrail.slack.message import LISTENER, told
from prefect_cloudtrail.slack.sockets import listening
from prefect_cloudtrail.store import Store

Json = dict[str, Any]

# Lena by herself; the others by their group, in which there are a guest, a deactivated member and a stranger, too.
APPROVERS = ("slack:U0LENA00001", "slack-group:S0RESPOND01")
MAYAS, JONASS, ROSAS = MAYA.user_id, JONAS.user_id, ROSA.user_id
WAITING = {"Looking at how it is now…", "Recording your answer…"}


@dataclass(frozen=True)
class Desk:
    """Everything that an answer in Slack goes through, and a clock that a test moves."""

    slack: LocalSlack
    robbery: Robbery
    plane: Plane
    clock: Clock
    listener: Listener

    @property
    def store(self) -> Store:
        return self.plane.store

    @property
    def incident_id(self) -> str:
        return self.robbery.incident.incident_id

    def rules(self, *lines: str, owner: str | None = ROSAS, approvers: tuple[str, ...] = APPROVERS) -> None:
        """Write the responder's file: who may decide, whose user it is, and what a test adds."""
        owners = f'[owners]\n"{self.robbery.incident.principal}" = "slack:{owner}"\n' if owner else ""
        text = "\n".join([f"approvers = {list(approvers)}", *(lines or ("dry_run = false",)), owners])
        (self.robbery.folder / "rules.toml").write_text(text)

    def ask(self, plan: Plan | None = None, **fields: Any) -> Request:
        """Put a plan before people: on the card."""
        request = self.robbery.ask(self.store, replace(plan or self.robbery.plan, **fields), self.clock())
        self.deliver()
        return request

    def deliver(self) -> None:
        """Make Slack say what there is to say."""
        self.store.responses.beat(LISTENER, self.clock())
        if self.store.slack.card(self.incident_id) is None:
            self.store.slack.look_at(self.incident_id, self.clock())
        known = told(self.store, self.incident_id, self.plane.rules(), (), self.clock())
        with telling(self.store, self.incident_id, self.clock) as lease:
            found = deliver(lease, self.store, self.listener.slack, known, self.slack.channel, self.clock)
        assert not found.failures
        # Its updates are merged to one in three seconds.
        self.clock.move(seconds=5)

    @property
    def card(self) -> Json:
        """The incident's card as Slack has it."""
        return self.slack.workspace.history(self.slack.channel)[0]

    def click(self, user: str, action: str, value: str | None = None) -> None:
        """Click on the card."""
        assert self.slack.people.click(user, self.slack.channel, self.card["ts"], action, value)

    def click_beside(self, user: str, action: str) -> None:
        """Click a button in the card's thread, or in a direct message."""
        direct = str(self.slack.workspace.open_direct(user)["id"])
        for channel, said in (
            (self.slack.channel, self.slack.workspace.thread(self.slack.channel, self.card["ts"])),
            (direct, self.slack.workspace.direct_messages(user)),
        ):
            for message in said:
                if action in str(message.get("blocks")):
                    assert self.slack.people.click(user, channel, str(message["ts"]), action)
                    return
        raise AssertionError(f"nobody was shown {action}")

    def opens_beside(self, user: str, action: str) -> str:
        """Click beside the card, and return the dialog that came of it, as text."""
        before = self._dialog(user)
        self.click_beside(user, action)
        return self.reads(user, other_than=before)

    def decide(self, user: str, choice: Choice, request: Request) -> Answer:
        """Answer a request meanwhile, as somebody else's click would."""
        given: dict[str, Any] = {"rules": self.plane.rules(), "keys": self.plane.keys, "now": self.clock()}
        groups = ("slack-group:S0RESPOND01",)
        member = Member(f"slack:{user}", groups)
        return decide(self.store, request.request_id, request.plan.digest, choice, member, "slack", "seen", **given)

    def opens(self, user: str, action: str, value: str | None = None) -> str:
        """Click on the card, and return the dialog that came of it, as text."""
        before = self._dialog(user)
        self.click(user, action, value)
        return self.reads(user, other_than=before)

    def _dialog(self, user: str) -> str | None:
        view = self.slack.people.view(user)
        return str(view["id"]) if view else None

    def reads(self, user: str, other_than: str | None = None) -> str:
        """Return the dialog before somebody as text, once it says more than to wait."""

        def shown() -> str:
            view = self.slack.people.view(user)
            said = text_of(view) if view and view["id"] != other_than else ""
            return "" if WAITING & set(said.splitlines()) else said

        return self.slack.people.wait_for(shown)

    def submits(self, user: str, **filled: Any) -> str:
        """Fill in the dialog before somebody, submit it, and return what they read then."""
        sent = self.sends(user, **filled)
        assert (sent.acknowledged, sent.errors) == (True, {})
        return self.reads(user)

    def sends(self, user: str, **filled: Any) -> Submitted:
        """Fill in the dialog before somebody by its inputs' names, and submit it."""
        blocks = {"ack": "ack_outage", "scope": "quiet_scope", "days": "quiet_days"}
        given = {blocks.get(name, name): {name: value} for name, value in filled.items()}
        return self.slack.people.submit(user, given)

    def whispered(self, user: str) -> str:
        """Return what only this reader was told, once something was."""
        found = self.slack.people.wait_for(lambda: self.slack.workspace.ephemerals(user))
        return str(found[-1]["text"])

    def audited(self) -> list[str]:
        """Return the kinds of what is in the audit."""
        return [each.kind for each in self.store.responses.audit_rows()]


def text_of(view: Mapping[str, Any]) -> str:
    """Return a dialog's title and texts, a line each; an input by its label."""
    lines = [view["title"]["text"]]
    for block in view["blocks"]:
        parts = [block.get("text"), block.get("label"), *block.get("fields", ()), *block.get("elements", ())]
        lines += [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    # What keeps letters from formatting shows nothing.
    return "\n".join(lines).replace("\u2060", "")


@contextmanager
def a_desk(slack: LocalSlack, folder: Path, endpoint: str, monkeypatch: Any) -> Iterator[Desk]:
    """Give a desk whose listener listens, over a socket."""
    robbery, clock = robbed(folder, endpoint), Clock()
    for name, value in robbery.environment.items():
        monkeypatch.setenv(name, value)
    with clients.plane(settings()) as plane:
        own = replace(plane, clock=clock)
        client = WebClient(token=slack.bot_token, base_url=slack.api_url, timeout=30, retry_handlers=[])
        desk = Desk(slack, robbery, own, clock, Listener(own, client, slack.channel))
        desk.rules()
        yield desk


@contextmanager
def at_work(desk: Desk) -> Iterator[None]:
    """Have the desk's listener listen over a socket."""
    with listening(desk.listener, desk.slack.app_token, desk.listener.slack, desk.store, desk.clock):
        yield


def later(desk: Desk, **by: float) -> None:
    """Move the clock, and have the card say how it is then."""
    desk.clock.now += timedelta(**by)
    desk.deliver()
