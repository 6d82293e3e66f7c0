"""What contain asks first: whether a decision allows a plan, with everything looked at again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from response_cases import END, MINUTE, RULES, Case, a_plan, a_step
from store.case_builders import NOW

from prefect_cloudtrail.errors import RefusedError, TamperedError
from prefect_cloudtrail.response.deciding import approved
from prefect_cloudtrail.response.decision import Choice
from prefect_cloudtrail.response.plan import Plan, canonical
from prefect_cloudtrail.response.receipt import Outcome, Receipt
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.store.database import FILE_NAME, connect
from prefect_cloudtrail.store.response_tables import DECISIONS, REQUESTS, SETTLEMENTS

LATER = NOW + 2 * MINUTE


@pytest.fixture
def decision_id(case: Case) -> str:
    return case.answer("UANA").decision_id or ""


@pytest.fixture
def tamper(tmp_path: Path, case: Case) -> Callable[[sa.Executable], None]:
    def write(statement: sa.Executable) -> None:
        opened = connect(tmp_path / "state" / FILE_NAME)
        with opened.writing() as connection:
            connection.execute(statement)
        opened.close()

    assert case.store
    return write


def ask(case: Case, decision_id: str, rules: Rules = RULES, now: datetime = LATER) -> Plan:
    return approved(case.store, decision_id, rules, case.keys, now)


def refused(case: Case, decision_id: str, rules: Rules = RULES, now: datetime = LATER) -> str:
    """Return why, once it is sure that the audit says the same."""
    with pytest.raises(RefusedError) as error:
        ask(case, decision_id, rules, now)
    kinds = [(row.kind, str(error.value)[:30] in row.document) for row in case.store.responses.audit_rows()]
    assert ("contain_refused", True) in kinds
    return str(error.value)


def test_an_approved_plan_comes_out_as_it_was_shown_again_and_again(case: Case, decision_id: str) -> None:
    assert ask(case, decision_id) == ask(case, decision_id) == case.request.plan


def test_a_decision_that_is_none_or_waits_or_says_no_allows_nothing(case: Case) -> None:
    assert refused(case, "dec_none") == "there is no decision dec_none"
    two = case.store.responses.ask(a_plan(a_step("deny_principal"), approvers=2), NOW, END)
    waiting = case.answer("UANA", request=two).decision_id or ""
    assert refused(case, waiting) == "the request is not settled: another person must allow it first"
    assert case.answer("UBO", request=two).outcome == "approved"
    assert refused(case, waiting) == "this decision is not the one that allowed the plan"
    left = case.answer("UANA", Choice.LEAVE).decision_id or ""
    assert refused(case, left) == "this decision is not the one that allowed the plan"
    assert not case.store.responses.breaker().tripped


@pytest.mark.parametrize(
    "changes",
    [
        {"choice": "approve "},
        {"decided_by": "slack:UBO"},
        {"why": "Seen"},
        {"digest": a_plan(a_step("deny_principal")).digest},
        {"decided_at": NOW},
        {"signature": "c2ln"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_changed_row_is_refused_and_trips_the_breaker(
    case: Case, decision_id: str, tamper: Callable[[sa.Executable], None], changes: dict[str, Any]
) -> None:
    tamper(sa.update(DECISIONS).values(changes))
    with pytest.raises(TamperedError):
        ask(case, decision_id)
    assert case.store.responses.breaker().tripped
    assert refused(case, decision_id)


def test_leaving_it_on_is_not_made_an_approval(case: Case, tamper: Callable[[sa.Executable], None]) -> None:
    left = case.answer("UANA", Choice.LEAVE).decision_id or ""
    tamper(sa.update(SETTLEMENTS).values(outcome="approved"))
    assert refused(case, left) == "slack:UANA left it on"


def test_one_of_two_approvals_is_not_made_both(case: Case, tamper: Callable[[sa.Executable], None]) -> None:
    unknown = replace(RULES, owners={})
    waiting = case.answer("UANA", rules=unknown).decision_id or ""
    row = {"request_id": case.request.request_id, "decision_id": waiting, "outcome": "approved", "settled_at": NOW}
    tamper(sa.insert(SETTLEMENTS).values(row))
    assert refused(case, waiting, unknown) == (
        "too few people allowed it: Who is concerned is not known for sure: two people must allow it"
    )


def test_another_plan_is_not_put_in_its_place(
    case: Case, decision_id: str, tamper: Callable[[sa.Executable], None]
) -> None:
    other = a_plan(a_step(target="arn:aws:iam::111122223333:user/admin"))
    tamper(sa.update(REQUESTS).values(plan=canonical(other).decode()))
    assert refused(case, decision_id) == "the plan is not the one that was approved"
    tamper(sa.update(REQUESTS).values(plan="{"))
    assert "cannot be read: Input data was truncated; ask anew" in refused(case, decision_id)


def test_an_approval_is_begun_in_its_time_or_never(
    case: Case, decision_id: str, tamper: Callable[[sa.Executable], None]
) -> None:
    assert ask(case, decision_id, now=END - MINUTE)
    assert refused(case, decision_id, now=END) == "the approval was not begun in its time: ask again"
    # Put off in the case store, it ends when the rules have it end.
    tamper(sa.update(REQUESTS).values(expires_at=END + timedelta(days=30), delivered_at=END))
    assert refused(case, decision_id, now=END + MINUTE) == "the approval was not begun in its time: ask again"


def test_what_was_begun_goes_on_and_what_was_undone_does_not_begin_again(case: Case, decision_id: str) -> None:
    step = case.request.plan.steps[0]
    begun = Receipt("r-1", decision_id, "incident-1", 0, step, {}, None, Outcome.STARTED, "", LATER)
    case.store.responses.begin_receipt(begun)
    assert ask(case, decision_id, now=END + MINUTE) == case.request.plan
    case.store.responses.update_receipt("r-1", outcome=Outcome.UNDONE, said="undone", undone_by="r-2")
    assert refused(case, decision_id) == "what this decision allowed was undone: ask again"


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(), "slack:UANA is not among those who may decide"),
        (replace(RULES, approvers=("slack:UBO",)), "slack:UANA is not among those who may decide"),
        (
            replace(RULES, owners={a_step().target: "slack:UANA"}),
            "the incident is about slack:UANA, who approved it",
        ),
        (
            replace(RULES, never=(a_step().target,)),
            f"{a_step().target} is on the never-list ({a_step().target})",
        ),
        (
            replace(RULES, containments_an_hour=0),
            "too few people allowed it: 0 containments were approved within an hour: each further one takes two people",
        ),
    ],
    ids=["nobody may", "no longer", "concerned", "never-list", "limit"],
)
def test_the_rules_are_asked_again(case: Case, decision_id: str, rules: Rules, said: str) -> None:
    assert refused(case, decision_id, rules) == said


def test_the_breaker_is_asked_again(case: Case, decision_id: str) -> None:
    case.store.responses.set_breaker(tripped=True, by="system:cleo", why="stop", now=NOW)
    assert refused(case, decision_id) == "the breaker is tripped, by system:cleo: stop"
    case.store.responses.set_breaker(tripped=False, by="system:cleo", why="over", now=NOW)
    assert ask(case, decision_id) == case.request.plan


def test_a_decision_from_the_future_allows_nothing(case: Case) -> None:
    early = case.answer("UANA", at=NOW + 30 * MINUTE).decision_id or ""
    assert refused(case, early) == "slack:UANA decided in the future: set the clocks"


def test_later_approvals_do_not_make_this_one_need_a_second_person(case: Case, decision_id: str) -> None:
    rules = replace(RULES, containments_an_hour=1)
    other = case.store.responses.ask(a_plan(a_step("deny_principal")), NOW, END)
    assert case.answer("UBO", request=other, at=LATER, rules=RULES).outcome == "approved"
    assert ask(case, decision_id, rules) == case.request.plan
