"""What people do: each click becomes a payload, reaches the app, and what the app answers becomes what they see."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from prefect_cloudtrail.demo.slack import payloads
from prefect_cloudtrail.demo.slack.delivery import Ack
from prefect_cloudtrail.demo.slack.shapes import Refused
from prefect_cloudtrail.demo.slack.workspace import Workspace
from prefect_cloudtrail.errors import CloudTrailResponseError

Json = dict[str, Any]

TROUBLE = "We had some trouble connecting. Try again?"


class Deliver(Protocol):
    """How a payload reaches the app."""

    def __call__(self, kind: str, payload: Json, *, answers: bool) -> Awaitable[Ack]:
        """Return what the app answered, if it did."""
        ...


@dataclass(frozen=True)
class Submitted:
    """What came of a submitted dialog.

    Without acknowledgement the dialog stays, and says that there was trouble. With errors it stays, and shows them.
    Else it is closed; or it is what the app made of it, in `view`.
    """

    acknowledged: bool
    errors: Mapping[str, str] = field(default_factory=dict)
    view: Json | None = None


@dataclass(frozen=True)
class Interactions:
    """People's doings in one workspace; awaited in the server's loop."""

    workspace: Workspace
    deliver: Deliver
    response_url: str

    async def click(self, user: str, channel: str, ts: str, action_id: str, value: object = None) -> bool:
        """Click a button of a message, or choose an option, and return whether the app acknowledged.

        Raises:
            Refused: there is no such channel, message or person.
            CloudTrailResponseError: the message has no such element or option.
        """
        message = self._seen(user, channel, ts)
        action = payloads.action_of(message, action_id, value, ts)
        where = payloads.in_message(
            self.workspace.channel(channel), message, f"{self.response_url}/{user}/{channel}/{ts}"
        )
        return await self._clicked(user, where, action, (channel, ts))

    async def click_in_view(self, user: str, action_id: str, value: object = None) -> bool:
        """Click a button of the dialog before somebody, or choose an option, and return whether it was acknowledged.

        Raises:
            CloudTrailResponseError: there is no dialog, or it has no such element or option.
        """
        view = self._front(user)
        action = payloads.action_of(view, action_id, value, view["hash"])
        return await self._clicked(user, payloads.in_view(view), action, (view["id"], ""))

    async def submit(self, user: str, filled: Mapping[str, Mapping[str, object]]) -> Submitted:
        """Fill in the dialog before somebody and submit it, unless Slack's client has something against it.

        Raises:
            CloudTrailResponseError: there is no dialog, it cannot be submitted, or it has no such input.
        """
        view = self._front(user)
        if view["submit"] is None:
            raise CloudTrailResponseError(f"the dialog {view['title']['text']!r} has nothing to submit")
        state, errors = payloads.entered(view, filled)
        view = self.workspace.enter(user, state)
        if errors:
            return Submitted(acknowledged=True, errors=errors, view=view)
        payload = payloads.view_submission(self.workspace.user(user), self.workspace.trigger(user), view)
        ack = await self.deliver("interactive", payload, answers=True)
        return self._answered(user, view, ack)

    async def close(self, user: str) -> bool:
        """Close the dialog before somebody; return whether the app was told, where it asked to be.

        Raises:
            CloudTrailResponseError: there is no dialog.
        """
        view = self._front(user)
        self.workspace.close_view(user, view["id"])
        if not view["notify_on_close"]:
            return True
        payload = payloads.view_closed(self.workspace.user(user), view)
        return (await self.deliver("interactive", payload, answers=False)).acknowledged

    async def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Json:
        """Write a message as somebody, tell the app, and return it. Raises `Refused`: as posting does."""
        message = self.workspace.post(channel, text, user=user, thread_ts=thread_ts)
        await self.deliver("events_api", payloads.message_event(message), answers=False)
        return message

    async def _clicked(self, user: str, where: Json, action: Json, seen: tuple[str, str]) -> bool:
        payload = payloads.block_actions(self.workspace.user(user), self.workspace.trigger(user), where, action)
        ack = await self.deliver("interactive", payload, answers=False)
        self.workspace.mark(user, *seen, action["action_id"], lost=not ack.acknowledged)
        return ack.acknowledged

    def _answered(self, user: str, view: Json, ack: Ack) -> Submitted:
        answer = ack.payload or {}
        trouble = Submitted(acknowledged=False, view=view)
        match answer.get("response_action") if ack.acknowledged else "trouble":
            case None | "clear":
                self.workspace.close_view(user, view["id"])
                return Submitted(acknowledged=True)
            case "errors":
                there = {each["block_id"] for each in view["blocks"] if each["type"] == "input"}
                errors = answer.get("errors")
                # Slack shows trouble, not the error, where an app speaks of an input that is not there.
                known = isinstance(errors, dict) and bool(errors) and set(errors) <= there
                return Submitted(acknowledged=True, errors=errors or {}, view=view) if known else trouble
            case "update" | "push":
                return self._replaced(view, answer.get("view"), trouble)
            case _:
                return trouble

    def _replaced(self, view: Json, by: object, trouble: Submitted) -> Submitted:
        try:
            return Submitted(acknowledged=True, view=self.workspace.update_view(by, view["id"], None, None))
        except Refused as refused:
            # Where the person has closed it meanwhile, nothing is left to replace.
            return Submitted(acknowledged=True) if refused.error == "not_found" else trouble

    def _front(self, user: str) -> Json:
        view = self.workspace.view(user)
        if view is None:
            raise CloudTrailResponseError(f"no dialog is open before {user}")
        return view

    def _seen(self, user: str, channel: str, ts: str) -> Json:
        for each in self.workspace.ephemerals(user, channel):
            if each["ts"] == ts:
                return each
        return self.workspace.message(channel, ts)
