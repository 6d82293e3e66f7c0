from dataclasses import replace
from typing import Any

import pytest
from frames import a_call, strand
from test_incidents import a_draft, a_view, an_alert

from prefect_cloudtrail.card import headline, report, summary_lines, terminal
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.incidents import judge


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
