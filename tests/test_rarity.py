from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from frames import NOON, call, colleagues, days, history, placed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefect_cloudtrail.detectors import unusual_city_for_command, unusual_city_for_principal
from prefect_cloudtrail.history import Tally
from prefect_cloudtrail.rarity import sightings, surprise
from prefect_cloudtrail.rule import Rule

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RULES = [unusual_city_for_principal.RULE, unusual_city_for_command.RULE]


def judged(rows: list[dict[str, Any]], past: list[dict[str, Any]], rule: Rule, level: str = "place") -> pl.DataFrame:
    known = history(past)
    return surprise(sightings(placed(rows), known), known, rule, level)


def decibans(city: str, past: list[dict[str, Any]], rule: Rule) -> float:
    return float(judged([call(city)], past, rule)["surprise"][0])


def test_the_arithmetic_is_the_one_that_is_written_down() -> None:
    past = [call(at=NOON - timedelta(days=ago)) for ago in range(1, 11)]
    n = sum(0.5 ** (ago / 30) for ago in range(1, 11))
    p = 1 / 1000
    for k in (16, 16, 16, 0.2):
        p = (0 + k * p) / (n + k)
    found = judged([call("Kyiv")], past, unusual_city_for_principal.RULE)
    assert 10 ** (-found["surprise"][0] / 10) == pytest.approx(p, rel=1e-3)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_place_is_less_surprising_the_more_it_is_known(rule: Rule) -> None:
    base = [*days(20), *colleagues(4)]
    steps = [days(count, "Kyiv", network=f"50.0.{60 + count}.0/24") for count in range(4)]
    found = [decibans("Kyiv", [*base, *step], rule) for step in steps]
    assert found == sorted(found, reverse=True)


WHO = st.sampled_from(["ana", "bo", "cy"])
VISITS = st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["Berlin", "Austin"]), WHO), max_size=20)


def past_of(drawn: list[tuple[int, str, str]]) -> list[dict[str, Any]]:
    return [call(city, at=NOON - timedelta(days=ago), who=who) for ago, city, who in drawn]


@QUICK
@given(VISITS, st.sampled_from(["ana", "bo"]), st.integers(1, 60), st.sampled_from(RULES))
def test_more_history_of_a_place_never_raises_its_surprise(
    drawn: list[tuple[int, str, str]], who: str, ago: int, rule: Rule
) -> None:
    past = [*days(8), *past_of(drawn)]
    more = [*past, call("Kyiv", at=NOON - timedelta(days=ago), who=who)]
    assert decibans("Kyiv", more, rule) <= decibans("Kyiv", past, rule) + 1e-3


@QUICK
@given(VISITS)
def test_probabilities_sum_to_one_over_the_possible_places(drawn: list[tuple[int, str, str]]) -> None:
    past = [*days(8), *days(8, "Austin"), *past_of(drawn)]
    known = {"Berlin", "Austin"}
    total = sum(10 ** (-decibans(city, past, unusual_city_for_principal.RULE) / 10) for city in known)
    unseen = 10 ** (-decibans("Kyiv", past, unusual_city_for_principal.RULE) / 10)
    assert total + (1000 - len(known)) * unseen == pytest.approx(1, abs=1e-3)


@QUICK
@given(VISITS, st.randoms())
def test_order_and_doubling_of_the_batch_change_no_surprise(drawn: list[tuple[int, str, str]], chance: Any) -> None:
    past = [*days(8), *past_of(drawn)]
    rows = [call(city, who=who) for city in ("Kyiv", "Austin") for who in ("ana", "bo")]
    shuffled = rows * 2
    chance.shuffle(shuffled)
    once, again = (judged(each, [*past, *each], unusual_city_for_principal.RULE) for each in (rows, shuffled))
    key = ["principal", "place", "surprise"]
    assert once.select(key).sort(key).equals(again.select(key).sort(key))


@pytest.mark.parametrize(("active_days", "learns"), [(0, True), (2, True), (3, False)])
def test_a_principal_learns_for_three_active_days(active_days: int, learns: bool) -> None:
    known = history([*colleagues(1), *days(active_days)])
    assert sightings(placed([call()]), known)["principal_learns"].to_list() == [learns]


@pytest.mark.parametrize(("history_days", "learns"), [(0, True), (6, True), (7, False)])
def test_an_account_and_an_organisation_learn_for_seven_days(history_days: int, learns: bool) -> None:
    found = sightings(placed([call()]), history(colleagues(1, days_each=history_days)))
    assert found.select("account_learns", "organisation_learns").row(0) == (learns, learns)


def test_a_new_account_of_an_old_organisation_is_judged_by_the_organisation() -> None:
    past = [*colleagues(3), *days(20)]
    found = judged([call("Kyiv", who="new", account="444455556666")], past, unusual_city_for_command.RULE)
    assert found["judge"].to_list() == [3]


def test_nobody_judges_in_the_organisations_first_days() -> None:
    assert judged([call("Kyiv")], days(3), unusual_city_for_command.RULE).is_empty()


def test_contexts_ask_history_by_name() -> None:
    names = [tally.name for tally in unusual_city_for_command.RULE.tallies[:4]]
    assert names == ["account+command>place", "account+service>place", "account>place", ">place"]
    assert Tally(("principal",), "place").name == "principal>place"
