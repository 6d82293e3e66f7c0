"""Carries out what people approved: each step once, its snapshot first, each with a receipt.

It may be killed anywhere and started again: a snapshot that is stored is not taken again, a step that was applied is
not applied again, and of two that are at it at once one gives way.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from prefect_cloudtrail.errors import (
    ActionError,
    ChangedSinceError,
    CloudTrailResponseError,
    TargetGoneError,
    UnansweredError,
)
from prefect_cloudtrail.response.actions import Aws, Check, checked, named
from prefect_cloudtrail.response.deciding import approved
from prefect_cloudtrail.response.guards import refusal
from prefect_cloudtrail.response.plan import UNDO, Plan, Step
from prefect_cloudtrail.response.receipt import Outcome, Receipt
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import Store

LEASE_MINUTES = 2.0
# Any, the same in every version: receipts are named after their decision and step.
NAMESPACE_RECEIPT = UUID("6f1c2a52-64a0-4c0e-9d55-1c8b7d1f3a10")
# When AWS is first asked again what became of a change; `watching` goes on from there.
FIRST_READ_BACK = timedelta(seconds=10)

Clock = Callable[[], datetime]


class Ending(StrEnum):
    """What came of an approved plan, as Prefect's states and people call it."""

    APPLIED = "applied"  # all that was to be changed is, and is watched
    PARTLY_APPLIED = "partly_applied"
    FAILED = "failed"
    DRY_RUN = "dry_run"
    UNDONE = "undone"
    REFUSED = "refused"


@dataclass(frozen=True)
class CarriedOut:
    """An approved plan and the receipts of its steps, in their order."""

    decision_id: str
    plan: Plan
    receipts: tuple[Receipt, ...]
    ending: Ending
    said: str


def contain(store: Store, decision_id: str, aws: Aws, *, rules: Rules, keys: Keys, clock: Clock) -> CarriedOut:
    """Return what came of an approved plan, carried out now or before.

    Args:
        store: the case store, as the responder may write it.
        decision_id: of the decision that settled the request.
        aws: clients with the responder's role.
        rules: the responder's file.
        keys: what decisions are verified with.
        clock: the time, aware.

    Raises:
        RefusedError: no valid approval stands behind it; nothing was changed.
        LeaseHeldError: another is carrying it out right now.
    """
    with alone(store, decision_id, clock):
        plan = approved(store, decision_id, rules, keys, clock())
        store.responses.add_manual_steps(decision_id, plan.incident_id, plan.manual)
        work = _Work(store, decision_id, plan, aws, rules, clock)
        with _nobody_watches(store, plan, clock):
            receipts = tuple(work.carried_out(position, step) for position, step in enumerate(plan.steps))
        done = CarriedOut(decision_id, plan, receipts, ending(receipts), said(receipts))
        now = clock()
        if plan.playbook == UNDO or done.ending == Ending.DRY_RUN:
            store.responses.end(decision_id, plan.incident_id, done.ending, done.said, now)
        else:
            # A plan by hand alone is watched too: until somebody says that it is done, and the quiet shows it.
            store.responses.start_watch(decision_id, plan.incident_id, now, now + FIRST_READ_BACK)
        return done


def ending(receipts: tuple[Receipt, ...]) -> Ending:
    """Return what came of a plan whose steps ended so; without a step, all there is to do is done."""
    outcomes = {receipt.outcome for receipt in receipts}
    if outcomes == {Outcome.DRY_RUN}:
        return Ending.DRY_RUN
    if Outcome.FAILED in outcomes:
        return Ending.FAILED if outcomes == {Outcome.FAILED} else Ending.PARTLY_APPLIED
    if receipts and all(receipt.step.undoes for receipt in receipts):
        return Ending.UNDONE
    return Ending.APPLIED


def said(receipts: tuple[Receipt, ...]) -> str:
    """Return the same in sentences."""
    return (
        " ".join(receipt.said for receipt in receipts) or "There is nothing to change in AWS; the steps by hand remain."
    )


@dataclass(frozen=True)
class _Work:
    """One approved plan at work."""

    store: Store
    decision_id: str
    plan: Plan
    aws: Aws
    rules: Rules
    clock: Clock

    def carried_out(self, position: int, step: Step) -> Receipt:
        """Return the step's receipt: what it was before, where it is settled already."""
        stored = {each.position: each for each in self.store.responses.receipts(decision_id=self.decision_id)}
        receipt = stored.get(position) or self._begun(position, step)
        if receipt.outcome != Outcome.STARTED or receipt.after is not None:
            return receipt
        if self.rules.dry_run:
            return self._ended(receipt, Outcome.DRY_RUN, f"Dry run, nothing was changed: {receipt.said}")
        try:
            return self._undone(receipt, step.undoes) if step.undoes else self._applied(receipt)
        except TargetGoneError as error:
            return self._ended(receipt, Outcome.GONE, f"{sentence(error)}")
        except ActionError as error:
            return self._ended(receipt, Outcome.FAILED, f"{sentence(error)}")

    def _begun(self, position: int, step: Step) -> Receipt:
        """Keep the snapshot before anything is changed; where there is nothing to keep, say why."""
        now, outcome, before = self.clock(), Outcome.STARTED, {}
        try:
            if step.undoes:
                # What was is in the receipt that is undone.
                words = f"Undoing {step.action} on {step.target}."
            else:
                found = checked(self.aws, step)
                self._require_allowed(step, found)
                before, words = dict(found.before), found.does
        except TargetGoneError as error:
            outcome, words = Outcome.GONE, sentence(error)
        except ActionError as error:
            outcome, words = Outcome.FAILED, sentence(error)
        begun = self.store.responses.begin_receipt(
            Receipt(
                receipt_id=receipt_id(self.decision_id, position),
                decision_id=self.decision_id,
                incident_id=self.plan.incident_id,
                position=position,
                step=step,
                before=before,
                after=None,
                outcome=outcome,
                said=words,
                started_at=now,
            )
        )
        self._audit("step started" if outcome == Outcome.STARTED else f"step {outcome}", begun)
        return begun

    def _require_allowed(self, step: Step, found: Check) -> None:
        """Ask the guards again by AWS's own name, whose path the step's need not have."""
        if found.arn is None:
            return
        never = refusal(replace(self.plan, steps=(replace(step, target=found.arn),)), self.rules)
        if never:
            raise ActionError(never)

    def _applied(self, receipt: Receipt) -> Receipt:
        action = named(receipt.step.action)
        refused: ActionError | None = None
        try:
            action.apply(self.aws, receipt)
        except TargetGoneError:
            raise
        except ActionError as error:
            refused = error
        try:
            # Also where it was refused: the answer may have been lost the first time, and the change made.
            reading = action.verify(self.aws, receipt)
        except TargetGoneError:
            raise
        except ActionError as error:
            if refused is not None and not isinstance(refused, UnansweredError):
                raise refused from error
            return self._unknown(receipt, refused or error)
        if refused is not None and not reading.holds:
            if not isinstance(refused, UnansweredError):
                raise refused
            return self._unknown(receipt, refused)
        now = self.clock()
        if not reading.holds:
            # AWS may take seconds to say what it was told; the watch asks again, and gives up after a minute.
            changed = self.store.responses.update_receipt(
                receipt.receipt_id, outcome=Outcome.STARTED, said=reading.said, after=reading.after
            )
            self._audit("step not read back yet", changed)
            return changed
        changed = self.store.responses.update_receipt(
            receipt.receipt_id,
            outcome=Outcome.APPLIED,
            said=reading.said,
            after=reading.after,
            applied_at=now,
            verified_at=now,
        )
        self._audit("step applied", changed)
        return changed

    def _unknown(self, receipt: Receipt, error: ActionError) -> Receipt:
        """Leave a step begun of which AWS does not say what became: the watch asks on, and applies it again."""
        words = f"Whether it was changed is not known yet: {error}."
        changed = self.store.responses.update_receipt(receipt.receipt_id, outcome=Outcome.STARTED, said=words)
        self._audit("step unanswered", changed)
        return changed

    def _undone(self, receipt: Receipt, undoes: str) -> Receipt:
        of = self.store.responses.receipt(undoes)
        if of is None:
            raise ActionError(f"there is no receipt {undoes} to undo")
        if of.outcome == Outcome.UNDONE and of.undone_by != receipt.receipt_id:
            return self._ended(receipt, Outcome.GONE, f"It was undone before, by {of.undone_by}.")
        later = self._holding_after(of)
        if later:
            words = f"It stays: {later.receipt_id}, of {later.incident_id}, set the same later; undo that one first."
            return self._ended(receipt, Outcome.FAILED, words)
        action = named(of.step.action)
        try:
            if of.outcome == Outcome.STARTED:
                # Nobody could tell so far what was changed, and only what was is given back.
                seen = action.verify(self.aws, of)
                of = self.store.responses.update_receipt(
                    of.receipt_id, outcome=of.outcome, said=seen.said, after=seen.after
                )
            try:
                reading = action.undo(self.aws, of)
            except UnansweredError:
                # It may have been given back, and the answer lost: asked again, it changes nothing more.
                reading = action.undo(self.aws, of)
        except ChangedSinceError as error:
            return self._ended(receipt, Outcome.FAILED, sentence(error))
        now = self.clock()
        if not reading.holds:
            return self._ended(receipt, Outcome.FAILED, reading.said, reading.after)
        # The undone one first: a crash in between undoes once more, which changes nothing.
        self.store.responses.update_receipt(
            of.receipt_id, outcome=Outcome.UNDONE, said=of.said, undone_by=receipt.receipt_id
        )
        changed = self.store.responses.update_receipt(
            receipt.receipt_id,
            outcome=Outcome.APPLIED,
            said=reading.said,
            after=reading.after,
            applied_at=now,
            verified_at=now,
        )
        self._audit("step undone", changed)
        return changed

    def _holding_after(self, of: Receipt) -> Receipt | None:
        """Return a later receipt of the same change that holds still."""
        same = (each for each in self.store.responses.receipts() if each.step == of.step)
        held = {Outcome.APPLIED, Outcome.STARTED}
        return next((each for each in same if each.started_at > of.started_at and each.outcome in held), None)

    def _ended(
        self, receipt: Receipt, outcome: Outcome, words: str, after: Mapping[str, object] | None = None
    ) -> Receipt:
        changed = self.store.responses.update_receipt(receipt.receipt_id, outcome=outcome, said=words, after=after)
        self._audit(f"step {outcome}", changed)
        return changed

    def _audit(self, kind: str, receipt: Receipt) -> None:
        document = {
            "receipt_id": receipt.receipt_id,
            "decision_id": receipt.decision_id,
            "action": receipt.step.action,
            "target": receipt.step.target,
            "undoes": receipt.step.undoes,
            "outcome": receipt.outcome,
            "said": receipt.said,
        }
        self.store.responses.audit(kind, receipt.incident_id, document, self.clock())


def receipt_id(decision_id: str, position: int) -> str:
    """Return the receipt's id: of the same step always the same, so that whoever starts again finds its own."""
    return f"rcp_{uuid5(NAMESPACE_RECEIPT, f'{decision_id}/{position}').hex[:20]}"


@contextmanager
def alone(store: Store, decision_id: str, clock: Clock) -> Iterator[None]:
    """Have nobody else change anything under the decision meanwhile.

    Raises:
        LeaseHeldError: another is at it right now.
    """
    with store.lease(f"contain {decision_id}", "the responder", LEASE_MINUTES, clock()) as lease, lease.kept():
        yield


@contextmanager
def _nobody_watches(store: Store, plan: Plan, clock: Clock) -> Iterator[None]:
    """Have no watch apply again meanwhile what the plan undoes."""
    found = [store.responses.receipt(step.undoes) for step in plan.steps if step.undoes]
    with ExitStack() as stack:
        for decision_id in sorted({each.decision_id for each in found if each}):
            stack.enter_context(alone(store, decision_id, clock))
        yield


def sentence(error: CloudTrailResponseError) -> str:
    """Return what went wrong as a sentence."""
    text = " ".join(str(error).split())
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
