"""The benchmark of judging compares what it says: equal input, equal surprises, and a difference is seen."""

from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("duckdb", reason="the benchmark's peer needs the dependency group `bench`")

from bench.judge.measure import EVERY_ROW, OURS, PEER, SURPRISES, disagreements, measure
from bench.judge.organisation import Judged, Size, organisation
from prefect_cloudtrail.schema import PLACED, PLACES, PRESENCES, USUAL, check

SMALL = Size(principals=40, robots=12, accounts=5, commands=300, cities=30, networks=200, events=4_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("judged")
    organisation(1, SMALL).write(home)
    return home


def test_the_organisation_is_what_a_run_would_hand_to_the_rules(folder: Path) -> None:
    drawn = Judged.read(folder)
    assert check(drawn.placed.collect(), PLACED, "PLACED").height == SMALL.events
    for frame, schema in ((drawn.usual, USUAL), (drawn.learned, PRESENCES), (drawn.places, PLACES)):
        assert not check(frame.collect(), schema, "what is known").is_empty()


def test_ours_and_the_peer_are_equally_surprised_and_a_difference_is_seen(folder: Path) -> None:
    for contender in (EVERY_ROW, PEER):
        measure(contender, folder)
    compared, differ = disagreements(folder)
    assert compared > SMALL.principals
    assert differ == 0
    theirs = pl.read_parquet(folder / SURPRISES[PEER])
    theirs.with_columns(pl.col("surprise") + 0.01).write_parquet(folder / SURPRISES[PEER])
    assert disagreements(folder) == (compared, compared)


def test_judging_and_incidents_are_timed_apart(folder: Path) -> None:
    measured = measure(OURS, folder)
    assert set(measured.seconds) == {"judging", "incidents"}
    assert measured.counted["events"] == SMALL.events
    assert 0 < measured.counted["incidents"] <= measured.counted["findings"]
