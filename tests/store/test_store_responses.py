"""What the case store holds of responses: the same on SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from response_cases import END, MINUTE, a_plan, a_step
from store.backends import Backend
from store.case_builders import HOUR, NOW, a_change, an_alert, an_incident, commit

from prefect_cloudtrail.errors import ResponseError, StateError
from prefect_cloudtrail.response.decision import BreakerState, Choice, Decision, Request, SettlementOutcome
from prefect_cloudtrail.response.plan import UNDO, ManualStep
from prefect_cloudtrail.response.receipt import Outcome, Receipt
from prefect_cloudtrail.store import Responses, Store
from prefect_cloudtrail.store.database import FILE_NAME, connect
from prefect_cloudtrail.store.response_tables import AUDIT

pytestmark = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
APPROVED = SettlementOutcome.APPROVED


@pytest.fixture
def responses(store: Store) -> Responses:
    commit(store, a_change(incidents=[an_incident("incident-1", an_alert())]))
    return store.responses


def a_decision(request: Request, decision_id: str = "d-1", by: str = "slack:UANA") -> Decision:
    digest = request.plan.digest
    return Decision(decision_id, request.request_id, digest, Choice.APPROVE, by, "slack", NOW, "seen", "key", "c2ln")


def a_receipt(decision_id: str = "d-1", **fields: object) -> Receipt:
    given = Receipt("r-1", decision_id, "incident-1", 0, a_step(), {"status": "Active"}, None, Outcome.STARTED, "", NOW)
    return replace(given, **fields)  # type: ignore[arg-type]


def settled(responses: Responses) -> Request:
    request = responses.ask(a_plan(), NOW, END)
    responses.add_decision(a_decision(request), APPROVED, NOW)
    return request


def test_what_is_open_is_not_asked_twice(responses: Responses) -> None:
    plan = a_plan()
    first = responses.ask(plan, NOW, END)
    assert responses.ask(replace(plan, does=("Said otherwise.",)), NOW + MINUTE, END + MINUTE) == first
    larger = responses.ask(a_plan(a_step(), a_step("deny_principal")), NOW + MINUTE, END)
    assert responses.requests("incident-1") == [first, larger]
    assert responses.request(first.request_id) == first
    assert (first.plan, responses.request("req_none")) == (plan, None)


def test_an_open_request_takes_as_many_people_as_the_plan_does_by_now(responses: Responses) -> None:
    first = responses.ask(a_plan(), NOW, END)
    stricter = responses.ask(a_plan(approvers=2, why_two="The role is shared."), NOW, END)
    assert stricter == replace(first, plan=replace(first.plan, approvers=2, why_two="The role is shared."))
    assert responses.ask(a_plan(), NOW, END) == stricter == responses.request(first.request_id)


def test_what_is_settled_or_over_is_asked_anew(responses: Responses) -> None:
    first = settled(responses)
    second = responses.ask(a_plan(), NOW, END)
    third = responses.ask(a_plan(), END, END + HOUR)
    assert len({first.request_id, second.request_id, third.request_id}) == 3


def test_the_first_decision_settles_and_the_next_is_not_stored(responses: Responses) -> None:
    request = responses.ask(a_plan(), NOW, END)
    won = responses.add_decision(a_decision(request), APPROVED, NOW)
    assert won is not None
    assert (won.outcome, won.decision_id, won.settled_at) == (APPROVED, "d-1", NOW)
    assert responses.add_decision(a_decision(request, "d-2", "slack:UBO"), SettlementOutcome.LEFT_ON, NOW) is None
    assert responses.settlement(request.request_id) == responses.settlement_of("d-1") == won
    assert (responses.settlement_of("d-2"), responses.decision("d-2")) == (None, None)
    assert responses.decisions(request.request_id) == [responses.decision("d-1")] == [a_decision(request)]


def test_a_person_answers_a_request_once(responses: Responses) -> None:
    request = responses.ask(a_plan(), NOW, END)
    assert responses.add_decision(a_decision(request), None, NOW) is None
    assert responses.add_decision(a_decision(request, "d-2"), APPROVED, NOW) is None
    assert [each.decision_id for each in responses.decisions(request.request_id)] == ["d-1"]


def test_of_two_who_approve_at_once_the_second_sees_the_first(responses: Responses) -> None:
    request = responses.ask(a_plan(), NOW, END)

    def both(given: object, _: int) -> SettlementOutcome | None:
        return APPROVED if isinstance(given, list) and len(given) == 2 else None

    given = [a_decision(request, f"d-{name}", f"slack:{name}") for name in ("UANA", "UBO")]
    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(lambda each: responses.add_decision(each, both, NOW), given))
    assert [each is None for each in made].count(True) == 1


def test_a_failure_stores_neither_decision_nor_audit_row(responses: Responses) -> None:
    request = responses.ask(a_plan(), NOW, END)

    def fails(_: object, __: int) -> SettlementOutcome | None:
        raise ResponseError("no")

    with pytest.raises(ResponseError, match="no"):
        responses.add_decision(a_decision(request), fails, NOW)
    assert (responses.decisions(request.request_id), responses.audit_rows()) == ([], [])


def test_a_decision_of_no_request_is_refused(responses: Responses) -> None:
    unknown = Request("req_none", a_plan(), NOW, END)
    with pytest.raises(ResponseError, match="no request req_none here"):
        responses.add_decision(a_decision(unknown), APPROVED, NOW)


def test_approvals_are_counted_and_those_to_undo_are_not(responses: Responses) -> None:
    settled(responses)
    undo = responses.ask(a_plan(a_step(undoes="r-1"), playbook=UNDO), NOW, END)
    responses.add_decision(a_decision(undo, "d-2"), APPROVED, NOW + MINUTE)
    left = responses.ask(a_plan(a_step("deny_principal")), NOW, END)
    responses.add_decision(a_decision(left, "d-3"), SettlementOutcome.LEFT_ON, NOW + MINUTE)
    assert (responses.contained_since(NOW), responses.contained_since(NOW + MINUTE)) == (1, 0)
    assert responses.contained_since(NOW - HOUR, before=NOW) == 0


def test_a_snapshot_is_never_taken_again(responses: Responses) -> None:
    settled(responses)
    first = responses.begin_receipt(a_receipt())
    assert responses.begin_receipt(a_receipt(receipt_id="r-2", before={"status": "Inactive"})) == first == a_receipt()
    assert responses.receipt("r-2") is None


def test_a_receipt_goes_on_and_keeps_what_is_not_said(responses: Responses) -> None:
    settled(responses)
    responses.begin_receipt(a_receipt())
    applied = responses.update_receipt(
        "r-1", outcome=Outcome.APPLIED, said="off", after={"status": "Inactive"}, applied_at=NOW, verified_at=NOW
    )
    later = NOW + MINUTE
    again = responses.update_receipt("r-1", outcome=Outcome.APPLIED, said="off", applied_at=later, verified_at=later)
    assert again == replace(applied, verified_at=later) == responses.receipt("r-1")
    assert (again.after, again.applied_at) == ({"status": "Inactive"}, NOW)
    assert responses.receipts("incident-1") == responses.receipts(decision_id="d-1") == [again]
    assert responses.receipts("incident-2") == []
    with pytest.raises(StateError, match="no receipt r-9 here"):
        responses.update_receipt("r-9", outcome=Outcome.FAILED, said="")


def test_a_step_by_hand_is_done_once(responses: Responses) -> None:
    settled(responses)
    steps = [ManualStep("end_session", "End it."), ManualStep("call", "Call her.")]
    responses.add_manual_steps("d-1", "incident-1", steps)
    done = responses.finish_manual_step("d-1", "call", "system:cleo", "called", NOW)
    assert (done.done_at, done.done_by, done.why) == (NOW, "system:cleo", "called")
    responses.add_manual_steps("d-1", "incident-1", steps)
    assert [(each.name, each.done_at) for each in responses.manual_steps("incident-1")] == [
        ("call", NOW),
        ("end_session", None),
    ]
    with pytest.raises(ResponseError, match="call was done before, by system:cleo"):
        responses.finish_manual_step("d-1", "call", "system:bo", "again", NOW)
    with pytest.raises(ResponseError, match="d-1 has no step other"):
        responses.finish_manual_step("d-1", "other", "system:bo", "", NOW)


def test_a_watch_is_due_until_nothing_more_is_looked_for(responses: Responses) -> None:
    settled(responses)
    responses.start_watch("d-1", "incident-1", NOW, NOW + MINUTE)
    responses.start_watch("d-1", "incident-1", END, END)
    (watch,) = responses.watches(due_before=NOW + MINUTE)
    assert (watch.state, watch.applied_at, responses.watches(due_before=NOW)) == ("watching", NOW, [])
    responses.update_watch("d-1", state="contained", said="Quiet.", next_at=None, contained_at=END)
    last = responses.update_watch("d-1", state="contained", said="Quiet.", next_at=None, contained_at=END + HOUR)
    assert (last.contained_at, responses.watches(due_before=END), responses.watches()) == (END, [], [last])
    with pytest.raises(StateError, match="nothing of decision d-9 is watched"):
        responses.update_watch("d-9", state="", said="", next_at=None)


def test_the_breaker_stands_as_it_was_last_set(responses: Responses) -> None:
    assert responses.breaker() == BreakerState(tripped=False)
    responses.set_breaker(tripped=True, by="system:cleo", why="stop", now=NOW)
    assert responses.breaker() == BreakerState(tripped=True, by="system:cleo", why="stop", at=NOW)
    assert responses.set_breaker(tripped=False, by="system:bo", why="over", now=END).tripped is False
    assert [row.kind for row in responses.audit_rows()] == ["breaker", "breaker"]


def test_audit_rows_that_are_added_at_once_make_one_chain(responses: Responses) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: responses.audit("tried", "incident-1", {"n": number}, NOW), range(20)))
    assert [row.number for row in responses.audit_rows("incident-1")] == list(range(1, 21))
    assert (responses.verify_audit(), responses.audit_rows("incident-2")) == ([], [])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            sa.update(AUDIT).where(AUDIT.c.number == 2).values(document='{"n":7}'),
            ["audit row 2 was changed after it was written"],
        ),
        (
            sa.update(AUDIT).where(AUDIT.c.number == 3).values(incident_id="incident-2"),
            ["audit row 3 was changed after it was written"],
        ),
        (sa.delete(AUDIT).where(AUDIT.c.number == 2), ["audit row 3 follows row 1: what was between is gone"]),
        (
            sa.update(AUDIT).where(AUDIT.c.number == 2).values(hash="0"),
            [
                "audit row 2 was changed after it was written",
                "audit row 3 does not hold the hash of the row before it",
            ],
        ),
    ],
    ids=["document", "incident", "deleted", "hash"],
)
def test_a_changed_audit_row_is_seen(
    responses: Responses, backend: Backend, statement: sa.Executable, said: list[str]
) -> None:
    for number in range(3):
        responses.audit("tried", "incident-1", {"n": number}, NOW)
    opened = connect(backend.database or Path(backend.state) / FILE_NAME)
    with opened.writing() as connection:
        connection.execute(statement)
    opened.close()
    assert responses.verify_audit() == said
