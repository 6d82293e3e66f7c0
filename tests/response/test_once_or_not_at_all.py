"""Whatever comes in, the key is disabled once or not at all, and each answer is its own, with its row in the audit."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from responding import Site

from bench.drills.robbery import APPROVERS
from prefect_cloudtrail.response.deciding import Answer, Member, decide
from prefect_cloudtrail.response.decision import Choice, Request, SettlementOutcome
from prefect_cloudtrail.response.plan import ManualStep
from prefect_cloudtrail.response.responder import Responder
from prefect_cloudtrail.response.rules import read_rules

FIRST, SECOND = APPROVERS


def answer(site: Site, request: Request, by: str, **other: object) -> Answer:
    given = {"digest": request.plan.digest, "now": datetime.now(UTC)} | other
    return decide(
        site.store,
        request.request_id,
        str(given["digest"]),
        Choice.APPROVE,
        Member(by),
        "terminal",
        "stolen",
        rules=read_rules(site.robbery.folder / "rules.toml"),
        keys=site.plane.keys,
        now=given["now"],  # type: ignore[arg-type]
    )


def carried_out(site: Site) -> int:
    """Have the responder look twice; return how often a key was disabled."""
    for _ in range(2):
        Responder(site.plane).look()
    kinds = [
        json.loads(row.document).get("action")
        for row in site.store.responses.audit_rows()
        if row.kind == "step applied"
    ]
    return kinds.count("disable_access_key")


def rewrite(site: Site, statement: str) -> None:
    """Change rows as somebody with the database's password would."""
    engine = sa.create_engine(f"sqlite:///{site.robbery.folder / 'state' / 'cases.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def test_five_people_at_once_disable_it_once(site: Site) -> None:
    request = site.robbery.ask(site.store)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda number: answer(site, request, APPROVERS[number % 2]), range(5)))
    outcomes = sorted(each.outcome for each in answers)
    assert outcomes.count("approved") == 1
    assert set(outcomes) <= {"approved", "waiting", "settled"}
    assert (carried_out(site), site.robbery.key_status()) == (1, "Inactive")


def test_five_deliveries_of_one_answer_count_as_one(site: Site) -> None:
    request = site.robbery.ask(site.store)
    assert {answer(site, request, FIRST).outcome for _ in range(5)} == {"waiting"}
    assert (carried_out(site), site.robbery.key_status()) == (0, "Active")
    assert [answer(site, request, SECOND).outcome for _ in range(5)] == ["approved", *["settled"] * 4]
    assert (carried_out(site), site.robbery.key_status()) == (1, "Inactive")


@pytest.mark.parametrize(
    ("by", "line", "said"),
    [
        ("system:stranger", "", "you are not among those who may decide"),
        (FIRST, f'[owners]\n"{{principal}}" = "{FIRST}"', "this incident is about you"),
        (FIRST, 'never = ["{principal}"]', "never"),
        (FIRST, 'never = ["arn:*"]', "never"),
    ],
    ids=["not listed", "the person concerned", "never touched", "nobody is touched"],
)
def test_who_may_not_or_what_must_not_be_is_refused(site: Site, by: str, line: str, said: str) -> None:
    site.rule(line.format(principal=site.robbery.incident.principal))
    request = site.robbery.ask(site.store)
    refused = answer(site, request, by)
    assert refused.outcome == "refused"
    assert said in refused.said
    assert json.loads(site.store.responses.audit_rows()[-1].document)["said"] == refused.said
    assert (carried_out(site), site.robbery.key_status()) == (0, "Active")


def test_an_empty_list_admits_nobody(site: Site) -> None:
    (site.robbery.folder / "rules.toml").write_text("dry_run = false\n")
    refused = answer(site, site.robbery.ask(site.store), FIRST)
    assert (refused.outcome, refused.said) == (
        "refused",
        "Nothing was done: the rules name no approvers, so nobody may decide.",
    )
    assert (carried_out(site), site.robbery.key_status()) == (0, "Active")


def test_an_answer_that_comes_late_or_to_another_plan_does_nothing(site: Site) -> None:
    request = site.robbery.ask(site.store)
    grown = replace(request.plan, manual=(ManualStep("look", "Look at the other key, too."),))
    assert answer(site, request, FIRST, digest=grown.digest).outcome == "changed"
    assert answer(site, request, FIRST, now=request.expires_at + timedelta(seconds=1)).outcome == "expired"
    # The plan that grew is asked beside the first, whose answer still counts.
    assert site.robbery.ask(site.store, grown).request_id != request.request_id
    answer(site, request, FIRST)
    assert answer(site, request, SECOND).outcome == "approved"
    assert (carried_out(site), site.robbery.key_status()) == (1, "Inactive")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET decided_by = 'system:three' WHERE decided_by = 'system:one'",
        "UPDATE decisions SET why = why || ' '",
        "UPDATE decisions SET signature = 'A' || substr(signature, 2) WHERE substr(signature, 1, 1) <> 'A'",
        "UPDATE decisions SET key_id = 'ffff'",
        "UPDATE requests SET plan = replace(plan, 'deny_principal', 'quarantine_principal')",
        "UPDATE decisions SET choice = 'leave' WHERE decided_by = 'system:two'",
    ],
    ids=["who", "why", "signature", "key", "plan", "choice"],
)
def test_what_was_altered_after_it_was_signed_is_not_carried_out_and_stops_everything(
    site: Site, statement: str
) -> None:
    decision_id = site.approve()
    rewrite(site, statement)
    assert (carried_out(site), site.robbery.key_status()) == (0, "Active")
    assert site.robbery.policies() == []
    assert site.store.responses.to_carry_out() == []
    assert any(decision_id in str(row.document) for row in site.store.responses.audit_rows())


def test_a_decision_that_nobody_signed_is_not_carried_out_and_trips_the_breaker(site: Site) -> None:
    request = site.robbery.ask(site.store)
    answer(site, request, FIRST)
    given = site.store.responses.decisions(request.request_id)[0]
    forged = replace(given, decision_id="dec_forged", by=SECOND)
    site.store.responses.add_decision(forged, SettlementOutcome.APPROVED, site.clock())
    assert (carried_out(site), site.robbery.key_status()) == (0, "Active")
    assert site.store.responses.breaker().tripped
