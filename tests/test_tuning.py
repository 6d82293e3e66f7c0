from dataclasses import replace
from datetime import timedelta

import pytest
from store.case_builders import an_alert, an_incident

from prefect_cloudtrail.card import tuning_lines
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.tuning import TELL_FROM, Telling, Threshold, Tuning, cards, tuning

CITY, COMMAND = "unusual_city_for_command", "unusual_command_for_principal"
DAYS = timedelta(days=2)


def raised(name: str, *alerts: tuple[str, float], account: str = "111122223333", rises: tuple[float, ...]) -> Incident:
    found = [
        replace(an_alert(f"{name} {number}"), rule=rule, surprise=surprise)
        for number, (rule, surprise) in enumerate(alerts)
    ]
    return an_incident(name, *found, account_id=account, risk=rises[-1], peak_risk=max(rises), rises=rises)


THEFT = raised("theft", (CITY, 50.0), (CITY, 37.9), (COMMAND, 27.0), rises=(0.1, 0.3, 0.97))
TRIP = raised("trip", (CITY, 36.0), account="444455556666", rises=(0.07,))


def found(*incidents: Incident) -> Tuning:
    return tuning(incidents, rules().values(), DAYS, 0.2)


def thresholds(rule: str, account: str | None = None) -> list[Threshold]:
    return [each for each in found(THEFT, TRIP).thresholds if (each.rule, each.account) == (rule, account)]


def telling(rule: str | None = None, account: str | None = None) -> list[Telling]:
    return [each for each in found(THEFT, TRIP).telling if (each.rule, each.account) == (rule, account)]


def test_a_higher_threshold_leaves_fewer_alerts_and_the_incidents_of_other_alerts() -> None:
    steps = [(each.decibans, each.alerts, each.incidents, each.told) for each in thresholds(CITY)]
    assert steps == [(35, 3, 2, 1), (38, 1, 1, 1), (41, 1, 1, 1), (45, 1, 1, 1)]


def test_another_rules_alerts_keep_an_incident() -> None:
    steps = [(each.decibans, each.alerts, each.incidents, each.told) for each in thresholds(COMMAND)]
    assert steps == [(25.8, 1, 2, 1), (28.8, 0, 2, 1), (31.8, 0, 2, 1), (35.8, 0, 2, 1)]


def test_an_account_has_its_own_incidents() -> None:
    assert [(each.alerts, each.incidents, each.told) for each in thresholds(CITY, TRIP.account_id)] == [
        (1, 1, 0),
        *[(0, 0, 0)] * 3,
    ]


def test_a_risk_to_tell_from_tells_what_ever_reached_it() -> None:
    assert [(each.tell_from, each.incidents) for each in telling()] == list(
        zip(TELL_FROM, [2, 1, 1, 1, 1], strict=True)
    )
    assert [each.incidents for each in telling(rule=COMMAND)] == [1, 1, 1, 1, 1]
    assert [each.incidents for each in telling(account=TRIP.account_id)] == [1, 0, 0, 0, 0]


def test_the_risk_it_was_run_with_is_a_step_of_its_own() -> None:
    steps = tuning([THEFT], rules().values(), DAYS, 0.33).telling[: len(TELL_FROM) + 1]
    assert [each.tell_from for each in steps] == [0.05, 0.1, 0.2, 0.33, 0.4, 0.6]


@pytest.mark.parametrize(
    ("rises", "tell_from", "count"),
    [
        ((0.1,), 0.2, 0),
        ((0.2,), 0.2, 1),
        ((0.3, 0.5), 0.2, 1),
        ((0.3, 0.6), 0.2, 2),
        ((0.1, 0.97), 0.2, 1),
        ((0.1, 0.3, 0.7, 0.97), 0.05, 4),
        ((0.1, 0.3, 0.7, 0.97), 0.6, 2),
    ],
)
def test_a_card_is_told_first_and_at_each_higher_severity(
    rises: tuple[float, ...], tell_from: float, count: int
) -> None:
    assert cards(raised("one", (CITY, 40.0), rises=rises), tell_from) == count


@pytest.mark.parametrize(("status", "count"), [("open", 1), ("compromised", 1), ("suppressed", 0), ("expected", 0)])
def test_what_is_suppressed_or_expected_is_told_to_nobody(status: str, count: int) -> None:
    assert cards(replace(raised("one", (CITY, 40.0), rises=(0.9,)), status=status), 0.2) == count


def test_people_read_two_tables_a_day() -> None:
    lines = tuning_lines(found(THEFT, TRIP))
    text = [" ".join(line.split()) for line in lines]
    assert text[1] == "Over 2 days, * as it was run. Told from a risk of, a day: incidents (cards)"
    assert text[2:4] == ["5% 10% 20%* 40% 60%", "all 1.0 (2.0) 0.5 (1.5) 0.5 (1.0) 0.5 (0.5) 0.5 (0.5)"]
    assert "444455556666 0.5 (0.5) 0.0 (0.0) 0.0 (0.0) 0.0 (0.0) 0.0 (0.0)" in text
    assert "unusual_city_for_command, 35 dB 1.5/1.0/0.5 0.5/0.5/0.5 0.5/0.5/0.5 0.5/0.5/0.5" in text
    assert max(map(len, lines)) <= 105


def test_of_many_accounts_the_most_told_are_shown_and_the_others_said() -> None:
    many = [raised(f"i{n}", (CITY, 40.0), account=f"{n:012}", rises=(0.9 if n > 2 else 0.01,)) for n in range(8)]
    lines = tuning_lines(found(*many))
    assert {n for n in range(8) if any(f"{n:012}" in line for line in lines)} == {3, 4, 5, 6, 7}
    assert lines[-2:] == ["3 accounts more with --json", ""]


def test_where_nothing_was_judged_nothing_is_said() -> None:
    assert tuning_lines(tuning([], rules().values(), timedelta(0), 0.2)) == []
