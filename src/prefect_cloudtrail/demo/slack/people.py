"""People of the local Slack, played in Python: they click, fill in, submit, close, write and wait."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from prefect_cloudtrail.demo.slack.interactions import TROUBLE, Submitted
from prefect_cloudtrail.demo.slack.server import Server
from prefect_cloudtrail.errors import CloudTrailResponseError

Json = dict[str, Any]
Found = TypeVar("Found")

# A predicate may look beyond the workspace, which tells nobody when that changes.
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class People:
    """Everybody who is in one workspace; from any thread but the server's."""

    server: Server

    def click(self, user: str, channel: str, ts: str, action_id: str, value: object = None) -> bool:
        """Click a button of a message, or choose an option of a menu, and return whether the app acknowledged.

        Args:
            user: who.
            channel: where.
            ts: of the message; one in a thread, or ephemeral, as well.
            action_id: of the button or menu.
            value: of the option; nothing for a button.

        Raises:
            CloudTrailResponseError: the message has no such button or option.
            Refused: there is no such channel, message or person.
        """
        return self.server.call(self.server.interactions.click(user, channel, ts, action_id, value))

    def click_in_view(self, user: str, action_id: str, value: object = None) -> bool:
        """Click a button of the dialog before somebody, or choose an option, and return whether it was acknowledged."""
        return self.server.call(self.server.interactions.click_in_view(user, action_id, value))

    def view(self, user: str) -> Json | None:
        """Return the dialog before somebody, if there is one."""
        return self.server.workspace.view(user)

    def submit(self, user: str, filled: Mapping[str, Mapping[str, object]] | None = None) -> Submitted:
        """Fill in the dialog before somebody, submit it, and return all that came of it."""
        return self.server.call(self.server.interactions.submit(user, filled or {}))

    def fill_and_submit(
        self, user: str, filled: Mapping[str, Mapping[str, object]] | None = None
    ) -> dict[str, str] | Json | None:
        """Fill in the dialog before somebody and submit it.

        Args:
            user: who.
            filled: block id -> action id -> text, option value, several option values, date, or user id.

        Returns:
            The errors by block id, of Slack's client or of the app; the view that the app put in its place; or nothing
            where the dialog is closed.

        Raises:
            CloudTrailResponseError: there is no such dialog, input or option; or the app did not acknowledge, which
                leaves the dialog open.
        """
        done = self.submit(user, filled)
        if not done.acknowledged:
            raise CloudTrailResponseError(TROUBLE)
        return dict(done.errors) or done.view

    def close(self, user: str) -> bool:
        """Close the dialog before somebody; return whether the app was told, where it asked to be."""
        return self.server.call(self.server.interactions.close(user))

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Json:
        """Write a message as somebody, and return it."""
        return self.server.call(self.server.interactions.say(user, channel, text, thread_ts))

    def wait_for(self, predicate: Callable[[], Found], seconds: float = 10) -> Found:
        """Return what the predicate answers, once that is something.

        Raises:
            TimeoutError: it was nothing for so long.
        """
        ends = time.monotonic() + seconds
        changed = self.server.workspace.changed
        while True:
            if found := predicate():
                return found
            if time.monotonic() > ends:
                raise TimeoutError(f"nothing came within {seconds:g} s")
            with changed:
                changed.wait(LOOK_SECONDS)
