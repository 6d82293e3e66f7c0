"""A person's answer to a request: who may give it, what it settles, and whether it may be carried out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from prefect_cloudtrail import feedback
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import RefusedError, TamperedError
from prefect_cloudtrail.response.concerned import concerned, different_people, may_be, person
from prefect_cloudtrail.response.decision import Choice, Decision, Request, Settlement, SettlementOutcome
from prefect_cloudtrail.response.guards import approvers_needed, refusal
from prefect_cloudtrail.response.plan import Plan, is_included
from prefect_cloudtrail.response.receipt import Outcome
from prefect_cloudtrail.response.rules import GROUP, Rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.text import plain

HOUR = timedelta(hours=1)
# Two hosts' clocks differ by seconds; more is no clock.
CLOCKS_DIFFER = timedelta(minutes=1)
LONGEST_WHY = 1_000
# Where an answer can be given, and how the people are called there.
PLACES = {"slack": "slack:", "terminal": "system:"}

SETTLES = {Choice.LEAVE: SettlementOutcome.LEFT_ON, Choice.EXPECTED: SettlementOutcome.EXPECTED}
DID = {
    SettlementOutcome.APPROVED: "approved it",
    SettlementOutcome.LEFT_ON: "left it on",
    SettlementOutcome.EXPECTED: "called it expected",
}
ANSWERED = {Choice.APPROVE: "approved it", Choice.LEAVE: "left it on", Choice.EXPECTED: "called it expected"}


@dataclass(frozen=True)
class Member:
    """Who answers: `slack:U...` with the groups they are in at that moment, or `system:NAME`."""

    id: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came of somebody's answer.

    Attributes:
        outcome: approved, waiting, left_on, expected, expired, superseded, settled, changed or refused.
        said: the same in a sentence, for whoever answered.
        decision_id: the decision that settles the request, or that waits for another one.
    """

    outcome: str
    said: str
    decision_id: str | None = None


@dataclass(frozen=True)
class _Case:
    """What one answer is judged by."""

    store: Store
    request: Request
    incident: Incident
    rules: Rules
    keys: Keys
    now: datetime

    @property
    def concerned(self) -> frozenset[str]:
        """Who the incident is about."""
        return concerned(self.incident, self.rules)

    def needed(self, contained: int) -> tuple[int, str | None]:
        """Return how many people must allow the plan, and why more than one."""
        return approvers_needed(self.request.plan, contained, self.rules, self.concerned)

    def people(self, approvals: Sequence[Decision]) -> int:
        """Return how many different people approved for sure, none of them the one concerned."""
        about = self.concerned
        sure = [each.by for each in approvals if not may_be(each.by, about, self.rules)]
        hidden = min(len(approvals) - len(sure), len(about))
        everybody = different_people([each.by for each in approvals], self.rules)
        return max(different_people(sure, self.rules), everybody - hidden)

    @property
    def end(self) -> datetime:
        """From when on the request takes no answer: as it says, and never later than the rules have it."""
        counted_from = self.request.delivered_at or self.request.asked_at
        return min(self.request.expires_at, counted_from + self.rules.expires_after)


class _No(Exception):  # noqa: N818 - an answer, not an error
    """What is answered in place of a decision."""

    def __init__(self, outcome: str, said: str, decision_id: str | None = None) -> None:
        super().__init__(said)
        self.answer = Answer(outcome, said, decision_id)


def decide(
    store: Store,
    request_id: str,
    digest: str,
    choice: Choice,
    by: Member,
    via: str,
    why: str,
    *,
    rules: Rules,
    keys: Keys,
    now: datetime,
) -> Answer:
    """Return what came of a person's answer to a request; each, also a no, has its row in the audit.

    Args:
        store: the case store.
        request_id: what is answered.
        digest: of the plan as this person saw it.
        choice: the answer.
        by: who, as the place where it was given knows them.
        via: that place: `slack` or `terminal`.
        why: the reason; what is called expected needs one.
        rules: the responder's.
        keys: the responder's.
        now: when.

    Raises:
        SettingsError: the keys cannot be read.
        StateError: the case store cannot be used.
    """
    why = plain(" ".join(why.split()), LONGEST_WHY)
    given = {"request_id": request_id, "digest": digest, "choice": choice.value, "by": by.id, "via": via}
    incident_id = None
    try:
        case = _case(store, request_id, rules, keys, now)
        incident_id = case.incident.incident_id
        _require_may_decide(case, by, via)
        _require_open(case, by)
        _require_fits(case, digest, choice, why)
        return _settle(case, digest, choice, by, via, why)
    except _No as no:
        answer = no.answer
    except RefusedError as error:
        answer = Answer("refused", f"Nothing was done: {error}.")
        _alarm(store, error, now)
    store.responses.audit(answer.outcome, incident_id, given | {"said": answer.said}, now)
    return answer


def refused(
    store: Store, request_id: str, by: Member, via: str, *, rules: Rules, keys: Keys, now: datetime
) -> Answer | None:
    """Return why this person could not approve the request now, with a row in the audit; None where they could.

    Asked before they are shown anything of it; `decide` asks again.

    Raises:
        SettingsError: the keys cannot be read.
        StateError: the case store cannot be used.
    """
    given = {"request_id": request_id, "choice": "open", "by": by.id, "via": via}
    incident_id = None
    try:
        case = _case(store, request_id, rules, keys, now)
        incident_id = case.incident.incident_id
        _require_may_decide(case, by, via)
        _require_open(case, by)
        _require_fits(case, case.request.plan.digest, Choice.APPROVE, "")
    except _No as no:
        answer = no.answer
    except RefusedError as error:
        answer = Answer("refused", f"Nothing was done: {error}.")
        _alarm(store, error, now)
    else:
        return None
    store.responses.audit(answer.outcome, incident_id, given | {"said": answer.said}, now)
    return answer


def approved(store: Store, decision_id: str, rules: Rules, keys: Keys, now: datetime) -> Plan:
    """Return the plan that a settled decision allows; whoever asks, everything is looked at again.

    That is: the breaker, every signature on the request, its digest against the plan as it is stored, its end, who may
    decide, that they are different people and not the one concerned, the guards, and that it was not undone since.

    Raises:
        RefusedError: it does not allow it, in a sentence; the audit has its row; a failed signature trips the breaker.
        SettingsError: the keys cannot be read.
        StateError: the case store cannot be used.
    """
    try:
        return _approved(store, decision_id, rules, keys, now)
    except RefusedError as error:
        _alarm(store, error, now)
        said = {"decision_id": decision_id, "said": str(error)}
        store.responses.audit("contain_refused", None, said, now)
        raise


# --- an answer --------------------------------------------------------------------------------------------------------


def _case(store: Store, request_id: str, rules: Rules, keys: Keys, now: datetime) -> _Case:
    request = store.responses.request(request_id)
    if request is None:
        raise RefusedError("there is no such request")
    found = store.incidents(ids=[request.plan.incident_id])
    if not found:
        raise RefusedError(f"there is no incident {request.plan.incident_id}")
    if request.plan.principal != found[0].principal:
        # Both are written by those who detect: who is shown is to be who is changed.
        raise RefusedError(f"the plan is against {plain(request.plan.principal)}, whom its incident is not about")
    return _Case(store, request, found[0], rules, keys, now)


def _require_may_decide(case: _Case, by: Member, via: str) -> None:
    if via not in PLACES or not by.id.startswith(PLACES[via]):
        raise RefusedError(f"{plain(by.id)} is nobody who could decide by {plain(via)}")
    if not case.rules.approvers:
        raise RefusedError("the rules name no approvers, so nobody may decide")
    groups = {group for group in by.groups if GROUP.fullmatch(group)}
    if not {by.id, *groups} & set(case.rules.approvers):
        raise RefusedError("you are not among those who may decide")
    if person(by.id, case.rules) in case.concerned:
        raise RefusedError("this incident is about you: somebody else must decide")


def _require_open(case: _Case, by: Member) -> None:
    responses, request = case.store.responses, case.request
    given = responses.decisions(request.request_id)
    settled = responses.settlement(request.request_id)
    if settled is not None:
        _close(case, settled)
        raise _No("settled", _how_settled(settled, given, by), settled.decision_id)
    own = next((each for each in given if person(each.by, case.rules) == person(by.id, case.rules)), None)
    if own is not None:
        case.keys.verify(own, case.now)
        said = f"You {ANSWERED[own.choice]} at {_clock(own.decided_at)}, and that stands: it waits for another person."
        raise _No("waiting", said, own.decision_id)
    if case.now >= case.end:
        raise _No("expired", f"This request took answers until {_clock(case.end)}: ask again. Nothing was done.")
    by_what = _superseded(case)
    if by_what:
        raise _No("superseded", f"{by_what} Nothing was done.")


def _require_fits(case: _Case, digest: str, choice: Choice, why: str) -> None:
    if digest != case.request.plan.digest:
        raise _No("changed", "The plan changed since you saw it: nothing was done. Look at it again.")
    if choice is Choice.EXPECTED and not why:
        raise RefusedError("what is called expected needs a reason, for it teaches history")
    breaker = case.store.responses.breaker()
    if breaker.tripped:
        raise RefusedError(f"the breaker is tripped, by {plain(breaker.by)}: {plain(breaker.why)}")
    never = refusal(case.request.plan, case.rules) if choice is Choice.APPROVE else None
    if never:
        raise RefusedError(plain(never, LONGEST_WHY).rstrip("."))


def _settle(case: _Case, digest: str, choice: Choice, by: Member, via: str, why: str) -> Answer:
    decision = case.keys.sign(
        decision_id=f"dec_{token_hex(16)}",
        request_id=case.request.request_id,
        digest=digest,
        choice=choice,
        by=by.id,
        via=via,
        decided_at=case.now,
        why=why,
    )
    waits: list[str] = []
    settled = case.store.responses.add_decision(decision, _settles(case, choice, waits), case.now)
    if settled is None:
        # Another was faster, or it waits: what is stored says which.
        if case.store.responses.decision(decision.decision_id) is None:
            _require_open(case, by)
            raise RefusedError("another answer was recorded at the same moment: try again")
        return Answer("waiting", f"Your approval counts; another person's is needed. {waits[0]}", decision.decision_id)
    _close(case, settled)
    return Answer(settled.outcome.value, _what_follows(case, settled), decision.decision_id)


def _settles(
    case: _Case, choice: Choice, waits: list[str]
) -> Callable[[Sequence[Decision], int], SettlementOutcome | None]:
    def settles(given: Sequence[Decision], contained: int) -> SettlementOutcome | None:
        for each in given:
            case.keys.verify(each, case.now)
        if choice is not Choice.APPROVE:
            return SETTLES[choice]
        digest = case.request.plan.digest
        approvals = [each for each in given if each.choice is Choice.APPROVE and each.digest == digest]
        count, why = case.needed(contained)
        if case.people(approvals) >= count:
            return SettlementOutcome.APPROVED
        waits.append(_why_more(approvals, count, why))
        return None

    return settles


def _why_more(approvals: Sequence[Decision], count: int, why: str | None) -> str:
    if len(approvals) >= count:
        return "The rules do not say who the host's users are in Slack: they may be the same, or the person concerned."
    return plain(why or "", LONGEST_WHY)


def _close(case: _Case, settled: Settlement) -> None:
    """Close the incident where it was called expected; again, it changes nothing."""
    if settled.outcome is not SettlementOutcome.EXPECTED:
        return
    decision = case.store.responses.decision(settled.decision_id)
    if decision is None:
        return
    case.keys.verify(decision, case.now)
    said = (case.incident.incident_id, feedback.Answer.EXPECTED, decision.by, decision.why)
    if any((each.incident_id, each.verdict, each.by, each.why) == said for each in case.store.feedback().verdicts):
        return
    case.store.add_verdict(
        case.incident.incident_id,
        feedback.Answer.EXPECTED,
        by=decision.by,
        why=decision.why,
        at=decision.decided_at,
    )


def _what_follows(case: _Case, settled: Settlement) -> str:
    if settled.outcome is SettlementOutcome.LEFT_ON:
        return "It is left on; nothing is changed."
    if settled.outcome is SettlementOutcome.EXPECTED:
        return "The incident is closed as expected; nothing is changed."
    if case.rules.dry_run:
        return "Approved. This is a dry run: everything is done but the change."
    return "Approved; it is carried out now."


def _how_settled(settled: Settlement, given: Sequence[Decision], by: Member) -> str:
    decision = next((each for each in given if each.decision_id == settled.decision_id), None)
    who = "Somebody" if decision is None else "You" if decision.by == by.id else plain(decision.by)
    again = "it was not done again" if who == "You" else "your answer changed nothing"
    return f"{who} {DID[settled.outcome]} at {_clock(settled.settled_at)}: {again}."


def _superseded(case: _Case) -> str | None:
    """Return what makes the request pointless, in a sentence; None where nothing does."""
    request = case.request
    if all(step.undoes for step in request.plan.steps) and request.plan.steps:
        return None
    if case.incident.status == feedback.Answer.EXPECTED:
        return "The incident was called expected meanwhile."
    for other in case.store.responses.requests(case.incident.incident_id):
        settled = case.store.responses.settlement(other.request_id)
        # What was settled before this was asked may have been undone since.
        if settled is None or other.request_id == request.request_id or settled.settled_at < request.asked_at:
            continue
        if settled.outcome is SettlementOutcome.EXPECTED:
            return "The incident was called expected meanwhile."
        if settled.outcome is SettlementOutcome.APPROVED and is_included(request.plan, other.plan):
            return f"{plain(other.plan.playbook)}, approved at {_clock(settled.settled_at)}, does all of this."
    return None


# --- an approval, before it is carried out ----------------------------------------------------------------------------


def _approved(store: Store, decision_id: str, rules: Rules, keys: Keys, now: datetime) -> Plan:
    responses = store.responses
    decision = responses.decision(decision_id)
    if decision is None:
        raise RefusedError(f"there is no decision {plain(decision_id)}")
    keys.verify(decision, now)
    breaker = responses.breaker()
    if breaker.tripped:
        raise RefusedError(f"the breaker is tripped, by {plain(breaker.by)}: {plain(breaker.why)}")
    case = _case(store, decision.request_id, rules, keys, now)
    settled = responses.settlement(decision.request_id)
    if settled is None:
        raise RefusedError("the request is not settled: another person must allow it first")
    if settled.decision_id != decision_id or settled.outcome is not SettlementOutcome.APPROVED:
        raise RefusedError("this decision is not the one that allowed the plan")
    if decision.choice is not Choice.APPROVE:
        raise RefusedError(f"{plain(decision.by)} {ANSWERED[decision.choice]}")
    given = responses.decisions(decision.request_id)
    for each in given:
        keys.verify(each, now)
    approvals = [each for each in given if each.choice is Choice.APPROVE]
    for each in approvals:
        _require_counts(case, each)
    never = refusal(case.request.plan, rules)
    if never:
        raise RefusedError(plain(never, LONGEST_WHY).rstrip("."))
    contained = responses.contained_since(decision.decided_at - HOUR, before=decision.decided_at)
    count, why = case.needed(contained)
    if case.people(approvals) < count:
        raise RefusedError(f"too few people allowed it: {_why_more(approvals, count, why)}".rstrip("."))
    _require_not_over(case, decision)
    return case.request.plan


def _require_counts(case: _Case, decision: Decision) -> None:
    """Make sure that an approval is one of this plan, in time, and by somebody who may still give it."""
    if decision.digest != case.request.plan.digest:
        raise RefusedError("the plan is not the one that was approved")
    if not case.request.asked_at - CLOCKS_DIFFER <= decision.decided_at < case.end:
        raise RefusedError(f"{plain(decision.by)} decided outside of the request's time")
    if decision.decided_at > case.now + CLOCKS_DIFFER:
        raise RefusedError(f"{plain(decision.by)} decided in the future: set the clocks")
    approvers = case.rules.approvers
    # Who is in a group was asked when they decided, and cannot be known from here.
    by_group = decision.via == "slack" and any(GROUP.fullmatch(name) for name in approvers)
    if decision.by not in approvers and not by_group:
        raise RefusedError(f"{plain(decision.by)} is not among those who may decide")
    if person(decision.by, case.rules) in case.concerned:
        raise RefusedError(f"the incident is about {plain(decision.by)}, who approved it")


def _require_not_over(case: _Case, decision: Decision) -> None:
    receipts = case.store.responses.receipts(decision_id=decision.decision_id)
    if any(receipt.outcome is Outcome.UNDONE for receipt in receipts):
        raise RefusedError("what this decision allowed was undone: ask again")
    # Once begun it may take as long as it takes; `expires_at` alone could have been moved in the case store.
    if not receipts and case.now >= min(case.end, decision.decided_at + case.rules.expires_after):
        raise RefusedError("the approval was not begun in its time: ask again")


def _alarm(store: Store, error: RefusedError, now: datetime) -> None:
    if isinstance(error, TamperedError) and not store.responses.breaker().tripped:
        store.responses.set_breaker(tripped=True, by="the responder", why=str(error), now=now)


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M UTC")
