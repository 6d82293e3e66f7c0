import random
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from frames import NOON, call, days, history, placed, user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from prefect_cloudtrail import schema
from prefect_cloudtrail.history import History, Tally, day_of, fold, hold_back, holds, midnight, presences

PLACES = Tally(("principal",), "place", own=True)
EVERYBODY = Tally((), "place")
ASKED: schema.Schema = {"context": pl.String, "outcome": pl.String, "hour": schema.UTC_MICROSECONDS}
BERLIN, KYIV = "Berlin, BE, DE", "Kyiv, 30, UA"


def asked(outcome: str = BERLIN, context: str = user("ana"), hours: float = 0) -> pl.DataFrame:
    return pl.DataFrame([(context, outcome, NOON + timedelta(hours=hours))], schema=ASKED, orient="row")


def counted(past: list[dict[str, Any]], **what: Any) -> dict[str, Any]:
    return history(past).counts(PLACES, asked(**what)).row(0, named=True)


def test_a_burst_counts_once() -> None:
    burst = [call(at=NOON - timedelta(days=1, seconds=second)) for second in range(60)]
    assert counted(burst)["n"] == pytest.approx(0.5 ** (1 / 30))


def test_a_presence_halves_in_thirty_days() -> None:
    assert counted([call(at=NOON - timedelta(days=30))])["n"] == pytest.approx(0.5)


def test_n_is_the_outcomes_and_total_the_contexts() -> None:
    found = counted([*days(3), *days(2, "Kyiv")])
    assert found["n"] < found["total"]
    assert (found["seen"], found["days"]) == (2, 3)


def test_what_nobody_saw_counts_nothing() -> None:
    found = counted(days(3), outcome=KYIV)
    assert (found["n"], found["days"], found["seen"]) == (0, 0, 1)


@pytest.mark.parametrize(("minutes", "days_known", "seen"), [(0, 0, 0), (1, 0, 1), (60 * 12, 0, 1), (60 * 13, 1, 1)])
def test_a_row_is_judged_by_what_was_known_when_its_hour_began(minutes: int, days_known: int, seen: int) -> None:
    found = counted([call(at=NOON - timedelta(minutes=minutes))])
    assert (found["seen"], found["days"]) == (seen, days_known)


def test_a_presence_is_known_once_its_window_has_ended() -> None:
    late = call(at=NOON - timedelta(minutes=5)) | {"window": NOON + timedelta(minutes=15)}
    assert counted([late])["seen"] == 0
    assert counted([late], hours=1)["seen"] == 1


def test_earlier_days_do_not_count_today() -> None:
    assert counted([*days(2), call(at=NOON - timedelta(hours=3))])["days"] == 2


def test_held_back_presences_become_known_48_hours_after_the_opening() -> None:
    opened = NOON - timedelta(hours=40)
    known = history([call("Kyiv", at=NOON - timedelta(hours=20))], [("user ana", opened)])
    assert known.counts(PLACES, asked(KYIV, hours=7))["seen"][0] == 0
    assert known.counts(PLACES, asked(KYIV, hours=8))["seen"][0] == 1
    assert known.counts(EVERYBODY, asked(KYIV, "", hours=1))["seen"][0] == 1


def test_what_was_known_before_the_opening_stays_known() -> None:
    known = history([call("Kyiv", at=NOON - timedelta(hours=20))], [("user ana", NOON - timedelta(hours=10))])
    assert known.counts(PLACES, asked(KYIV))["seen"][0] == 1


def test_nothing_is_held_back_twice() -> None:
    first, second = NOON - timedelta(hours=50), NOON - timedelta(hours=10)
    learned = presences(placed([call(at=NOON - timedelta(hours=30))]))
    held = hold_back(learned, holds([("user ana", first), ("user ana", second)]))
    assert held["own_visible"].to_list() == [first + timedelta(hours=48)]


def test_outcomes_say_how_often_and_since_when() -> None:
    found = history([*days(3), *days(1, "Kyiv")]).outcomes(PLACES, asked().select("context", "hour"))
    assert found.select("outcome", "days").rows() == [(BERLIN, 3), (KYIV, 1)]
    assert found.filter(pl.col("outcome") == BERLIN)["first_day"][0] == day_of(NOON) - 3


def test_a_row_without_the_outcome_teaches_nothing_of_it() -> None:
    assert history([call(None, at=NOON - timedelta(days=1))]).counts(EVERYBODY, asked(context=""))["seen"][0] == 0


def split_at(past: list[dict[str, Any]], closed: int) -> History:
    """The same past, its days before `closed` folded."""
    learned = presences(placed(past))
    older = (pl.col("hour") < midnight(closed)).fill_null(value=False)
    usual = fold(schema.empty(schema.USUAL), learned.filter(older), [PLACES, EVERYBODY], closed)
    return History.of(usual.lazy(), learned.filter(~older), holds([]))


COUNTS = ["n", "total", "seen", "days"]
CITY = st.sampled_from(["Berlin", "Kyiv", "Austin"])
CALLS = st.lists(
    st.tuples(st.integers(5, 80), st.integers(0, 23), CITY, st.sampled_from("ab")), min_size=1, max_size=30
)
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def calls(drawn: list[tuple[int, int, str, str]]) -> list[dict[str, Any]]:
    return [call(city, at=NOON - timedelta(days=ago, hours=hour), who=who) for ago, hour, city, who in drawn]


@QUICK
@given(CALLS, st.integers(0, 90))
def test_folding_whole_days_changes_no_count(drawn: list[tuple[int, int, str, str]], ago: int) -> None:
    past = calls(drawn)
    for tally, context in ((PLACES, user("a")), (EVERYBODY, "")):
        whole = history(past).counts(tally, asked(context=context)).select(COUNTS).row(0)
        folded = split_at(past, day_of(NOON) - ago).counts(tally, asked(context=context)).select(COUNTS).row(0)
        assert folded == pytest.approx(whole, abs=1e-9)


@QUICK
@given(CALLS, st.integers(0, 90), st.integers(0, 80 * 24))
def test_what_is_known_is_exactly_what_counts(drawn: list[tuple[int, int, str, str]], ago: int, earlier: int) -> None:
    known = split_at(calls(drawn), day_of(NOON) - ago)
    for tally, context in ((PLACES, user("a")), (EVERYBODY, "")):
        every = pl.concat([asked(each, context, -earlier) for each in (BERLIN, KYIV, "Nowhere")])
        counts = known.counts(tally, every).filter(pl.col("n") > 0).select(list(ASKED))
        assert_frame_equal(known.known(tally, every), counts, check_row_order=False)


def test_each_question_of_a_tally_has_its_own_answer() -> None:
    known = history([*days(3), *days(1, "Kyiv")])
    answers = [known.counts(PLACES, asked(place))["days"][0] for place in (BERLIN, KYIV, BERLIN)]
    assert answers == [3, 1, 3]


@QUICK
@given(CALLS, st.randoms())
def test_order_and_doubling_change_no_count(drawn: list[tuple[int, int, str, str]], chance: Any) -> None:
    past = calls(drawn)
    shuffled = [*past, *past[: len(past) // 2]]
    chance.shuffle(shuffled)
    once, again = (
        history(rows).counts(EVERYBODY, asked(context="")).select(COUNTS).row(0) for rows in (past, shuffled)
    )
    assert again == pytest.approx(once, abs=1e-9)


def test_what_was_last_seen_over_90_days_ago_is_forgotten() -> None:
    today = day_of(NOON)
    old, young = presences(placed([call(at=NOON - timedelta(days=91))])), presences(placed(days(1, "Kyiv")))
    usual = fold(fold(schema.empty(schema.USUAL), old, [PLACES], today - 60), young, [PLACES], today)
    assert usual["outcome"].to_list() == [KYIV]


def test_how_the_days_are_folded_changes_no_bit() -> None:
    chance = random.Random(7)  # noqa: S311 - not for secrets
    people = [user(f"user{number}") for number in range(40)]
    past = presences(
        placed(
            [
                call(chance.choice(("Berlin", "Kyiv")), principal=chance.choice(people), at=NOON - timedelta(days=ago))
                for ago in range(200)
                for _ in range(chance.randrange(30))
                if not 40 < ago < 140  # longer than anything is remembered
            ]
        )
    )
    first, end = day_of(NOON) - 200, day_of(NOON) + 1
    cuts = sorted({*chance.sample(range(first, end), 12), end})
    at_once = fold(schema.empty(schema.USUAL), past, [PLACES, EVERYBODY], end)
    by_parts, before = schema.empty(schema.USUAL), first
    for cut in cuts:
        part = past.filter(pl.col("hour").is_between(midnight(before), midnight(cut), closed="left"))
        by_parts, before = fold(by_parts, part, [PLACES, EVERYBODY], cut), cut
    assert at_once.height > 50
    assert_frame_equal(by_parts, at_once, check_exact=True)
