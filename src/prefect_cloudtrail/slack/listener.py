"""What people do in Slack, answered: who they are is asked, what it stands for looked up, what they decide recorded.

The same for Socket Mode and for HTTP: `acknowledge` answers at once and asks nobody anything, `handle` does the work
after it. Whatever comes of it, whoever clicked is told.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any

from slack_sdk import WebClient

from prefect_cloudtrail import feedback
from prefect_cloudtrail.errors import (
    ActionError,
    CloudTrailResponseError,
    RefusedError,
    ResponseError,
    SlackError,
    StateError,
)
from prefect_cloudtrail.response.actions import Check, checked
from prefect_cloudtrail.response.containing import sentence
from prefect_cloudtrail.response.deciding import Answer, Member, decide, refused
from prefect_cloudtrail.response.decision import Choice, Request
from prefect_cloudtrail.response.plan import UNDO, Step
from prefect_cloudtrail.response.requesting import ask_to_undo
from prefect_cloudtrail.response.responder import Plane
from prefect_cloudtrail.slack import dialog
from prefect_cloudtrail.slack.asking import SlackRefusedError, answered, asking
from prefect_cloudtrail.slack.blocks import shown
from prefect_cloudtrail.slack.dialog import Bound, Filled, View
from prefect_cloudtrail.slack.members import member, require_listed, require_not_concerned
from prefect_cloudtrail.slack.message import SLACK, Told, told
from prefect_cloudtrail.slack.payload import Click, Submission, read
from prefect_cloudtrail.slack.status import EXPIRED, OPEN, Standing, is_same_answer, open_ones, standings
from prefect_cloudtrail.slack.thread import ANSWERS

REMEMBERED = 10_000
HEADINGS = {
    "approved": "Approved",
    "waiting": "One more must approve",
    "left_on": "Left on",
    "expected": "It was expected",
    "expired": "Expired",
    "superseded": "Not needed any more",
    "settled": "Settled already",
    "changed": "The plan changed",
    "refused": "Nothing was done",
}
TOO_LATE = "That took too long, so no dialog could be opened: click again. Nothing was done."
UNFILLED = "The dialog could not be filled: click again. Nothing was done."
# Slack's words for it.
LATE = {"expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "trigger_exchanged"}
FORMS = (dialog.CONFIRM, dialog.EXPECTED, dialog.LEAVE)
# What opens a dialog, so that Slack shows at once that something happens.
OPENS = ("approve", "decide.expected", "leave", "details", "undo.request")

_log = logging.getLogger(__name__)


@dataclass
class Listener:
    """Answers what people do.

    Attributes:
        plane: what the responder works with.
        slack: with the bot's token.
        channel: where cards are; an answer that has no dialog is shown there to its one reader.
    """

    plane: Plane
    slack: WebClient
    channel: str | None
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def acknowledge(self, payload: object) -> dict[str, Any] | None:
        """Return the body of the acknowledgment; None is an empty one. Asks nobody anything."""
        found = read(payload)
        if not isinstance(found, Submission) or found.kind not in FORMS:
            return None
        errors = _errors(found)
        if errors:
            return {"response_action": "errors", "errors": errors}
        return {"response_action": "update", "view": dialog.recording()}

    def handle(self, payload: object) -> None:
        """Do what somebody asked for, once, and tell them what came of it; never raises."""
        found = read(payload)
        if found is None or (isinstance(found, Submission) and (found.kind not in FORMS or _errors(found))):
            return
        if not self._is_new(found.key):
            _log.info("Slack delivered %s again", found.key)
            return
        if isinstance(found, Click):
            _Clicked(self, found).answer()
        else:
            _Submitted(self, found).answer()

    def _is_new(self, key: str) -> bool:
        with self._lock:
            if key in self._seen:
                return False
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            return True

    def told(self, incident_id: str) -> Told:
        """Return what there is to say of an incident now."""
        return told(self.plane.store, incident_id, self.plane.rules(), (), self.plane.clock())

    def may_decide(self, user: str, incident_id: str | None) -> Member:
        """Return the member, once it is sure that they are among those who may decide, and not the one concerned.

        Raises:
            RefusedError: they are not, or Slack cannot be asked; the audit has its row.
        """
        rules = self.plane.rules()
        try:
            found = member(self.slack, user, rules)
            require_listed(found, rules)
            if incident_id:
                require_not_concerned(found, self.told(incident_id).concerned, rules)
        except RefusedError as error:
            self.audit("refused", incident_id, {"by": f"{SLACK}{user}", "via": "slack", "said": str(error)})
            raise
        return found

    def audit(self, kind: str, incident_id: str | None, document: Mapping[str, Any]) -> None:
        """Add a row to the audit."""
        self.plane.store.responses.audit(kind, incident_id, document, self.plane.clock())

    def changed(self, incident_id: str) -> None:
        """Have the card and its thread looked at, now; what was recorded before stays so where that fails."""
        try:
            self.plane.store.slack.touch(incident_id, self.plane.clock())
        except StateError as error:
            _log.error("the card of %s is updated later: %s", incident_id, error)

    def whisper(self, user: str, channel: str, said: str, thread: str | None = None) -> None:
        """Tell one reader something, beside where they clicked."""
        try:
            with asking(f"answer {user}"):
                self.slack.chat_postEphemeral(channel=channel, user=user, text=said, thread_ts=thread)
        except SlackError as error:
            _log.error("%s; it was to hear: %s", error, said)


def _errors(found: Submission) -> dict[str, str]:
    """Return what must be filled in first, by block."""
    given = dialog.filled(found.values)
    if found.kind == dialog.CONFIRM and found.asks_tick and not given.accepts:
        return {"ack_outage": "Tick that you accept it, or cancel."}
    if found.kind == dialog.EXPECTED and not given.reason:
        return {"reason": "Say why: it teaches what is usual."}
    return {}


@dataclass
class _Clicked:
    """One click, being answered."""

    listener: Listener
    click: Click
    _view: tuple[str, str | None] | None = None

    def answer(self) -> None:
        """Do what the button says."""
        kind = self.click.action.partition(".")[0] if self.click.action.startswith("approve") else self.click.action
        try:
            work = self._works().get(kind)
            if work is None:
                return
            if kind in OPENS and not self._open():
                return
            work()
        except CloudTrailResponseError as error:
            self._say(_no(error))
        except Exception:  # noqa: BLE001 - whoever clicked must hear of it, whatever it was
            _log.exception("a click of %s on %s failed", self.click.user, self.click.action)
            self._say("Something failed on the responder's host. Look at the card before you try again.")

    def _works(self) -> Mapping[str, Callable[[], None]]:
        return {
            "approve": lambda: self._approve(self.click.subject),
            "decide.expected": lambda: self._form(dialog.expected),
            "leave": lambda: self._form(dialog.leave),
            "details": self._details,
            "undo.request": self._undo,
            "ask.again": self._ask_again,
            **{f"owner.{answer}": self._owner for answer in ANSWERS},
        }

    # --- the dialog ---------------------------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Open a dialog that says to wait, within the trigger's time, and return whether that was possible."""
        try:
            with asking("open a dialog"):
                answer = self.listener.slack.views_open(trigger_id=self.click.trigger, view=dialog.loading())
                opened = answered(answer)["view"]
        except SlackError as error:
            _log.warning("%s", error)
            is_late = isinstance(error, SlackRefusedError) and error.code in LATE
            self._say(TOO_LATE if is_late else "No dialog could be opened: click again. Nothing was done.")
            return False
        self._view = (str(opened["id"]), opened.get("hash"))
        return True

    def _show(self, view: View, otherwise: str = UNFILLED) -> None:
        """Fill the dialog; where it was closed meanwhile, say something beside the message."""
        if self._view is None:
            return
        view_id, known = self._view
        try:
            with asking("fill the dialog"):
                self.listener.slack.views_update(view_id=view_id, hash=known, view=view)
        except SlackError as error:
            _log.warning("%s", error)
            self._view = None
            self._say(otherwise)

    def _say(self, said: str) -> None:
        """Tell whoever clicked: in the dialog where one is open, else beside the message."""
        if self._view is not None:
            self._show(dialog.answer("Nothing was done", said), otherwise=said)
            return
        channel = self.click.channel or self.listener.channel
        if channel:
            self.listener.whisper(self.click.user, channel, said, self.click.thread)

    # --- what the buttons do ------------------------------------------------------------------------------------------

    def _approve(self, request_id: str) -> None:
        plane, rules = self.listener.plane, self.listener.plane.rules()
        by = self._by(request_id)
        no = refused(plane.store, request_id, by, "slack", rules=rules, keys=plane.keys, now=plane.clock())
        if no is not None:
            said = shown(no.said, 1_000)
            self._show(dialog.answer(HEADINGS.get(no.outcome, no.outcome), said), otherwise=said)
            return
        request = self._request(request_id)
        known = self.listener.told(request.plan.incident_id)
        checks = [self._check(step) for step in request.plan.steps]
        self._show(dialog.confirm(request, known, checks, self.click.user))

    def _by(self, request_id: str) -> Member:
        """Return who clicked; whoever may not decide sees nothing of it."""
        request = self.listener.plane.store.responses.request(request_id)
        return self.listener.may_decide(self.click.user, request.plan.incident_id if request else None)

    def _request(self, request_id: str) -> Request:
        found = self.listener.plane.store.responses.request(request_id)
        if found is None:
            raise RefusedError("there is no such request")
        return found

    def _check(self, step: Step) -> Check | str:
        """Return what AWS says of a step now, or why that is not known."""
        plane = self.listener.plane
        if step.undoes:
            receipt = plane.store.responses.receipt(step.undoes)
            return Check(before={}, does=f"Gives back: {receipt.said}" if receipt else f"Undoes {step.undoes}.")
        try:
            return checked(plane.aws, step)
        except ActionError as error:
            return sentence(error)

    def _form(self, make: Callable[[Told, str], View]) -> None:
        self.listener.may_decide(self.click.user, self.click.subject)
        self._show(make(self.listener.told(self.click.subject), self.click.user))

    def _details(self) -> None:
        self.listener.may_decide(self.click.user, None)
        self._show(dialog.details(self.listener.told(self.click.subject)))

    def _undo(self) -> None:
        """Ask to give back what a decision's steps changed, and show what that would do."""
        plane = self.listener.plane
        receipts = plane.store.responses.receipts(decision_id=self.click.subject)
        if not receipts:
            raise RefusedError("there is no such receipt")
        self.listener.may_decide(self.click.user, receipts[0].incident_id)
        applied = [each.receipt_id for each in receipts if each.may_hold]
        if not applied:
            raise ResponseError("there is nothing left to undo")
        request = ask_to_undo(plane.store, applied, plane.rules(), plane.clock())
        self.listener.changed(request.plan.incident_id)
        self._approve(request.request_id)

    def _ask_again(self) -> None:
        """Ask anew what nobody answered in time."""
        plane, incident_id = self.listener.plane, self.click.subject
        by = self.listener.may_decide(self.click.user, incident_id)
        known = self.listener.told(incident_id)
        asked_now = open_ones(known)
        expired = {
            each.plan.digest: each
            for each in standings(known)
            if each.state == EXPIRED and not any(is_same_answer(each.plan, other.plan) for other in asked_now)
        }
        now, ends = plane.clock(), plane.clock() + plane.rules().expires_after
        asked = [plane.store.responses.ask(each.plan, now, ends).request_id for each in expired.values()]
        self.listener.audit("asked again", incident_id, {"by": by.id, "via": "slack", "requests": asked})
        self.listener.changed(incident_id)
        self._say("Asked again: the card has new buttons." if asked else "There is nothing to ask again.")

    def _owner(self) -> None:
        """Keep the owner's answer: evidence, never authority."""
        plane, incident_id = self.listener.plane, self.click.subject
        row = plane.store.slack.owner(incident_id)
        by, given = f"{SLACK}{self.click.user}", self.click.action.partition(".")[2]
        if row is None or row.member != by:
            self.listener.audit("refused", incident_id if row else None, {"by": by, "via": "slack", "answer": given})
            self._say("This question is for somebody else, so your answer was not kept.")
            return
        kept = plane.store.slack.owner_answers(incident_id, given, plane.clock())
        self.listener.audit("owner answered", incident_id, {"by": by, "via": "slack", "answer": given})
        self.listener.changed(incident_id)
        if kept is not None and kept.answer != given:
            self._say("You answered before, and that stands. Tell your security team where it was wrong.")


@dataclass
class _Submitted:
    """One submitted dialog, being answered."""

    listener: Listener
    sent: Submission

    def answer(self) -> None:
        """Record the answer, and say in the dialog what came of it."""
        try:
            heading, said = self._answered()
        except CloudTrailResponseError as error:
            heading = "Nothing was done" if isinstance(error, ResponseError) else "Could not be recorded"
            said = _no(error)
        except Exception:  # noqa: BLE001 - whoever clicked must hear of it, whatever it was
            _log.exception("a dialog of %s failed", self.sent.user)
            heading = "Something failed"
            said = "Something failed on the responder's host. Look at the card before you try again."
        try:
            with asking("answer in the dialog"):
                self.listener.slack.views_update(view_id=self.sent.view_id, view=dialog.answer(heading, said))
        except SlackError as error:
            _log.warning("%s", error)
            if self.listener.channel:
                self.listener.whisper(self.sent.user, self.listener.channel, f"*{heading}.* {said}")

    def _answered(self) -> tuple[str, str]:
        carried = dialog.bound(self.sent.carried)
        if carried is None or carried.kind != self.sent.kind:
            raise RefusedError("this dialog is none of ours")
        if carried.opener != self.sent.user:
            self.listener.audit(
                "refused", None, {"by": f"{SLACK}{self.sent.user}", "via": "slack", "said": "not the opener"}
            )
            raise RefusedError("another person opened this dialog: open your own")
        given = dialog.filled(self.sent.values)
        if carried.kind == dialog.CONFIRM:
            return self._confirmed(carried, given)
        by = self.listener.may_decide(self.sent.user, carried.id)
        return self._expected(carried, given, by) if carried.kind == dialog.EXPECTED else self._left(carried, given, by)

    def _confirmed(self, carried: Bound, given: Filled) -> tuple[str, str]:
        plane = self.listener.plane
        request = plane.store.responses.request(carried.id)
        by = self.listener.may_decide(self.sent.user, request.plan.incident_id if request else None)
        if request is not None and request.plan.stops_service and not given.accepts:
            raise RefusedError("tick that you accept that what uses it stops")
        found = self._decide(carried.id, carried.digest, Choice.APPROVE, by, given.reason)
        said = shown(found.said, 1_000)
        if request is not None:
            self.listener.changed(request.plan.incident_id)
            if found.outcome in {"approved", "waiting"}:
                said += self._grown(request)
        return HEADINGS.get(found.outcome, found.outcome), said

    def _grown(self, request: Request) -> str:
        """Return what a newer plan of the same playbook adds; what was shown is carried out all the same."""
        try:
            known = self.listener.told(request.plan.incident_id)
        except StateError as error:
            # The answer is recorded; that this cannot be read makes no other of it.
            _log.error("whether the plan grew is not known: %s", error)
            return ""
        others = [
            each
            for each in open_ones(known)
            if is_same_answer(each.plan, request.plan) and each.asked.request.asked_at > request.asked_at
        ]
        if not others:
            return ""
        added = [each for each in others[-1].does if each not in request.plan.does]
        what = shown(" ".join(added) or "see the card", 500)
        return f"\nIt is as you saw it. Since then the plan grew: {what} A new button asks for that."

    def _decide(self, request_id: str, digest: str, choice: Choice, by: Member, why: str) -> Answer:
        plane = self.listener.plane
        return decide(
            plane.store,
            request_id,
            digest,
            choice,
            by,
            "slack",
            why,
            rules=plane.rules(),
            keys=plane.keys,
            now=plane.clock(),
        )

    def _open(self, incident_id: str) -> list[Standing]:
        """Return all that is asked of the incident, also what a grown plan stands beside."""
        return [each for each in standings(self.listener.told(incident_id)) if each.state == OPEN]

    def _left(self, carried: Bound, given: Filled, by: Member) -> tuple[str, str]:
        asked = self._open(carried.id)
        if not asked:
            raise RefusedError("nothing is asked any more")
        found = [
            self._decide(each.asked.request.request_id, each.asked.request.plan.digest, Choice.LEAVE, by, given.reason)
            for each in asked
        ]
        self.listener.changed(carried.id)
        said = " ".join(dict.fromkeys(each.said for each in found))
        return HEADINGS.get(found[0].outcome, found[0].outcome), shown(said, 1_000)

    def _expected(self, carried: Bound, given: Filled, by: Member) -> tuple[str, str]:
        """Close the incident as expected: by an answer to what is asked, else by a verdict."""
        plane, known = self.listener.plane, self.listener.told(carried.id)
        # Whether something is given back is another question.
        asked = [each for each in self._open(carried.id) if each.plan.playbook != UNDO]
        if asked:
            first = asked[0].asked.request
            found = self._decide(first.request_id, first.plan.digest, Choice.EXPECTED, by, given.reason)
            if found.outcome != "expected":
                return HEADINGS.get(found.outcome, found.outcome), shown(found.said, 1_000)
            said = found.said
        else:
            plane.store.add_verdict(carried.id, feedback.Answer.EXPECTED, by=by.id, why=given.reason, at=plane.clock())
            self.listener.audit("expected", carried.id, {"by": by.id, "via": "slack", "why": given.reason})
            said = "The incident is closed as expected; nothing is changed."
        if given.quiet:
            said += f" {self._quiet(known, given, by)}"
        self.listener.changed(carried.id)
        return HEADINGS["expected"], shown(said, 1_000)

    def _quiet(self, known: Told, given: Filled, by: Member) -> str:
        """Return what is kept quiet from now on, or why nothing is: the incident is closed either way."""
        plane, offered = self.listener.plane, dialog.scopes(known.incident)
        if given.scope not in offered:
            return "Nothing is kept quiet: choose what about."
        words, scope = offered[given.scope]
        now = plane.clock()
        until = now + timedelta(days=given.days)
        document = {"by": by.id, "via": "slack", "scope": scope.given, "until": until.isoformat()}
        try:
            self.listener.audit("asked to keep quiet", known.incident.incident_id, document)
            plane.store.add_entries(
                lambda at: [
                    feedback.entry(
                        feedback.Suppression,
                        scope,
                        since=now,
                        until=until,
                        why=given.reason,
                        by=by.id,
                        effective_at=at,
                    )
                ],
                now,
            )
        except CloudTrailResponseError as error:
            return f"But nothing is kept quiet: {error}."
        return f"Alerts about {words} are kept quiet until {until:%Y-%m-%d}."


def _no(error: CloudTrailResponseError) -> str:
    """Return why nothing came of it, as mrkdwn."""
    if isinstance(error, ResponseError):
        said = shown(str(error), 1_000).rstrip(".")
        return f"Nothing was done: {said}."
    return f"It could not be recorded: {shown(str(error), 600)}. Look at the card before you try again."
