"""What every rule promises, whatever the calls and the past: tried on drawn ones."""

import random
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from frames import NOON, call, colleagues, days, find, history, placed, places
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefect_cloudtrail import detectors
from prefect_cloudtrail.detectors import error_message_spike
from prefect_cloudtrail.rarity import sightings, surprise
from prefect_cloudtrail.rule import POSSIBLE, Rule

QUICK = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DETECTORS: list[Any] = list(detectors.detectors())
OF_PLACES = [each for each in DETECTORS if each.RULE.asks_where]
RARE = [each.RULE for each in DETECTORS if each is not error_message_spike]  # the sixth forecasts
LEVELS = [(rule, level, at) for rule in RARE for level in rule.levels for at in range(len(rule.contexts))]
OTHER_ACCOUNT = "444455556666"

CODE, TEXT = "aws.cloudtrail.error_code", "aws.cloudtrail.error_message"
CITY = st.sampled_from(["Berlin", "Austin", "Kyiv", None])
WHO = st.sampled_from(["ana", "bo", "cy"])
COMMAND = st.sampled_from(["ec2:DescribeInstances", "iam:CreateUser", "kms:Decrypt"])
ERROR = st.sampled_from([None, "AccessDenied", "Throttling"])
PAST = st.lists(st.tuples(st.integers(1, 60), CITY, WHO, COMMAND, ERROR), max_size=12)
NOW = st.lists(st.tuples(st.integers(0, 600), CITY, WHO, COMMAND, ERROR, st.integers(0, 9)), min_size=2, max_size=14)
# What each level's outcome is when nobody ever saw it, and what it is beside the usual.
UNSEEN: dict[str, dict[str, Any]] = {
    "place": {"place": "Nowhere, XX"},
    "country": {"source.geo.country_iso_code": "XX"},
    "asn": {"source.as.number": 64999},
    "command": {"command": "sts:GetSessionToken"},
    "error": {CODE: "NobodyMetIt"},
}
OTHER: dict[str, dict[str, Any]] = {
    "place": {"place": "Austin, TX, US"},
    "country": {"source.geo.country_iso_code": "US"},
    "asn": {"source.as.number": 64998},
    "command": {"command": "kms:Decrypt"},
    "error": {CODE: "Throttling"},
}


def name(value: Any) -> str:
    return str(value.RULE.name if isinstance(value, ModuleType) else getattr(value, "name", value))


def known(drawn: list[Any] | None = None) -> list[dict[str, Any]]:
    """Return a past in which everybody is past their first days, and what was drawn."""
    usual = [row for who in ("ana", "bo", "cy") for row in days(9, who=who)]
    usual += [*colleagues(3, days_each=30), *colleagues(2, days_each=9, account=OTHER_ACCOUNT)]
    return usual + [
        call(city, at=NOON - timedelta(days=ago), who=who, command=command, **{CODE: error})
        for ago, city, who, command, error in drawn or []
    ]


def decibans(rule: Rule, level: str, fields: dict[str, Any], past: list[dict[str, Any]]) -> float:
    """Return how surprising the outcome with these fields is."""
    before = history(past)
    return float(surprise(sightings(placed([call() | fields]), before), before, rule, level)["surprise"][0])


@pytest.mark.parametrize("detector", DETECTORS, ids=name)
@settings(QUICK, max_examples=6)
@given(PAST, NOW, st.integers())
def test_order_doubling_and_division_inside_a_window_change_no_score(
    detector: Any, drawn: list[Any], now: list[Any], seed: int
) -> None:
    rows = [
        call(
            city, at=NOON + timedelta(seconds=s), who=who, command=cmd, **{CODE: error, TEXT: error and f"{error} {n}"}
        )
        for s, city, who, cmd, error, n in now
    ]
    past = known(drawn)
    again = rows * 2
    random.Random(seed).shuffle(again)  # noqa: S311 - not for secrets
    before = history([*past, *again])
    cut = seed % len(again)
    parts = [
        detector.find(sightings(placed(part), before), before, places(*rows)) for part in (again[:cut], again[cut:])
    ]
    scores = ["principal", "command", "outcome", "level", "hour", "surprise", "score"]
    found = find(detector, rows, past).select(scores).sort(scores)
    assert find(detector, again, past).select(scores).sort(scores).equals(found)
    assert pl.concat(parts).select(scores).unique().sort(scores).equals(found)


@pytest.mark.parametrize("detector", DETECTORS, ids=name)
def test_among_those_calls_are_some_that_every_rule_finds(detector: Any) -> None:
    errors = [{CODE: "Throttling", TEXT: f"Throttling {number}"} for number in range(10)]
    theft = [call("Kyiv", at=NOON + timedelta(seconds=n), command="kms:Decrypt", **e) for n, e in enumerate(errors)]
    assert find(detector, theft, known()).height == 1


@pytest.mark.parametrize(("rule", "level"), [(rule, level) for rule in RARE for level in rule.levels], ids=name)
@QUICK
@given(PAST, st.integers(1, 60), st.sampled_from(["ana", "bo", "somebody"]), st.booleans(), COMMAND)
def test_more_history_of_an_outcome_never_raises_its_surprise(
    rule: Rule, level: str, drawn: list[Any], ago: int, who: str, elsewhere: bool, command: str
) -> None:
    past = known(drawn)
    account = OTHER_ACCOUNT if elsewhere else "111122223333"
    more = call(at=NOON - timedelta(days=ago), who=who, account=account, command=command) | UNSEEN[level]
    assert decibans(rule, level, UNSEEN[level], [*past, more]) <= decibans(rule, level, UNSEEN[level], past) + 1e-3


@pytest.mark.parametrize(("rule", "level", "context"), LEVELS, ids=name)
@settings(QUICK, max_examples=4)
@given(PAST)
def test_probabilities_sum_to_one_over_all_that_is_possible(
    rule: Rule, level: str, context: int, drawn: list[Any]
) -> None:
    past = [*known(drawn), *(row | OTHER[level] for row in days(3, who="bo"))]
    before = history(past)
    one = replace(rule, contexts=rule.contexts[context:])
    column = {"country": "source.geo.country_iso_code", "asn": "source.as.number", "error": CODE}.get(level, level)
    # Every outcome there was, each asked of the same caller; "no error" is one, an address without a place is none.
    there = {row[column] for row in past} - (set() if level == "error" else {None})
    asked = [call() | {column: value} for value in there] + [call() | UNSEEN[level]]
    found = surprise(sightings(placed(asked), before), before, one, level)
    outcomes = dict(zip(found[level], (10 ** (-found["surprise"] / 10)).to_list(), strict=True))
    (unseen,) = (p for outcome, p in outcomes.items() if outcome in {*UNSEEN[level].values(), "AS64999"})
    assert len(outcomes) == len(there) + 1
    assert sum(outcomes.values()) - unseen + (POSSIBLE[level] - len(there)) * unseen == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("detector", OF_PLACES, ids=name)
@QUICK
@given(
    st.lists(st.integers(1, 80), min_size=2, max_size=2, unique=True),
    *(CITY, CITY, COMMAND),
    st.sampled_from([None, 64999]),
    st.booleans(),
)
def test_a_network_of_the_principals_own_is_never_unusual_wherever_it_is_put(
    detector: Any, ago: list[int], was: str | None, city: str | None, command: str, asn: int | None, located: bool
) -> None:
    network = {"network": "50.0.99.0/24"}
    put = {"source.as.number": asn} | ({} if city or located else {"source.geo.country_iso_code": None})
    used = [call(was, at=NOON - timedelta(days=each)) | network for each in ago]
    past = [*known(), *days(30), *colleagues(5, days_each=30)]
    assert find(detector, [call(city, command=command) | put | network], [*past, *used]).is_empty()


def test_the_same_call_over_another_network_is_unusual_to_every_rule_of_places() -> None:
    past = [*known(), *days(30), *colleagues(5, days_each=30), *colleagues(5, days_each=30, command="iam:CreateUser")]
    for detector in OF_PLACES:
        assert find(detector, [call("Kyiv", command="iam:CreateUser")], past).height == 1, detector.RULE.name
