"""The benchmark judges as it says, and runs."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("scipy", reason="the benchmark's peer needs the dependency group `bench`")
pytest.importorskip("matplotlib", reason="the benchmark's pictures need the dependency group `bench`")

from bench.quality.__main__ import main
from bench.quality.calibration import Band
from bench.quality.elastic import BUCKET_SECONDS, probability_of, rare_commands, raw_score, slice_means
from bench.quality.judge import Figures, Labelled, Raised, RaisedAlert, Reading, curve, judge, rank
from bench.quality.measure import CONTENDERS, Measured
from bench.quality.peers import Sighting, first_seen
from bench.quality.pictures import PRECISION_RECALL, RELIABILITY, draw, interval
from bench.quality.real import RECORDS, attacks
from bench.quality.tables import each_shape, table
from bench.quality.weights import Ratio, ratios
from bench.quality.worlds import SHAPES, World, generated, prepare
from prefect_cloudtrail.demo import KINDS

ROOT = Path(__file__).parents[1]
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def theft(number: int = 0, events: int = 10, *, detectable: bool = True) -> Labelled:
    ids = frozenset(f"theft-{number}-{event}" for event in range(events))
    return Labelled(number, f"kind-{number}", NOON, NOON + timedelta(minutes=2), detectable, ids)


def raised(
    risk: float = 0.5,
    *,
    of_theft: int = 0,
    stolen: int = 1,
    others: int = 0,
    began: timedelta = timedelta(),
    alerted: timedelta = timedelta(minutes=30),
) -> Raised:
    ids = (*(f"theft-{of_theft}-{event}" for event in range(stolen)), *(f"own-{event}" for event in range(others)))
    return Raised(risk, ids, NOON + began, NOON + timedelta(hours=1), (RaisedAlert(ids[:1], NOON + alerted),))


def figures(incidents: Sequence[Raised], thefts: Sequence[Labelled]) -> Figures:
    return judge(rank(incidents, thefts, NOON), thefts)


# --- the judge --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("others", "found"), [(9, 1), (10, 0)])
def test_an_incident_stands_for_a_theft_from_a_tenth_of_its_events(others: int, found: int) -> None:
    assert figures([raised(others=others)], [theft()]).found == found


@pytest.mark.parametrize(("hours", "found"), [(48, 1), (48.1, 0)])
def test_an_incident_that_began_long_before_does_not_stand_for_a_theft(hours: float, found: int) -> None:
    assert figures([raised(began=-timedelta(hours=hours))], [theft()]).found == found


@pytest.mark.parametrize(("minutes", "timely"), [(62, 1), (63, 0)])
def test_an_alert_is_timely_within_an_hour_of_the_third_event(minutes: int, timely: int) -> None:
    assert figures([raised(alerted=timedelta(minutes=minutes))], [theft()]).timely == timely


def test_a_theft_that_no_city_shows_counts_neither_for_nor_against() -> None:
    judged = figures([raised(0.9)], [theft(detectable=False)])
    assert (judged.thefts, judged.incidents, judged.told_false, judged.average_precision) == (0, 0, 0, None)


def test_of_equal_risk_the_false_is_read_first() -> None:
    judged = figures([raised(0.5), raised(0.5, stolen=0, others=3)], [theft()])
    assert (judged.average_precision, judged.read_per_true) == (0.5, 2)


@pytest.mark.parametrize(("risk", "told"), [(0.2, (1, 1)), (0.19, (0, 0))])
def test_told_is_what_is_rated_a_fifth_or_more(risk: float, told: tuple[int, int]) -> None:
    judged = figures([raised(risk), raised(risk, stolen=0, others=3)], [theft()])
    assert (judged.told_thefts, judged.told_false) == told


def test_what_ended_in_the_learning_days_is_not_judged() -> None:
    assert rank([raised()], [theft()], NOON + timedelta(hours=2)) == []


def test_reading_has_no_end_while_a_theft_is_missed() -> None:
    judged = figures([raised()], [theft(0), theft(1)])
    assert (judged.found, judged.read_per_true, judged.missed) == (1, None, ("kind-1",))


# --- the peers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probability", [0.04, 1e-3, 1e-4, 1e-20, 1e-50])
def test_a_raw_score_is_worth_its_probability(probability: float) -> None:
    assert math.isclose(probability_of(raw_score(probability)), probability, rel_tol=1e-9)


def test_slices_of_a_share_average_to_the_share() -> None:
    assert math.isclose(float(slice_means(3, 17, 7).mean()), 0.15, rel_tol=1e-9)


def test_elastics_formula_scores_a_rare_command_in_a_busy_city_and_is_silent_in_a_new_one() -> None:
    usual = [(hour * BUCKET_SECONDS, "Berlin", f"Describe{command}") for hour in range(600) for command in range(4)]
    then = 600 * BUCKET_SECONDS
    attack = [(then, city, command) for city in ("Berlin", "Kyiv") for command in ("CreateUser", "CreateAccessKey")]
    scored = [record for record in rare_commands([*usual, *attack]) if record.bucket == then and record.score >= 50]
    assert {record.city for record in scored} == {"Berlin"}
    assert {record.action for record in scored} == {"CreateUser", "CreateAccessKey"}


def test_the_list_opens_once_for_each_principal_and_city_for_two_days() -> None:
    seen = [
        Sighting(NOON + timedelta(hours=hour), city, "ListUsers", "arn", f"{city} {hour}")
        for hour, city in ((0, "Berlin"), (47, "Berlin"), (48, "Berlin"), (50, "Kyiv"))
    ]
    assert [incident.event_ids for incident in first_seen(seen)] == [("Berlin 0", "Berlin 47"), ("Kyiv 50",)]


# --- what comes of it -------------------------------------------------------------------------------------------------


def test_evidence_seen_equally_often_weighs_nothing() -> None:
    assert Ratio("any", true=7, all_true=10, false=7, all_false=10).decibans == 0
    assert Ratio("any", true=10, all_true=10, false=0, all_false=10).decibans == pytest.approx(6.37, abs=0.01)


def test_evidence_is_counted_over_true_and_false_incidents_apart() -> None:
    true = Raised(0.9, ("theft-0-0",), NOON, NOON, (), evidence=("short_visit",))
    false = Raised(0.1, ("own-0",), NOON, NOON, (), evidence=("settled_here",))
    first, *_, last = ratios([rank([true, false], [theft()], NOON)])
    assert (first.name, first.true, first.false) == ("short_visit", 1, 0)
    assert (last.name, last.true, last.false) == ("settled_here", 0, 1)


def test_a_table_is_aligned_markdown() -> None:
    assert table(("organisation", "seed"), [("a", "10")]) == (
        "| organisation | seed |\n| ------------ | ---: |\n| a            |   10 |"
    )


@pytest.mark.parametrize("shape", list(SHAPES))
def test_every_shape_has_thefts_in_two_judged_weeks_and_over_its_seeds_every_kind(shape: str) -> None:
    worlds = [generated(shape, seed) for seed in range(12)]
    dealt = [world.organisation.thefts for world in worlds if world.organisation]
    assert {world.weeks for world in worlds} == {2}
    assert all(6 <= len(kinds) <= 12 and len(set(kinds)) == len(kinds) for kinds in dealt)
    assert {kind for kinds in dealt for kind in kinds} == set(KINDS)


def test_the_kinds_that_are_named_are_the_thefts() -> None:
    organisation = generated("small", 1, ("slow", "hosting")).organisation
    assert organisation is not None
    assert (organisation.thefts, organisation.replays) == (("slow", "hosting"), ())


def test_attacks_of_real_records_are_replayed() -> None:
    if not RECORDS.exists():
        pytest.skip(f"{RECORDS} is absent: attacks of real records are read from there")
    organisation = generated("small", 1).organisation
    assert organisation is not None
    assert len(organisation.replays) == 2
    assert len(attacks()) > 10
    assert {step.error for attack in attacks() for step in attack.steps} > {None}


def test_without_the_records_there_are_no_attacks_of_them(tmp_path: Path) -> None:
    assert attacks(tmp_path) == ()


@pytest.mark.parametrize(("learn_until", "counts"), [(NOON, True), (NOON + timedelta(seconds=1), False)])
def test_a_theft_of_the_learning_days_does_not_count(tmp_path: Path, learn_until: datetime, counts: bool) -> None:
    told = {"incident": 0, "kind": "slow", "start": NOON.isoformat(), "third_event": NOON.isoformat()}
    (tmp_path / "incidents.ndjson").write_text(json.dumps({**told, "detectable_by_city": True}), encoding="utf-8")
    (tmp_path / "labels.ndjson").write_text(json.dumps({"eventID": "one", "incident": 0}), encoding="utf-8")
    world = World("folder", None, learn_until, NOON + timedelta(days=1), folder=tmp_path)
    (found,) = prepare(world, tmp_path).thefts
    assert (found.detectable, found.event_ids) == (counts, frozenset({"one"}))


def test_the_command_prints_a_table_and_writes_rows_for_all_contenders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, rows = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text("# Page\n<!-- measured -->\nstale\n<!-- end of measured -->\nend\n", encoding="utf-8")
    words = ["--organisation", "small", "--seed", "1", "--theft", "far_new_city", "--processes", "1"]
    words += ["--json", str(rows), "--page", str(page)]
    images = tmp_path / "images"
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")  # the command sets it where it is not set
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    measured = json.loads(rows.read_text(encoding="utf-8"))["measured"]
    assert [row["contender"] for row in measured] == list(CONTENDERS)
    assert [row["thefts"] for row in measured] == [1, 1, 1]
    assert measured[0]["found"] == measured[2]["found"] == 1
    written = page.read_text(encoding="utf-8")
    assert done.stdout.strip() in written
    assert "Measured by `uv run --group bench python -m bench.quality --organisation small --seed 1 " in written
    assert {name for name in (PRECISION_RECALL, RELIABILITY) if f"](images/{name})" in written} == {
        path.name for path in images.iterdir()
    }
    assert (written.startswith("# Page"), written.endswith("end\n"), "stale" in written) == (True, True, False)


def measured_by(contender: str, ranking: Sequence[Raised]) -> Measured:
    stolen = [theft(0), theft(1)]
    ranked = rank(ranking, stolen, NOON)
    world = World("folder", None, NOON, NOON + timedelta(days=14))
    return Measured(world, contender, judge(ranked, stolen), tuple(ranked), {0: "kind-0", 1: "kind-1"}, 1.0)


def test_the_pictures_are_png_of_a_width_that_reads_and_the_same_each_time(tmp_path: Path) -> None:
    ranking = [raised(0.9), raised(0.3, of_theft=1), raised(0.3, stolen=0, others=3), raised(0.01, stolen=0, others=3)]
    measured = [measured_by(contender, ranking) for contender in CONTENDERS]
    first, again = draw(measured, tmp_path / "first"), draw(measured, tmp_path / "again")
    assert [path.name for path in first] == [PRECISION_RECALL, RELIABILITY]
    for path, other in zip(first, again, strict=True):
        content = path.read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(content[16:20]) == 1200  # IHDR's width
        assert content == other.read_bytes()
        assert b"tEXt" not in content


def test_pictures_are_drawn_where_there_is_nothing_to_show(tmp_path: Path) -> None:
    found = draw([measured_by(contender, []) for contender in CONTENDERS], tmp_path)
    assert all(path.stat().st_size for path in found)


def test_a_curve_has_one_point_a_risk_and_reads_all_organisations_together() -> None:
    one = rank([raised(0.9), raised(0.5, stolen=0, others=3)], [theft(0)], NOON)
    two = rank([raised(0.5), raised(0.9, stolen=0, others=3)], [theft(0)], NOON)
    assert curve([one, two], 4) == [Reading(0.9, 0.25, 0.5), Reading(0.5, 0.5, 0.5)]


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert interval(Band(0.0, 0.05, incidents=10, thefts=0, mean_risk=0.01)) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert interval(Band(0.4, 0.6, incidents=100, thefts=50, mean_risk=0.5)) == pytest.approx(
        (0.4038, 0.5962), abs=1e-4
    )


@pytest.mark.parametrize(("seeds", "shown"), [((1, 2, 3), "1-3"), ((4,), "4"), ((1, 3), "1, 3"), ((None,), "-")])
def test_a_shapes_row_says_which_seeds_it_is_the_mean_of(seeds: Sequence[int | None], shown: str) -> None:
    measured = [
        replace(each, world=replace(each.world, seed=seed))
        for seed in seeds
        for each in [measured_by(contender, [raised()]) for contender in CONTENDERS]
    ]
    assert each_shape(measured).splitlines()[2].split("|")[2].strip() == shown


def test_the_page_shows_every_shape_and_contender() -> None:
    shown = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines()]
    assert {(row[0], row[2]) for row in cells if row[0] in SHAPES and len(row) > 2} == {
        (shape, contender) for shape in SHAPES for contender in CONTENDERS
    }
