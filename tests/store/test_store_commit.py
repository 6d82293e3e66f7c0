"""What is committed comes back equal, once, or not at all."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy.exc import StatementError
from store.case_builders import (
    HOUR,
    NOW,
    a_change,
    an_alert,
    an_incident,
    commit,
    event_keys,
    index,
    objects,
    place,
    presences,
    rejected,
    usual,
)

from prefect_cloudtrail import schema
from prefect_cloudtrail.errors import CloudTrailResponseError, StateError
from prefect_cloudtrail.store import LEDGER, FileKind, Store

FULL = a_change(
    objects=objects("a.json", "b.json", read_until=NOW),
    rejected=rejected(["bad_json", "no_event_time"]),
    event_keys=event_keys("event-1", "event-2"),
    presences=presences("ana", "ben"),
    index=index("event-1", "event-2"),
    places=place("Kyiv, 30, UA", 50.45),
    incidents=[an_incident("incident-1", an_alert(), an_alert("alert-2"))],
    tell=[("incident-1", 1)],
    usual=usual("Kyiv, 30, UA"),
    usual_until=date(2026, 1, 31),
)


def parquet(state: Path) -> set[str]:
    return {str(path.relative_to(state)) for path in state.rglob("*.parquet")}


def test_a_new_state_knows_nothing(store: Store) -> None:
    assert (store.kind, store.checkpoint(), store.usual_until()) == ("live", None, None)
    assert (store.incidents(), store.to_tell(), store.runs(), store.outbox_pending()) == ([], [], [], [])
    assert_frame_equal(store.ledger(), schema.empty(LEDGER))
    assert_frame_equal(store.scan("presences").collect(), presences())
    assert_frame_equal(store.scan("index", since=NOW).collect(), index())


def test_everything_comes_back_equal_after_reopening(state: Path) -> None:
    with Store.open(state) as store:
        commit(store, FULL)

    with Store.open(state) as store:
        assert (store.checkpoint(), store.usual_until()) == (NOW, date(2026, 1, 31))
        assert_frame_equal(store.ledger(), FULL.objects.select(list(LEDGER)))
        assert_frame_equal(store.rejected(), FULL.rejected)
        assert_frame_equal(store.event_keys(), FULL.event_keys)
        assert_frame_equal(store.places(), FULL.places)
        assert_frame_equal(store.scan("presences").collect(), FULL.presences)
        assert_frame_equal(store.scan("index").collect(), FULL.index)
        assert_frame_equal(store.scan("usual").collect(), usual("Kyiv, 30, UA"))
        assert store.incidents() == FULL.incidents
        assert store.to_tell() == [("incident-1", 1)]


def test_the_run_log_is_newest_first(store: Store) -> None:
    commit(store, a_change("run-1"), a_change("run-2", summary={"rejected": {"bad_json": 1}}), a_change("run-3"))
    assert [run["run_id"] for run in store.runs(limit=2)] == ["run-3", "run-2"]
    assert store.runs()[1] == {
        "run_id": "run-2",
        "window": (NOW - HOUR, NOW),
        "checkpoint": NOW,
        "summary": {"rejected": {"bad_json": 1}},
    }


def test_the_same_run_again_changes_nothing(store: Store, state: Path) -> None:
    commit(store, FULL)
    before = parquet(state)
    commit(store, FULL)
    assert parquet(state) == before
    assert store.scan("presences").collect().height == 2
    assert store.rejected().height == 2
    assert len(store.runs()) == 1


def test_the_same_content_in_another_run_is_kept_once(store: Store) -> None:
    commit(store, FULL, replace(FULL, run_id="run-2"))
    assert (store.ledger().height, store.event_keys().height, store.places().height) == (2, 2, 1)
    assert store.incidents() == FULL.incidents
    assert store.to_tell() == [("incident-1", 1)]


def test_an_object_read_further_keeps_one_row(store: Store) -> None:
    commit(
        store,
        a_change("run-1", objects=objects("a.json", size=10, read_until=NOW)),
        a_change("run-2", objects=objects("a.json", size=20)),
    )
    assert store.ledger().rows() == [("a.json", 20, None)]


def test_event_keys_before_the_look_back_are_forgotten(store: Store) -> None:
    commit(store, a_change("run-1", event_keys=event_keys("old", at=NOW - HOUR)))
    commit(store, a_change("run-2", event_keys=event_keys("new"), forget_event_keys_before=NOW))
    assert store.event_keys()["key"].to_list() == ["new"]


def test_of_a_place_the_first_one_wins(store: Store) -> None:
    commit(store, a_change("run-1", places=place("Berlin, BE, DE", 52.5)))
    commit(store, a_change("run-2", places=place("Berlin, BE, DE", 9.9)))
    assert store.places()["source.geo.location.lat"].to_list() == [52.5]


def test_the_newest_ten_thousand_rejected_are_kept(store: Store) -> None:
    commit(store, a_change("run-1", rejected=rejected(f"old {number}" for number in range(5))))
    commit(store, a_change("run-2", rejected=rejected(f"new {number}" for number in range(9_998))))
    reasons = store.rejected()["reason"]
    assert (len(reasons), reasons[0], reasons[2], reasons[-1]) == (10_000, "old 3", "new 0", "new 9997")


def test_usual_counts_replace_those_before(store: Store, state: Path) -> None:
    commit(store, a_change("run-1", usual=usual("Berlin"), usual_until=date(2026, 1, 30)))
    commit(store, a_change("run-2", usual=usual("Berlin", "Kyiv"), usual_until=date(2026, 1, 31)))
    commit(store, a_change("run-3"))
    assert store.scan("usual").collect()["outcome"].to_list() == ["Berlin", "Kyiv"]
    assert store.usual_until() == date(2026, 1, 31)
    assert len(parquet(state)) == 1


def test_a_replacement_stands_for_the_files_it_drops(store: Store, state: Path) -> None:
    commit(store, a_change("run-1", presences=presences("ana")), a_change("run-2", presences=presences("ben")))
    names = [entry.name for entry in store.files("presences")]
    commit(store, a_change("run-3", drop_files=names, replacement=presences("ana", "ben")))
    (entry,) = store.files("presences")
    assert (entry.rows, entry.first, entry.last) == (2, NOW, NOW)
    assert parquet(state) == {entry.name}
    assert store.scan("presences").collect()["principal"].to_list() == ["ana", "ben"]


def test_only_files_that_reach_the_time_are_scanned(store: Store) -> None:
    commit(store, a_change("run-1", index=index("early", at=NOW - HOUR)), a_change("run-2", index=index("late")))
    found = [store.scan("index", since).collect()["event.id"].to_list() for since in (NOW - HOUR, NOW, NOW + HOUR)]
    assert found == [["early", "late"], ["late"], []]


@pytest.mark.parametrize("kind", ["presences", "index"])
def test_a_missing_or_shortened_file_is_named(store: Store, state: Path, kind: FileKind) -> None:
    commit(store, FULL)
    path = state / store.files(kind)[0].name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StateError, match=f"{path} has .* bytes"):
        store.scan(kind)
    path.unlink()
    with pytest.raises(StateError, match=f"cannot read {path}"):
        store.scan(kind)


def test_a_state_in_a_folder_with_an_odd_name_is_read(tmp_path: Path) -> None:
    with Store.open(tmp_path / "account=1 [100%] *") as store:
        commit(store, FULL)
        assert_frame_equal(store.scan("index").collect(), FULL.index)


def test_files_that_nobody_names_are_swept(store: Store, state: Path) -> None:
    commit(store, FULL)
    named, stray = parquet(state), state / "index" / "stray.parquet"
    stray.touch()
    (state / "notes.txt").touch()
    assert store.sweep(timedelta(minutes=5)) == []
    assert store.sweep() == ["index/stray.parquet"]
    assert parquet(state) == named
    assert (state / "notes.txt").exists()


@pytest.mark.parametrize(
    ("fields", "error", "reason"),
    [
        ({"drop_files": ["index/unknown.parquet"]}, StateError, "does not name"),
        ({"tell": [("incident-1", 2)]}, StateError, "(?i)foreign key"),
        ({"incidents": [an_incident(risk=float("nan"))]}, StateError, "not finite"),
        ({"incidents": [an_incident("other", an_alert())]}, StateError, "alert-1 is of incident incident-1, not other"),
        ({"incidents": [an_incident("incident-1", an_alert(score=float("nan")))]}, StateError, "score is not finite"),
        ({"checkpoint": NOW.replace(tzinfo=None)}, StatementError, "no time zone"),
        ({"index": presences("ana")}, CloudTrailResponseError, "not INDEX"),
        ({"replacement": objects("a.json")}, CloudTrailResponseError, "no kind of file"),
    ],
)
def test_a_change_that_cannot_be_stored_leaves_nothing(
    store: Store, fields: dict[str, object], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        commit(store, replace(FULL, **fields))  # type: ignore[arg-type]
    store.sweep()
    assert (store.runs(), store.checkpoint(), store.incidents(), store.to_tell()) == ([], None, [], [])
    assert (store.ledger().height, store.event_keys().height, store.scan("presences").collect().height) == (0, 0, 0)
    assert parquet(store.state) == set()


def test_usual_counts_need_their_day() -> None:
    with pytest.raises(CloudTrailResponseError, match="come together"):
        a_change(usual=usual("Berlin"))


def test_a_file_of_several_row_groups_comes_back_in_order(store: Store) -> None:
    many = presences("ana").sample(150_000, with_replacement=True)
    many = many.with_columns(principal=pl.int_range(pl.len()).cast(pl.String))
    commit(store, a_change(presences=many))
    assert_frame_equal(store.scan("presences").collect(), many)
