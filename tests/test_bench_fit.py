"""The fit's arithmetic answers as it should where the answer is known, and its commands run."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from frames import days, history, placed

pytest.importorskip("scipy", reason="the benchmark's peer needs the dependency group `bench`")

from bench.fit import contexts
from bench.fit.__main__ import main
from bench.fit.contexts import Counted
from bench.fit.learned import counted, once_a_day
from bench.fit.leave_out import leave_out, quality
from bench.fit.prior import calibrate, theft_counts, told
from bench.fit.rankings import Judged, JudgedWorld, read
from bench.fit.together import PULL, TIMES, fit_together
from bench.fit.weights import by_strength, count, evidence, rate
from bench.quality.calibration import Band, bands
from bench.quality.weights import Ratio
from prefect_cloudtrail import rarity
from prefect_cloudtrail.cases import Evidence
from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.evidence import pieces
from prefect_cloudtrail.risk import WEIGHTS, probability
from prefect_cloudtrail.rule import POSSIBLE, Rule

GROUPS = {"far": "place", "new": "place", "home": "travel", "denied": "errors"}
TODAY = {"far": 5.0, "new": 3.0, "home": -7.0, "denied": 5.0}


def thefts(count: int, *held: str) -> list[Judged]:
    return [Judged(0.5, frozenset({number}), frozenset(held)) for number in range(count)]


def innocents(count: int, *held: str) -> list[Judged]:
    return [Judged(0.5, frozenset(), frozenset(held))] * count


def world(name: str, incidents: Sequence[Judged]) -> JudgedWorld:
    """One judged week, in which every theft was met once."""
    numbered = [
        replace(each, stands_for=frozenset({place})) if each.true else each for place, each in enumerate(incidents)
    ]
    return JudgedWorld(name, 1.0, sum(each.true for each in incidents), tuple(numbered))


def together(incidents: Sequence[Judged], pull: float = PULL, times: float = TIMES) -> dict[str, float]:
    return fit_together(incidents, TODAY, GROUPS, -10.0, pull, times)


# --- weights ----------------------------------------------------------------------------------------------------------


def test_a_weaker_piece_is_counted_where_no_stronger_one_of_its_group_held() -> None:
    incidents = [*thefts(60, "far", "new"), *thefts(20, "new"), *thefts(14)]
    incidents += [*innocents(2, "far", "new"), *innocents(5, "new"), *innocents(87)]
    ratios = count(incidents, by_strength(TODAY), GROUPS)
    assert ratios["far"] == Ratio("far", 60, 94, 2, 94)
    assert ratios["new"] == Ratio("new", 20, 94, 5, 94)


def test_a_piece_alone_weighs_what_makes_the_risks_right() -> None:
    # One of three in which it held is a theft: odds of one to two, 7 dB over the prior.
    incidents = [*thefts(100, "denied"), *innocents(200, "denied"), *thefts(30), *innocents(270)]
    assert together(incidents, pull=0.0, times=1.0)["denied"] == 7.0
    # An innocent's incident counts twice: 3 dB less.
    assert together(incidents, pull=0.0, times=2.0)["denied"] == 4.0


@pytest.mark.parametrize(("true", "false", "weighs"), [(94, 0, 8.0), (0, 94, 1.0)])
def test_a_weight_keeps_its_sign_and_is_one_to_eight(true: int, false: int, weighs: float) -> None:
    incidents = [*thefts(true, "denied"), *innocents(false, "denied"), *thefts(94 - true), *innocents(94 - false)]
    assert together(incidents)["denied"] == weighs


def test_two_pieces_that_always_hold_together_share_what_they_say() -> None:
    alone = [*thefts(100, "denied"), *innocents(100, "denied"), *innocents(400)]
    both = [*thefts(100, "denied", "far"), *innocents(100, "denied", "far"), *innocents(400)]
    assert together(both)["denied"] < together(alone)["denied"]


def test_what_was_hardly_ever_seen_keeps_its_weight() -> None:
    incidents = [*thefts(4, "denied"), *thefts(20, "far"), *innocents(50)]
    assert together(incidents)["denied"] == TODAY["denied"]


def test_the_harder_the_pull_the_nearer_to_the_ratio() -> None:
    incidents = [*thefts(60, "denied"), *innocents(20, "denied"), *thefts(34), *innocents(74)]
    ratio = 0.7 * Ratio("denied", 60, 94, 20, 94).decibans
    off = [abs(together(incidents, pull=pull)["denied"] - ratio) for pull in (0.0, 1.0, 1000.0)]
    assert off == sorted(off, reverse=True)
    assert off[-1] <= 0.25  # half a step


def test_what_is_not_weighed_is_not_counted_and_keeps_its_risk() -> None:
    cohort = Judged(0.0032, frozenset(), frozenset({"far"}), weighed=False)
    incidents = [*thefts(4, "far"), *innocents(4)]
    assert together([*incidents, cohort]) == together(incidents)
    assert rate([cohort], TODAY, GROUPS, -17.0) == [0.0032]


def test_incidents_are_rated_as_the_product_rates_them() -> None:
    groups = {name: piece.GROUP for name, piece in pieces().items()}
    held = ["far_from_usual", "new_city_for_principal", "short_visit", "settled_here", "denied_in_a_row"]
    shown = [Evidence(name, groups[name], WEIGHTS[name], "", counted=False) for name in held]
    strongest = {each.group: each for each in sorted(shown, key=lambda each: abs(each.decibans))}
    known = sum(each.decibans for each in strongest.values())
    (one,) = thefts(1, *held)
    assert evidence(one, by_strength(WEIGHTS), WEIGHTS, groups) == known == 1.0 - 8.0 + 4.0
    assert rate([one], WEIGHTS, groups, -17.0) == [round(probability(-17.0 + known), 4)]


# --- leaving one out --------------------------------------------------------------------------------------------------


def test_the_weight_that_only_one_shape_knows_moves_most_when_it_is_left_out() -> None:
    usual = [*thefts(9, "far"), *thefts(1), *innocents(1, "far"), *innocents(9)]
    odd = [*thefts(9, "far"), *thefts(1), *innocents(1, "far"), *innocents(30, "denied")]
    worlds = [world("usual-1", usual), world("usual-2", usual), world("odd-1", odd)]
    fitted = together([each for of in worlds for each in of.incidents])
    found = {each.world.name: each for each in leave_out(worlds, fitted, TODAY, GROUPS, -10.0)}
    assert found["odd-1"].moved == ("denied", TODAY["denied"] - fitted["denied"])
    assert found["usual-1"].moved == found["usual-2"].moved


def test_an_organisation_is_judged_by_the_weights_it_is_given() -> None:
    one = world("one", [*thefts(1, "far"), *innocents(1, "new"), *innocents(1)])
    good, bad = {"far": 8.0, "new": 0.0}, {"far": 0.0, "new": 8.0}
    groups = {"far": "place", "new": "place"}
    judged = [quality(one, weights, groups, -10.0) for weights in (good, bad)]
    assert [(each.average_precision, each.told_thefts, each.told_false_a_week) for each in judged] == [
        (1.0, 1, 0.0),
        (0.333, 0, 1.0),
    ]


# --- the prior --------------------------------------------------------------------------------------------------------


def test_the_calibrated_prior_is_what_thefts_weigh_where_evidence_says_nothing() -> None:
    found = calibrate([(0.0, True)] * 10 + [(0.0, False)] * 90, -17.0)
    assert found is not None
    assert found.prior == pytest.approx(-9.54, abs=0.01)  # 10 to 90
    assert (found.incidents, found.thefts, found.share) == (100, 10, 0.1)
    assert found.mean_risk == pytest.approx(probability(-17.0))


def test_the_calibrated_prior_undoes_what_the_evidence_has_too_much() -> None:
    # Evidence of 10 dB where the odds are 10 to 1: right as it is; 13 dB are 3 too many.
    honest = [(10.0, True)] * 10 + [(10.0, False)]
    loud = [(13.0, true) for _, true in honest]
    assert [found.prior for found in (calibrate(honest, 0.0), calibrate(loud, 0.0)) if found] == [
        pytest.approx(0.0, abs=0.01),
        pytest.approx(-3.0, abs=0.01),
    ]


@pytest.mark.parametrize("true", [True, False])
def test_where_all_are_alike_no_prior_is_honest(true: bool) -> None:
    found = calibrate([(3.0, true)], -17.0)
    assert (found and found.prior, calibrate([], -17.0)) == (None, None)


def test_thefts_count_so_little_that_they_are_as_rare_as_the_prior_says() -> None:
    weighed = [(0.0, True)] * 40 + [(0.0, False)] * 60
    found = calibrate(weighed, -17.0, theft_counts(weighed, -17.0))
    assert found is not None
    assert found.prior == pytest.approx(-17.0, abs=0.01)
    assert found.share == pytest.approx(probability(-17.0))


@pytest.mark.parametrize(("evidence_decibans", "is_told"), [(11.0, True), (10.9, False)])
def test_told_is_what_reaches_a_fifth_at_the_prior(evidence_decibans: float, is_told: bool) -> None:
    above, below = told([(evidence_decibans, True)], -17.0)
    assert (len(above), len(below)) == (is_told, not is_told)


def test_a_band_begins_with_its_lower_limit_and_the_last_holds_its_end() -> None:
    assert bands([(0.2, True), (0.199, False), (1.0, True), (0.96, False)]) == [
        Band(0.05, 0.2, 1, 0, 0.199),
        Band(0.2, 0.4, 1, 1, 0.2),
        Band(0.95, 1.0, 2, 1, 0.98),
    ]


# --- k ----------------------------------------------------------------------------------------------------------------


def rows(n: float, total: float, *, wider: float, share: float, of: int = 100) -> Counted:
    """Rows of one context: a `share` of them had the outcome seen n of total times, the others one never seen."""
    seen = np.arange(of) < share * of
    return Counted(
        n=np.where(seen, n, 0.0)[:, None],
        total=np.full((of, 1), total),
        quiet=np.zeros((of, 1), dtype=bool),
        root=np.full(of, wider),
    )


def test_the_loss_is_minus_the_logarithm_of_how_probable_the_outcome_was() -> None:
    one = rows(3, 10, wider=0.1, share=1)
    assert contexts.probabilities(one, [10.0]) == pytest.approx(np.full(100, 0.2))  # (3 + 10 * 0.1) / 20
    assert contexts.loss([one], [10.0]) == pytest.approx(-np.log(0.2))


def test_a_quiet_context_hands_on_what_the_wider_one_says() -> None:
    one = replace(rows(3, 10, wider=0.1, share=1), quiet=np.ones((100, 1), dtype=bool))
    assert contexts.probabilities(one, [10.0]) == pytest.approx(np.full(100, 0.1))


@pytest.mark.parametrize(("share", "k"), [(0.9, 1.0), (0.5, 8.0)])
def test_the_fitted_k_is_the_share_of_outcomes_never_seen_before(share: float, k: float) -> None:
    # With n = total = 8 a new outcome is given k / (8 + k): best where that is its true share, 0.1 or 0.5.
    assert contexts.fit([rows(8, 8, wider=0.0001, share=share)], [4.0], (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)) == (k,)


def test_each_organisation_counts_alike_however_many_rows_it_has() -> None:
    large, one = rows(8, 8, wider=0.0001, share=0.9, of=1000), rows(8, 8, wider=0.0001, share=0.5, of=10)
    together = contexts.loss([large, one], [2.0])
    assert together == pytest.approx((contexts.loss([large], [2.0]) + contexts.loss([one], [2.0])) / 2)


def test_a_k_that_is_best_already_stays() -> None:
    assert contexts.fit([rows(8, 8, wider=0.0001, share=0.5)], [8.0], (7.0, 9.0)) == (8.0,)


@pytest.mark.parametrize(
    "rule", [rule for rule in rules().values() if rule.levels[0] in POSSIBLE], ids=lambda rule: rule.name
)
def test_a_rows_probability_is_the_one_that_the_rule_is_judged_by(rule: Rule) -> None:
    past = [
        *days(20),
        *days(9, who="bo", city="Austin", network="50.0.7.0/24"),
        *days(3, "Kyiv", network="50.0.8.0/24"),
    ]
    known = history(past)
    sightings = rarity.sightings(placed(past), known)
    rows = counted(sightings, known, rule)
    assert rows is not None
    surprises = rarity.surprise(once_a_day(sightings, rule), known, rule, rule.levels[0])["surprise"].to_numpy()
    found = -10 * np.log10(contexts.probabilities(rows, [each.k for each in rule.contexts]))
    assert np.sort(found) == pytest.approx(np.sort(surprises), abs=1e-3)


# --- the commands -----------------------------------------------------------------------------------------------------


def dumped(path: Path, *names: str, held: Sequence[str] = ("far_from_usual",)) -> Path:
    """Write organisations of one theft and one innocent each, as `Measured.row` has them."""
    incidents = [
        {"risk": 0.5, "stands_for": [0], "weighed": True, "evidence": list(held)},
        {"risk": 0.1, "stands_for": [], "weighed": True, "evidence": []},
    ]
    rows = [
        {"organisation": name, "seed": 1, "contender": "ours", "weeks": 2.0, "thefts": 1, "ranking": incidents}
        for name in names
    ]
    path.write_text(json.dumps({"measured": [*rows, {"contender": "another"}]}), encoding="utf-8")
    return path


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    return done.output


def test_weights_are_fitted_again_from_a_file(tmp_path: Path) -> None:
    shown = run("weights", "--from", str(dumped(tmp_path / "counted.json", "one", "two")))
    # Two incidents are too few to say anything against the weight it has.
    assert f'    "far_from_usual": {WEIGHTS["far_from_usual"]},  # 2 of 2, 0 of 2' in shown.splitlines()
    assert "and moves a weight by at most 0.0 dB (new_country_for_principal, " in shown


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "was not written by --json of this version; write it again"),
        ('{"measured": []}', "holds no organisation that ours was measured on"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf-8")
    assert run("weights", "--from", str(path), code=1) == f"Error: {path} {says}\n"


def test_evidence_that_is_no_more_is_refused(tmp_path: Path) -> None:
    path = dumped(tmp_path / "old.json", "one", "two", held=["full_moon"])
    with pytest.raises(SettingsError, match=re.escape("does not: full_moon; write it again")):
        read(path, WEIGHTS)


def test_nothing_is_fitted_on_one_organisation(tmp_path: Path) -> None:
    refused = "Error: nothing is fitted on one organisation alone: add a --seed or an --organisation\n"
    assert run("weights", "--from", str(dumped(tmp_path / "one.json", "one")), code=1) == refused
    assert run("k", "--organisation", "small", "--seed", "1", code=1) == refused


def test_a_file_and_a_choice_of_organisations_are_not_for_the_same_run(tmp_path: Path) -> None:
    path = dumped(tmp_path / "counted.json", "one", "two")
    assert run("weights", "--from", str(path), "--seed", "1", code=1) == (
        "Error: --from fits what a file holds: leave out --organisation, --seed and --json\n"
    )


def test_a_run_and_its_file_give_the_same_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")  # the command sets it where it is not set
    path = tmp_path / "counted.json"
    words = [
        "weights",
        "--organisation",
        "small",
        "--seed",
        "1",
        "--seed",
        "2",
        "--processes",
        "1",
        "--json",
        str(path),
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert done.stdout == run("weights", "--from", str(path))
    assert {each.name for each in read(path, WEIGHTS)} == {"small-1", "small-2"}
    assert sum(f'    "{name}": ' in done.stdout for name in WEIGHTS) == len(WEIGHTS)


def test_k_is_fitted_for_every_rule_with_contexts_and_never_worse_than_today() -> None:
    shown = run("k", "--organisation", "small", "--seed", "1", "--seed", "2", "--rule", "unusual_city_for_principal")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines() if "|" in line]
    assert [row[1] for row in cells[2:]] == ["principal", "peers", "account", "organisation"]
    assert float(cells[2][6]) <= float(cells[2][5])
