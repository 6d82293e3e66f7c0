"""The people of the demo in the local Slack: they tap, as one does on a phone, or somebody does it in the browser."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from prefect_cloudtrail.demo.slack import LocalSlack
from prefect_cloudtrail.demo.slack.team import JONAS, LEADS, MAYA, RESPONDERS, ROSA
from prefect_cloudtrail.errors import CloudTrailResponseError

APPROVE, UNDO, SECOND = "approve.disable_access_keys", "undo.request", "approve.undo"
PATIENCE_SECONDS = 60
RESPONDER = "from prefect_cloudtrail.cli import main; main(['responder', '--port', '0'])"

Found = TypeVar("Found")


def settings_of(slack: LocalSlack) -> dict[str, str]:
    """Return the settings with which both planes find this Slack; the app's token is the responder's alone."""
    return {
        "PREFECT_CLOUDTRAIL_SLACK_CHANNEL": slack.channel,
        "PREFECT_CLOUDTRAIL_SLACK_TOKEN": slack.bot_token,
        "PREFECT_CLOUDTRAIL_SLACK_URL": slack.api_url,
        "PREFECT_CLOUDTRAIL_SLACK_GROUPS": f"{RESPONDERS.group_id},{LEADS.group_id}",
    }


def rules(principal: str, responder_role: str) -> str:
    """Return the responder's file: who may decide in this Slack, and whose key it is."""
    approvers = json.dumps([f"slack:{each.user_id}" for each in (MAYA, JONAS)])
    return (
        "# The demo's own: it changes an AWS that moto plays.\n"
        f'dry_run = false\napprovers = {approvers}\nresponder_role = "{responder_role}"\n'
        f'[owners]\n"{principal}" = "slack:{ROSA.user_id}"\n'
    )


@contextmanager
def responding(environment: Mapping[str, str], slack: LocalSlack, log: Path) -> Iterator[None]:
    """Run the responder, the real command, for as long as the block lasts.

    Raises:
        CloudTrailResponseError: it did not start.
    """
    known = {**environment, "PREFECT_CLOUDTRAIL_SLACK_APP_TOKEN": slack.app_token}
    with (
        log.open("w", encoding="utf-8") as said,
        subprocess.Popen(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", RESPONDER], env=known, stdout=said, stderr=said
        ) as process,
    ):
        try:
            until(lambda: process.poll() is not None or slack.connections(), "a responder that listens")
            if process.poll() is not None:
                raise CloudTrailResponseError(f"the demo's responder ended: {log.read_text(encoding='utf-8').strip()}")
            yield
        finally:
            process.terminate()


@dataclass(frozen=True)
class Phones:
    """The phones of those who answer: each tap is a click and a dialog."""

    slack: LocalSlack

    def card(self) -> dict[str, Any]:
        """Return the card, once it has its buttons."""
        return until(lambda: self.offering(APPROVE), "a card with its buttons")

    def disable(self) -> str:
        """Approve that the key is disabled, and return what the dialog says then."""
        return self._tap(MAYA.user_id, str(self.card()["ts"]), APPROVE)

    def undo(self) -> list[str]:
        """Ask for it back, and have another person approve it; return what both dialogs say."""
        receipt = until(self._receipt, "a receipt with its Undo")
        first = self._tap(MAYA.user_id, str(receipt["ts"]), UNDO)
        card = until(lambda: self.offering(SECOND), "a button for another person")
        return [first, self._tap(JONAS.user_id, str(card["ts"]), SECOND)]

    def offering(self, action_id: str, incident_id: str = "") -> dict[str, Any] | None:
        """Return the card that has a button, of any incident or of one; None where there is none yet."""
        cards = self.slack.workspace.history(self.slack.channel)
        return next((each for each in cards if _offers(each, action_id) and incident_id in json.dumps(each)), None)

    def says(self, card: Mapping[str, Any], words: str) -> bool:
        """Return whether a card says something now."""
        return words in json.dumps(self.slack.workspace.message(self.slack.channel, str(card["ts"])))

    def open(self, user: str, ts: str, action_id: str) -> dict[str, Any]:
        """Click, and return the dialog once it is filled."""
        self.slack.people.click(user, self.slack.channel, ts, action_id)
        return until(lambda: _form(self.slack.people.view(user)), "a dialog", every=0.02)

    def _receipt(self) -> dict[str, Any] | None:
        for card in self.slack.workspace.history(self.slack.channel):
            for each in self.slack.workspace.thread(self.slack.channel, card["ts"])[1:]:
                if _offers(each, UNDO):
                    return each
        return None

    def _tap(self, user: str, ts: str, action_id: str) -> str:
        people, view = self.slack.people, self.open(user, ts, action_id)
        ticks = any(each.get("block_id") == "ack_outage" for each in view["blocks"])
        people.fill_and_submit(user, {"ack_outage": {"ack": ["accept"]}} if ticks else {})
        told = until(lambda: _answer(people.view(user)), "an answer in the dialog")
        people.close(user)
        return told


def until(ready: Callable[[], Found | None], what: str, seconds: float = PATIENCE_SECONDS, every: float = 0.1) -> Found:
    """Return the first answer that is not empty.

    Raises:
        CloudTrailResponseError: there was none in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(every)
    raise CloudTrailResponseError(f"the demo waited {seconds:g} seconds for {what}, and it did not come")


def _offers(message: Mapping[str, Any], action_id: str) -> bool:
    return f'"{action_id}"' in json.dumps(message.get("blocks", []))


def _form(view: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a dialog that can be submitted; None while it is being filled."""
    return view if view and view.get("submit") else None


def _answer(view: Mapping[str, Any] | None) -> str | None:
    """Return what a dialog says in the end; None while an answer is being recorded."""
    if view is None:
        return None
    said = " ".join(str(each["text"]["text"]) for each in view["blocks"] if "text" in each)
    return None if view.get("submit") or "Recording" in said else said
