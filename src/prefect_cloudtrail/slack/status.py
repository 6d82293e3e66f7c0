"""How each request of an incident stands, in the words that people read. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prefect_cloudtrail import feedback
from prefect_cloudtrail.response.course import Asked
from prefect_cloudtrail.response.decision import Choice, Decision, SettlementOutcome
from prefect_cloudtrail.response.plan import UNDO, Plan, is_included
from prefect_cloudtrail.response.receipt import Outcome, Receipt, Watch
from prefect_cloudtrail.response.watching import QUIET_FOR
from prefect_cloudtrail.slack.blocks import code, shown
from prefect_cloudtrail.slack.message import Told

# How a plan is called on a button and in a sentence, and in which order buttons stand: what harms nobody comes first.
TITLES = {
    "fence_principal": "Block new places",
    "disable_access_keys": "Disable key",
    "revoke_sessions": "End sessions",
    "quarantine_principal": "Quarantine",
    UNDO: "Undo",
}
HARMLESS = "fence_principal"
LISTENER_GONE = timedelta(seconds=60)

OPEN, EXPIRED, SUPERSEDED = "open", "expired", "superseded"
AT_WORK = ("applying", "watching", "contained")
APPLYING, PARTLY_APPLIED = "applying", "partly_applied"
_MEMBER = re.compile(r"slack:([UW][A-Z0-9]+)")


@dataclass(frozen=True)
class Standing:
    """One request, and how it stands.

    Attributes:
        asked: the request with its answers.
        state: open, expired, superseded, left_on, expected, or, of an approved plan, applying or what its watch says.
        watch: of an approved plan, once it is applied.
    """

    asked: Asked
    state: str
    watch: Watch | None = None

    @property
    def plan(self) -> Plan:
        """The plan that was put before people."""
        return self.asked.request.plan

    @property
    def does(self) -> tuple[str, ...]:
        """What would be done, sentences; where the plan has none, its steps."""
        return self.plan.does or tuple(f"{each.action} on {each.target}." for each in self.plan.steps)

    @property
    def title(self) -> str:
        """How the plan is called."""
        return title_of(self.plan)

    @property
    def decided(self) -> Decision | None:
        """The decision that settled it."""
        settled = self.asked.settlement
        if settled is None:
            return None
        return next((each for each in self.asked.decisions if each.decision_id == settled.decision_id), None)

    @property
    def approvals(self) -> tuple[Decision, ...]:
        """Who allowed it so far."""
        return tuple(each for each in self.asked.decisions if each.choice is Choice.APPROVE)


def title(playbook: str) -> str:
    """Return how a playbook's plan is called."""
    return TITLES.get(playbook, playbook.replace("_", " ").capitalize())


def title_of(plan: Plan) -> str:
    """Return how a plan is called: of a playbook, one that reaches more people is called another way."""
    if not plan.steps:
        return "Do by hand"
    if any(step.action == "deny_in_trust" and not step.undoes for step in plan.steps):
        return "Lock the account out"
    if _is_final(plan):
        return "Take root's credentials"
    if plan.playbook == "revoke_sessions" and plan.approvers > 1:
        return "End all sessions"
    return title(plan.playbook)


def is_same_answer(one: Plan, other: Plan) -> bool:
    """Return whether two plans are one answer, at two times; narrow and whole stand beside each other."""
    return _answer(one) == _answer(other)


def standings(told: Told) -> list[Standing]:
    """Return how each request stands, those asked first first."""
    return [_standing(each, told) for each in told.course.asked]


def open_ones(told: Told) -> list[Standing]:
    """Return the requests that still take an answer, in the order of their buttons; of each answer the newest."""
    order = list(TITLES)
    newest = {_answer(each.plan): each for each in standings(told) if each.state == OPEN}
    return sorted(
        newest.values(),
        key=lambda each: (
            _is_final(each.plan),
            order.index(each.plan.playbook) if each.plan.playbook in TITLES else len(order) - 1,
            each.plan.playbook,
            each.plan.approvers,
        ),
    )


def offered(told: Told) -> list[Standing]:
    """Return the open requests that a card has buttons for.

    While one plan is carried out or watched, none is offered beside it but its undo, and what a plan of its kind
    grew by.
    """
    known = standings(told)
    at_work = {each.plan.playbook for each in known if how(each, told) in AT_WORK and each.plan.playbook != UNDO}
    if not at_work:
        return open_ones(told)
    return [each for each in open_ones(told) if each.plan.playbook in {UNDO, *at_work}]


def receipts_of(told: Told, decision_id: str) -> Sequence[Receipt]:
    """Return the receipts of a decision, in the order of its steps."""
    found = [each for each in told.course.receipts if each.decision_id == decision_id]
    return sorted(found, key=lambda each: each.position)


def who(name: str) -> str:
    """Return a person who decided as mrkdwn: a member by mention, a user of the host by name."""
    member = _MEMBER.fullmatch(name)
    return f"<@{member[1]}>" if member else code(name.partition(":")[2] or name, 80)


def account(told: Told) -> str:
    """Return the account as mrkdwn: its alias where the guide knows it, whether it is critical, its id."""
    number = told.incident.account_id or "unknown"
    critical = " (critical)" if number in told.rules.critical_accounts else ""
    alias = _alias(told, number)
    return f"{shown(alias, 40)}{critical}\n{shown(number, 20)}" if alias else f"{shown(number, 20)}{critical}"


def how(standing: Standing, told: Told) -> str:
    """Return how a request stands for people: as its state, and by its receipts where these say more."""
    if standing.watch is None or standing.decided is None or standing.plan.playbook == UNDO:
        return standing.state
    outcomes = {each.outcome for each in receipts_of(told, standing.decided.decision_id)}
    if outcomes == {Outcome.UNDONE}:
        return "undone"
    if standing.state == "watching" and Outcome.FAILED in outcomes:
        return "failed" if outcomes == {Outcome.FAILED} else PARTLY_APPLIED
    return standing.state


def listener_is_gone(told: Told) -> bool:
    """Return whether clicks would be lost."""
    return told.listener_at is None or abs(told.now - told.listener_at) > LISTENER_GONE


def watched_until(watch: Watch) -> datetime:
    """Return when the quiet could first be proven."""
    return watch.applied_at + QUIET_FOR


def _answer(plan: Plan) -> tuple[object, ...]:
    """What a plan answers with: a playbook's plans differ by how many people they take; undos by what they undo."""
    return plan.playbook, plan.approvers, *(step.undoes for step in plan.steps if step.undoes)


def _is_final(plan: Plan) -> bool:
    """Whether it cannot be undone, so that its button comes last."""
    return any(step.action == "take_root_credentials" for step in plan.steps)


def _alias(told: Told, number: str) -> str:
    """Return the account's alias as the guide says it; empty where it does not."""
    answers = told.context.answers if told.context else ()
    said = f"{number} is called "
    found = (line for each in answers if each.name == "account_role" for line in each.sentences)
    return next((line.removeprefix(said).rstrip(".") for line in found if line.startswith(said)), "")


def _standing(asked: Asked, told: Told) -> Standing:
    settled = asked.settlement
    if settled is None:
        if told.now >= asked.request.expires_at:
            return Standing(asked, EXPIRED)
        return Standing(asked, SUPERSEDED if _is_superseded(asked, told) else OPEN)
    if settled.outcome is not SettlementOutcome.APPROVED:
        return Standing(asked, settled.outcome.value)
    watch = next((each for each in told.course.watches if each.decision_id == settled.decision_id), None)
    return Standing(asked, watch.state if watch else APPLYING, watch)


def _is_superseded(asked: Asked, told: Told) -> bool:
    if asked.request.plan.playbook == UNDO:
        return False
    if told.incident.status == feedback.Answer.EXPECTED:
        return True
    for other in told.course.asked:
        settled = other.settlement
        if settled is None or settled.settled_at < asked.request.asked_at:
            continue
        if settled.outcome is SettlementOutcome.EXPECTED:
            return True
        if settled.outcome is SettlementOutcome.APPROVED and is_included(asked.request.plan, other.request.plan):
            return True
    return False
