from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from frames import a_call, strand
from test_incidents import a_draft, a_view, an_alert

from prefect_cloudtrail.card import asked, headline, not_asked, report, summary_lines, terminal
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.incidents import judge
from prefect_cloudtrail.response.decision import Request
from prefect_cloudtrail.response.plan import ManualStep, Plan, Step

HOUR = timedelta(hours=1)


def an_incident() -> Incident:
    theft = strand(
        a_call(command="iam:CreateUser"),
        a_call(minutes=11, command="iam:CreateUser", events=37),
        elsewhere=[a_call("Berlin", -10), a_call("Berlin", 20)],
        peers_using=(("iam:CreateUser", 0.0),),
    )
    return judge(a_draft(an_alert()), [a_view(an_alert(), strands=(theft,))])


def test_the_card_says_it_all_in_eighty_columns() -> None:
    shown = terminal(an_incident())
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert shown.splitlines() == [
        "HIGH · 82% likely stolen: ana, from Kyiv, UA",
        "",
        "      who  arn:aws:iam::111122223333:user/ana",
        "  account  111122223333",
        "      key  AKIAEXAMPLE",
        "     from  Kyiv, UA · 50.0.5.7 · Example Broadband (AS3320)",
        "     when  2026-03-20 12:00:00 UTC to 2026-03-20 12:11:00 UTC",
        "     what  38 calls in 11 minutes from Kyiv, UA, 1 of them unusual.",
        " commands  iam:CreateUser",
        "",
        "      why  decibans for (+) and against (-); of each kind the strongest counts",
        *shown.splitlines()[11:-2],
        "",
        f" incident  {an_incident().incident_id}, revision 1, 1 alerts",
    ]
    assert "   (+7.5)  Berlin, here, and Berlin again within 0.5 hours; 1,205 km away." in shown


def test_what_an_attacker_wrote_stays_text() -> None:
    hostile = replace(an_incident(), principal="arn:aws:iam::1:user/x\x1b[2J\n[click](https://x.example)")
    assert "\x1b" not in terminal(hostile)
    assert "\n[click]" not in terminal(hostile)
    assert "](" not in report(hostile)


def test_a_report_is_a_page_with_its_evidence() -> None:
    page = report(an_incident())
    assert page.startswith("# 82% likely stolen: ana, from Kyiv, UA\n")
    assert page.count("| yes |") + page.count("| no |") == len(an_incident().evidence)


def test_a_cohort_is_told_as_a_move() -> None:
    assert headline(replace(an_incident(), kind="cohort", summary="12 principals moved to Amsterdam, NL.")) == (
        "12 principals moved to Amsterdam, NL."
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ["4,567 events in 8 objects, 0 duplicates, 0 rejected; 9 alerts, 2 incidents."]),
        (
            {"events": 1, "objects": 1, "duplicates": 1, "incidents": 1, "alerts": 1},
            ["1 event in 1 object, 1 duplicate, 0 rejected; 1 alert, 1 incident."],
        ),
        (
            {"rejected": {"bad_json": 1, "bad_gzip": 2}},
            ["4,567 events in 8 objects, 0 duplicates, 3 rejected (1 bad_json, 2 bad_gzip); 9 alerts, 2 incidents."],
        ),
        (
            {"learning": ["111122223333 until T"]},
            [
                "4,567 events in 8 objects, 0 duplicates, 0 rejected; 9 alerts, 2 incidents.",
                "learning: 111122223333 until T",
            ],
        ),
    ],
)
def test_a_summary_is_a_sentence_and_who_still_learns(fields: dict[str, Any], said: list[str]) -> None:
    counted = {"events": 4567, "objects": 8, "duplicates": 0, "rejected": {}, "alerts": 9, "incidents": 2}
    assert summary_lines({**counted, "learning": []} | fields) == said


def a_request(**fields: Any) -> Request:
    step = Step("revoke_sessions", "111122223333", "arn:aws:iam::111122223333:role/deploy", {"role_name": "deploy"})
    plan = Plan("revoke_sessions", "inc_1", "arn:aws:iam::111122223333:role/deploy/alice", (step,))
    asked_at = datetime(2026, 3, 13, 3, 10, tzinfo=UTC)
    return Request("req_abcdefghijklmnopqrstuvwxyz0123456789ABCDEF", replace(plan, **fields), asked_at, asked_at + HOUR)


def test_a_request_says_what_is_done_who_is_hurt_what_goes_on_and_how_to_decide() -> None:
    shown = asked(
        a_request(
            manual=(ManualStep("close_source", "Find who assumed role deploy."),),
            approvers=2,
            why_two="All sessions of role deploy stop, whoever's they are: others may use it.",
            does=("Revoke every session of role deploy that there is.",),
            breaks=("Everybody who works as deploy stops until they assume it again: others may use it.",),
            survives=("Who may assume deploy can do so again.", "Other roles go on."),
            stops_service=True,
        )
    )
    assert shown.splitlines() == [
        "ASKED · revoke_sessions against alice, by 2 different people",
        "",
        "     does  Revoke every session of role deploy that there is.",
        "   breaks  Everybody who works as deploy stops until they assume it again:",
        "           others may use it.",
        "  goes on  Who may assume deploy can do so again.",
        "           Other roles go on.",
        "    steps  1. revoke_sessions on arn:aws:iam::111122223333:role/deploy",
        "  by hand  Find who assumed role deploy.",
        "  why two  All sessions of role deploy stop, whoever's they are: others may use",
        "           it.",
        "  read it  Something that was in use within a day would stop.",
        "",
        "   decide  prefect-cloudtrail decide req_abcdefghijklmnopqrstuvwxyz0123456789ABCDEF approve",
        "           or leave, to leave it on; or expected, where it was no theft",
        "    until  2026-03-13 04:10:00 UTC",
        " incident  inc_1",
    ]


def test_a_request_without_steps_says_that_nothing_is_done_in_aws() -> None:
    assert "    steps  1. none in AWS" in asked(a_request(steps=()))


def test_what_an_intruder_wrote_into_a_request_cannot_redraw_the_terminal() -> None:
    shown = asked(a_request(does=("Revoke session \x1b[2J\u202eevil.",), principal="arn:aws:x/\x1b[31mred"))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_what_is_not_asked_says_why() -> None:
    said = not_asked(a_request().plan, "arn:aws:iam::111122223333:role/deploy is never touched")
    assert said == ("NOT ASKED · revoke_sessions against alice: arn:aws:iam::111122223333:role/deploy is never touched")
