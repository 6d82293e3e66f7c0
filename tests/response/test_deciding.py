"""Who may decide, what an answer settles, and what each other answer is told."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from response_cases import END, MINUTE, RULES, Case, a_plan, a_step
from store.case_builders import NOW

from prefect_cloudtrail.response.deciding import Answer
from prefect_cloudtrail.response.decision import Choice, SettlementOutcome
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.signing import Keys

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


# --- several people ---------------------------------------------------------------------------------------------------


def test_where_the_plan_asks_for_two_the_first_approval_waits(case: Case) -> None:
    request = case.store.responses.ask(a_plan(approvers=2, why_two="The role is shared."), NOW + MINUTE, END)
    waiting = case.answer("UANA", request=request)
    assert waiting.outcome == "waiting"
    assert waiting.said == "Your approval counts; another person's is needed. The role is shared."
    again = case.answer("UANA", request=request, at=NOW + 2 * MINUTE)
    assert again == Answer(
        "waiting", "You approved it at 10:16 UTC, and that stands: it waits for another person.", waiting.decision_id
    )
    second = case.answer("UBO", request=request, at=NOW + 3 * MINUTE)
    assert second.outcome == "approved"
    assert kinds(case) == ["decided", "waiting", "decided"]


def test_a_user_of_the_host_is_a_second_person_only_if_the_rules_say_who_it_is(case: Case) -> None:
    unknown = replace(RULES, owners={})
    named = replace(RULES, owners={"system:cleo": "slack:UCLEO"})
    assert case.answer("UANA", rules=unknown).outcome == "waiting"
    assert case.answer("system:cleo", rules=unknown).said == (
        "Your approval counts; another person's is needed. "
        "The rules do not say who the host's users are in Slack: they may be the same, or the person concerned."
    )
    assert case.answer("UBO", rules=named).outcome == "approved"


def test_a_user_of_the_host_who_may_be_the_one_concerned_does_not_decide_alone(case: Case) -> None:
    assert case.answer("system:cleo").outcome == "waiting"
    assert case.answer("UANA").outcome == "approved"


def test_where_nobody_knows_whom_it_concerns_two_must_allow_it_and_one_may_leave_it(case: Case) -> None:
    unknown = replace(RULES, owners={})
    assert case.answer("UANA", rules=unknown).said == (
        "Your approval counts; another person's is needed. "
        "Who is concerned is not known for sure: two people must allow it."
    )
    assert case.answer("UBO", Choice.LEAVE, rules=unknown).outcome == "left_on"


def test_past_so_many_an_hour_each_further_one_takes_two_also_after_decoys(case: Case) -> None:
    rules = replace(RULES, containments_an_hour=2)
    asked = [case.store.responses.ask(a_plan(a_step(target=f"{a_step().target}{n}")), NOW, END) for n in range(3)]
    answers = [case.answer("UANA", request=request, rules=rules) for request in asked]
    assert [each.outcome for each in answers] == ["approved", "approved", "waiting"]
    assert answers[-1].said == (
        "Your approval counts; another person's is needed. "
        "2 containments were approved within an hour: each further one takes two people."
    )
    assert case.answer("UBO", request=asked[2], rules=rules).outcome == "approved"
    assert case.answer("UANA", rules=rules, at=NOW + 62 * MINUTE).outcome == "approved"


# --- what comes too late ----------------------------------------------------------------------------------------------


def test_the_first_answer_wins_and_everybody_after_is_told_whose_it_was(case: Case) -> None:
    first = case.answer("UANA", Choice.LEAVE)
    assert first == Answer("left_on", "It is left on; nothing is changed.", first.decision_id)
    own = case.answer("UANA", Choice.LEAVE, at=NOW + 2 * MINUTE)
    assert own == Answer("settled", "You left it on at 10:16 UTC: it was not done again.", first.decision_id)
    other = case.answer("UBO", at=NOW + 3 * MINUTE)
    assert other.said == "slack:UANA left it on at 10:16 UTC: your answer changed nothing."
    assert kinds(case) == ["decided", "settled", "settled"]


def test_a_smaller_plan_is_superseded_by_a_larger_one_that_was_approved(case: Case) -> None:
    larger = case.store.responses.ask(a_plan(a_step(), a_step("deny_principal"), playbook="fence"), NOW, END)
    assert case.answer("UANA", request=larger).outcome == "approved"
    late = case.answer("UBO", at=NOW + 2 * MINUTE)
    assert late == Answer("superseded", "fence, approved at 10:16 UTC, does all of this. Nothing was done.")


def test_what_is_asked_after_an_approval_is_not_superseded_by_it(case: Case) -> None:
    assert case.answer("UANA").outcome == "approved"
    again = case.store.responses.ask(a_plan(), NOW + 2 * MINUTE, END)
    assert case.answer("UANA", request=again, at=NOW + 3 * MINUTE).outcome == "approved"


def test_expected_closes_the_incident_and_supersedes_what_was_asked(case: Case) -> None:
    other = case.store.responses.ask(a_plan(a_step("deny_principal")), NOW, END)
    undo = case.store.responses.ask(a_plan(a_step(undoes="r-1"), playbook="undo"), NOW, END)
    answer = case.answer("UANA", Choice.EXPECTED, why="moved to Lyon")
    assert (answer.outcome, answer.said) == ("expected", "The incident is closed as expected; nothing is changed.")
    (incident,) = case.store.incidents(ids=["incident-1"])
    (verdict,) = case.store.feedback().verdicts
    assert (incident.status, verdict.by, verdict.why) == ("expected", "slack:UANA", "moved to Lyon")
    late = case.answer("UBO", request=other)
    assert late == Answer("superseded", "The incident was called expected meanwhile. Nothing was done.")
    assert case.answer("UBO", request=undo).outcome == "approved"
    assert case.answer("UANA", Choice.EXPECTED).outcome == "settled"
    assert len(case.store.feedback().verdicts) == 1


# --- what is not believed ---------------------------------------------------------------------------------------------


def test_a_tripped_breaker_stops_every_answer(case: Case) -> None:
    case.store.responses.set_breaker(tripped=True, by="system:cleo", why="somebody else's hands", now=NOW)
    assert (
        case.answer("UANA").said == "Nothing was done: the breaker is tripped, by system:cleo: somebody else's hands."
    )


def test_a_first_approval_that_nobody_signed_does_not_count_and_trips_the_breaker(case: Case, tmp_path: Path) -> None:
    unknown = replace(RULES, owners={})
    theirs = Keys.make(tmp_path / "theirs")
    request = case.request
    forged = theirs.sign(
        decision_id="d-1",
        request_id=request.request_id,
        digest=request.plan.digest,
        choice=Choice.APPROVE,
        by="slack:UBO",
        via="slack",
        decided_at=NOW,
        why="",
    )
    case.store.responses.add_decision(forged, None, NOW)
    answer = case.answer("UANA", rules=unknown)
    said = f"decision d-1 is signed by {forged.key_id}, which is no key of ours"
    assert answer == Answer("refused", f"Nothing was done: {said}.")
    assert [each.decision_id for each in case.store.responses.decisions(request.request_id)] == ["d-1"]
    breaker = case.store.responses.breaker()
    assert (breaker.tripped, breaker.by, breaker.why) == (True, "the responder", said)


def test_an_unknown_request_is_refused_and_has_its_row(case: Case) -> None:
    unknown = replace(case.request, request_id="req_none")
    assert case.answer("UANA", request=unknown) == Answer("refused", "Nothing was done: there is no such request.")
    assert kinds(case) == ["refused"]


def test_what_somebody_wrote_is_kept_as_one_harmless_line(case: Case) -> None:
    case.answer("UANA", why="call\x1b[2Jed \n her")
    (decision,) = case.store.responses.decisions(case.request.request_id)
    assert decision.why == "call�[2Jed her"
