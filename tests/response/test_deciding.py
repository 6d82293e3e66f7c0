"""Who may decide, what an answer settles, and what each other answer is told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from response_cases import END, MINUTE, RULES, Case, a_plan, a_step
from store.case_builders import NOW

from prefect_cloudtrail.response.deciding import Answer
from prefect_cloudtrail.response.decision import Choice, SettlementOutcome
from prefect_cloudtrail.response.rules import Rules

SWITCHED_ON = replace(RULES, dry_run=False)


def kinds(case: Case) -> list[str]:
    return [row.kind for row in case.store.responses.audit_rows()]


def test_one_approval_settles_a_request_and_its_row_is_signed(case: Case) -> None:
    answer = case.answer("UANA", rules=SWITCHED_ON)
    assert (answer.outcome, answer.said) == ("approved", "Approved; it is carried out now.")
    settled = case.store.responses.settlement(case.request.request_id)
    assert settled is not None
    assert (settled.outcome, settled.decision_id) == (SettlementOutcome.APPROVED, answer.decision_id)
    (decision,) = case.store.responses.decisions(case.request.request_id)
    case.keys.verify(decision)
    assert (decision.by, decision.digest, decision.why) == ("slack:UANA", case.request.plan.digest, "seen")
    assert kinds(case) == ["decided"]


def test_a_dry_run_is_called_one(case: Case) -> None:
    assert case.answer("UANA").said == "Approved. This is a dry run: everything is done but the change."


@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        ("UEVE", {}, "Nothing was done: you are not among those who may decide."),
        ("UEVE", {"groups": ("slack-group:SOTHER",)}, "Nothing was done: you are not among those who may decide."),
        ("UANA", {"rules": Rules()}, "Nothing was done: the rules name no approvers, so nobody may decide."),
        (
            "UOWNER",
            {"groups": ("slack-group:SSEC",)},
            "Nothing was done: this incident is about you: somebody else must decide.",
        ),
        (
            "UANA",
            {"rules": replace(RULES, never=("arn:aws:iam::*:user/deploy",))},
            f"Nothing was done: {a_step().target} is on the never-list (arn:aws:iam::*:user/deploy).",
        ),
        (
            "UANA",
            {"choice": Choice.EXPECTED, "why": " "},
            "Nothing was done: what is called expected needs a reason, for it teaches history.",
        ),
    ],
    ids=["stranger", "other group", "no approvers", "the person concerned", "never-list", "expected without why"],
)
def test_who_may_not_decide_is_told_why_and_nothing_is_stored(case: Case, name: str, other: dict, said: str) -> None:  # type: ignore[type-arg]
    assert case.answer(name, **other) == Answer("refused", said)
    assert case.store.responses.decisions(case.request.request_id) == []
    assert kinds(case) == ["refused"]


def test_a_member_of_a_listed_group_may_decide(case: Case) -> None:
    assert case.answer("UDAN", groups=("slack-group:SSEC",)).outcome == "approved"


def test_a_group_that_is_none_opens_nothing(case: Case) -> None:
    assert case.answer("UEVE", groups=("slack:UANA",)).outcome == "refused"


def test_the_digest_as_shown_must_be_the_plans(case: Case) -> None:
    changed = case.answer("UANA", digest=a_plan(a_step(), a_step("deny_principal")).digest)
    assert changed == Answer("changed", "The plan changed since you saw it: nothing was done. Look at it again.")
    assert case.answer("UANA").outcome == "approved"


@pytest.mark.parametrize(("after", "outcome"), [(-MINUTE, "approved"), (timedelta(0), "expired")])
def test_a_request_takes_answers_until_its_end(case: Case, after: timedelta, outcome: str) -> None:
    answer = case.answer("UANA", at=END + after)
    assert answer.outcome == outcome
    if outcome == "expired":
        assert answer.said == "This request took answers until 14:15 UTC: ask again. Nothing was done."


def test_the_end_is_counted_from_the_first_delivery(case: Case) -> None:
    responses = case.store.responses
    responses.delivered(case.request.request_id, NOW + 60 * MINUTE, END + 60 * MINUTE)
    again = responses.delivered(case.request.request_id, NOW + 120 * MINUTE, END + 120 * MINUTE)
    assert (again.delivered_at, again.expires_at) == (NOW + 60 * MINUTE, END + 60 * MINUTE)
    assert case.answer("UANA", at=END + 59 * MINUTE).outcome == "approved"
