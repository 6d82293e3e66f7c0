"""What is committed comes back equal, once, or not at all."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import obstore
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy.exc import StatementError
from store.backends import Backend, bucket
from store.case_builders import (
    HOUR,
    NOW,
    a_change,
    an_alert,
    an_incident,
    commit,
    index,
    objects,
    place,
    presences,
    rejected,
    seen,
    usual,
)

from prefect_cloudtrail import schema
from prefect_cloudtrail.errors import CloudTrailResponseError, StateError
from prefect_cloudtrail.store import LEDGER, FileEntry, FileKind, FolderHome, Store
from prefect_cloudtrail.versions import VERSION


def shorten(backend: Backend, name: str) -> None:
    """Cut the last byte off a file."""
    if backend.endpoint:
        store, key = bucket(backend.endpoint), f"{backend.state}/{name}"
        obstore.put(store, key, bytes(obstore.get(store, key).bytes())[:-1])
    else:
        path = Path(backend.state) / name
        path.write_bytes(path.read_bytes()[:-1])


FULL = a_change(
    objects=objects("a.json", "b.json", read_until=NOW),
    rejected=rejected(["bad_json", "no_event_time"]),
    seen=seen("event-1", "event-2"),
    presences=presences("ana", "ben"),
    index=index("event-1", "event-2"),
    places=place("Kyiv, 30, UA", 50.45),
    incidents=[an_incident("incident-1", an_alert(), an_alert("alert-2"))],
    tell=[("incident-1", 1)],
    usual=usual("Kyiv, 30, UA"),
    usual_until=date(2026, 1, 31),
)


def test_a_new_state_knows_nothing(store: Store) -> None:
    assert (store.kind, store.checkpoint(), store.usual_until()) == ("live", None, None)
    assert (store.incidents(), store.to_tell(), store.runs(), store.outbox_pending()) == ([], [], [], [])
    assert_frame_equal(store.ledger(), schema.empty(LEDGER))
    assert_frame_equal(store.scan("presences").collect(), presences())
    assert_frame_equal(store.scan("index", since=NOW).collect(), index())


def test_everything_comes_back_equal_after_reopening(backend: Backend) -> None:
    with backend.open() as store:
        commit(store, FULL)

    with backend.open() as store:
        assert (store.checkpoint(), store.usual_until()) == (NOW, date(2026, 1, 31))
        assert_frame_equal(store.ledger(), FULL.objects.select(list(LEDGER)))
        assert_frame_equal(store.rejected(), FULL.rejected)
        assert_frame_equal(store.scan("seen").collect(), FULL.seen)
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
        "version": VERSION,
        "summary": {"rejected": {"bad_json": 1}},
    }


def test_a_state_is_known_by_its_first_run(store: Store) -> None:
    assert store.identity() is None
    commit(store, a_change("run-9"), a_change("run-1"))
    assert store.identity() == "run-9"


def test_the_same_run_again_changes_nothing(store: Store, backend: Backend) -> None:
    commit(store, FULL)
    before = backend.files()
    commit(store, FULL)
    assert backend.files() == before
    assert store.scan("presences").collect().height == 2
    assert store.rejected().height == 2
    assert len(store.runs()) == 1


def test_the_same_content_in_another_run_is_kept_once(store: Store) -> None:
    commit(store, FULL, replace(FULL, run_id="run-2"))
    assert (store.ledger().height, store.places().height) == (2, 1)
    assert store.incidents() == FULL.incidents
    assert store.to_tell() == [("incident-1", 1)]


def test_an_object_read_further_keeps_one_row(store: Store) -> None:
    commit(
        store,
        a_change("run-1", objects=objects("a.json", size=10, read_until=NOW)),
        a_change("run-2", objects=objects("a.json", size=20)),
    )
    assert store.ledger().rows() == [("a.json", 20, None)]


def test_objects_are_asked_for_by_their_delivery(store: Store) -> None:
    early, late, unknown = objects("a.json", delivered=NOW - HOUR), objects("b.json", delivered=NOW), objects("c.json")
    commit(store, a_change(objects=pl.concat([early, late, unknown])))
    assert store.ledger()["log.file.path"].to_list() == ["a.json", "b.json", "c.json"]
    assert store.ledger(delivered_since=NOW)["log.file.path"].to_list() == ["b.json", "c.json"]
    assert store.ledger(NOW - HOUR).height == 3


def test_an_object_of_which_rows_were_left_says_since_when_to_list(store: Store) -> None:
    read, left = objects("a.json", delivered=NOW - HOUR), objects("b.json", delivered=NOW, read_until=NOW)
    commit(store, a_change("run-1", objects=read))
    assert store.left_since() is None
    commit(store, a_change("run-2", objects=left))
    assert store.left_since() == NOW


def test_an_object_delivered_again_keeps_one_row(store: Store) -> None:
    commit(store, a_change("run-1", objects=objects("a.json", delivered=NOW - HOUR)))
    commit(store, a_change("run-2", objects=objects("a.json", delivered=NOW)))
    assert store.ledger(NOW)["log.file.path"].to_list() == ["a.json"]


def test_of_a_place_the_first_one_wins(store: Store) -> None:
    commit(store, a_change("run-1", places=place("Berlin, BE, DE", 52.5)))
    commit(store, a_change("run-2", places=place("Berlin, BE, DE", 9.9)))
    assert store.places()["source.geo.location.lat"].to_list() == [52.5]


def test_the_newest_ten_thousand_rejected_are_kept(store: Store) -> None:
    commit(store, a_change("run-1", rejected=rejected(f"old {number}" for number in range(5))))
    commit(store, a_change("run-2", rejected=rejected(f"new {number}" for number in range(9_998))))
    reasons = store.rejected()["reason"]
    assert (len(reasons), reasons[0], reasons[2], reasons[-1]) == (10_000, "old 3", "new 0", "new 9997")


def test_usual_counts_replace_those_before(store: Store, backend: Backend) -> None:
    commit(store, a_change("run-1", usual=usual("Berlin"), usual_until=date(2026, 1, 30)))
    commit(store, a_change("run-2", usual=usual("Berlin", "Kyiv"), usual_until=date(2026, 1, 31)))
    commit(store, a_change("run-3"))
    assert store.scan("usual").collect()["outcome"].to_list() == ["Berlin", "Kyiv"]
    assert store.usual_until() == date(2026, 1, 31)
    assert len(backend.files()) == 1


def test_a_replacement_stands_for_the_files_it_drops(store: Store, backend: Backend) -> None:
    commit(store, a_change("run-1", presences=presences("ana")), a_change("run-2", presences=presences("ben")))
    names = [entry.name for entry in store.files("presences")]
    commit(store, a_change("run-3", drop_files=names, replacements=[presences("ana", "ben")]))
    (entry,) = store.files("presences")
    assert (entry.rows, entry.first, entry.last) == (2, NOW, NOW)
    assert backend.files() == {entry.name}
    assert store.scan("presences").collect()["principal"].to_list() == ["ana", "ben"]


def test_only_files_that_reach_the_time_are_scanned(store: Store) -> None:
    commit(store, a_change("run-1", index=index("early", at=NOW - HOUR)), a_change("run-2", index=index("late")))
    found = [store.scan("index", since).collect()["event.id"].to_list() for since in (NOW - HOUR, NOW, NOW + HOUR)]
    assert found == [["early", "late"], ["late"], []]


@pytest.mark.parametrize("kind", ["presences", "index", "seen"])
def test_a_missing_or_shortened_file_is_named(backend: Backend, kind: FileKind) -> None:
    with backend.open() as store:
        commit(store, FULL)
        name = store.files(kind)[0].name
    shorten(backend, name)
    with backend.read_only() as store, pytest.raises(StateError, match=rf"{name} has .* bytes, not the .* restore it"):
        store.scan(kind)
    backend.home().remove([name])
    with backend.read_only() as store, pytest.raises(StateError, match=rf"{name}.*the case store names.*restore it"):
        store.scan(kind)


def test_files_that_are_merged_while_they_are_asked_for_are_asked_for_anew(state: Path) -> None:
    class Meanwhile(FolderHome):
        def paths(self, entries: Sequence[FileEntry]) -> list[Path]:
            if len(entries) == 2:
                merged = a_change("run-3", drop_files=[entry.name for entry in entries], replacements=[both])
                commit(writer, merged)
            return super().paths(entries)

    both = presences("ana", "ben")
    with Store.open(state) as writer, Store.read_only(Meanwhile(state)) as reader:
        commit(writer, a_change("run-1", presences=presences("ana")), a_change("run-2", presences=presences("ben")))
        assert_frame_equal(reader.scan("presences").collect(), both)


def test_a_state_in_a_folder_with_an_odd_name_is_read(tmp_path: Path) -> None:
    with Store.open(tmp_path / "account=1 [100%] *") as store:
        commit(store, FULL)
        assert_frame_equal(store.scan("index").collect(), FULL.index)


def test_files_that_nobody_names_are_swept(store: Store, backend: Backend) -> None:
    commit(store, FULL)
    named = backend.files()
    with closing(backend.home()) as home:
        home.write("index/stray.parquet", index("event-9").lazy())
    assert store.sweep(timedelta(minutes=5)) == []
    assert store.sweep() == ["index/stray.parquet"]
    assert backend.files() == named


def test_what_is_no_file_of_the_state_is_left_alone(state: Path) -> None:
    with Store.open(state) as store:
        (state / "notes.txt").touch()
        (state / "index" / "notes.txt").touch()
        assert store.sweep() == []
    assert (state / "notes.txt").exists()
    assert (state / "index" / "notes.txt").exists()


def test_files_of_another_state_are_not_swept(backend: Backend, tmp_path: Path) -> None:
    with backend.open() as store:
        commit(store, FULL)
        files = backend.files()
        with Store.open(tmp_path / "other") as other:
            commit(other, FULL)
            mistaken = Store(backend.home(), other._database, "live")  # noqa: SLF001  # as a wrong --database would
            with pytest.raises(StateError, match=r"holds other files than .* names: give the --state and the --data"):
                mistaken.sweep()
        assert backend.files() == files


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
        ({"replacements": [objects("a.json")]}, CloudTrailResponseError, "no kind of file"),
    ],
)
def test_a_change_that_cannot_be_stored_leaves_nothing(
    store: Store, fields: dict[str, object], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        commit(store, replace(FULL, **fields))  # type: ignore[arg-type]
    store.sweep()
    assert (store.runs(), store.checkpoint(), store.incidents(), store.to_tell()) == ([], None, [], [])
    assert (store.ledger().height, store.scan("presences").collect().height) == (0, 0)
    assert set(store.home.found()) == set()


def test_any_text_comes_back_as_it_was(store: Store) -> None:
    odd = "a\0b \u2400 \u202e 'quoted\" \\ %s :name {x} \U0001f600"
    incident = an_incident(odd, an_alert(odd, odd, principal=odd, event_ids=(odd,)), principal=odd, summary=odd)
    commit(store, a_change(objects=objects(odd), seen=seen(odd), incidents=[incident], tell=[(odd, 1)]))
    assert store.ledger()["log.file.path"].to_list() == [odd]
    assert_frame_equal(store.scan("seen").collect(), seen(odd))
    assert store.incidents(ids=[odd]) == [incident]
    assert store.to_tell() == [(odd, 1)]


def test_texts_are_in_the_order_of_their_code_points(store: Store) -> None:
    names = ["b", "A", "a", "_", "\u00e4", "B", "1", "a b", "a/b", "\U0001f600", "\ufb01"]
    commit(store, a_change(objects=objects(*names)))
    assert store.ledger()["log.file.path"].to_list() == sorted(names)


def test_usual_counts_need_their_day() -> None:
    with pytest.raises(CloudTrailResponseError, match="come together"):
        a_change(usual=usual("Berlin"))


def test_a_file_of_several_row_groups_comes_back_in_order(store: Store) -> None:
    many = presences("ana").sample(150_000, with_replacement=True)
    many = many.with_columns(principal=pl.int_range(pl.len()).cast(pl.String))
    commit(store, a_change(presences=many))
    assert_frame_equal(store.scan("presences").collect(), many)
