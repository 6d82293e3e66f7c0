"""A backup holds the whole state as it was at one moment, and only a whole one is made a state again."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal
from response_cases import a_plan
from store.backends import Backend, assert_tables_are_those_of_the_program
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

from prefect_cloudtrail.errors import NewerStateError, StateError
from prefect_cloudtrail.feedback import Answer
from prefect_cloudtrail.store import Backup, FolderHome, Store
from prefect_cloudtrail.store import backup as backups
from prefect_cloudtrail.store.backup import OF_THE_MOMENT
from prefect_cloudtrail.store.files import KINDS
from prefect_cloudtrail.store.tables import METADATA

TESTS = Path(__file__).parents[1]


def full(store: Store) -> None:
    """Give a state a row of everything a run and a person can leave, a text that PostgreSQL cannot hold among them."""
    incident = an_incident("incident-1", an_alert(command="iam:\0CreateUser"))
    first = a_change(
        objects=objects("a.json", delivered=NOW, read_until=NOW),
        seen=seen("one", "two"),
        presences=presences("ana"),
        index=index("event-1"),
        usual=usual("Kyiv, 30, UA"),
        usual_until=NOW.date(),
        places=place("Kyiv, 30, UA", 50.45),
        rejected=rejected(["not_json"]),
        incidents=[incident],
        tell=[("incident-1", 1)],
    )
    commit(store, first)
    store.outbox_write("incident-1", 1, "terminal", "deploy called iam:CreateUser", NOW)
    store.add_verdict("incident-1", Answer.EXPECTED, by="maria", why="the release", at=NOW)


def held(store: Store) -> tuple[dict[str, list[tuple[Any, ...]]], dict[str, pl.DataFrame]]:
    """Return all that a state holds, but who is at work."""
    with store._database.reading() as connection:  # noqa: SLF001  # every table, whoever reads it
        tables = {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
            if table.name not in OF_THE_MOMENT
        }
    return tables, {kind: store.scan(kind).collect() for kind in KINDS}


def assert_holds_the_same(store: Store, other: Store) -> None:
    (tables, frames), (others, other_frames) = held(store), held(other)
    assert tables == others
    for kind in KINDS:
        assert_frame_equal(frames[kind], other_frames[kind])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def backed_up(tmp_path: Path) -> Path:
    """Return a whole backup's folder."""
    with Store.open(tmp_path / "backed-up") as store:
        full(store)
        store.back_up(tmp_path / "backup", NOW)
    return tmp_path / "backup"


# --- there and back ---------------------------------------------------------------------------------------------------


def test_a_state_is_made_again_as_it_was(store: Store, tmp_path: Path) -> None:
    full(store)
    made = store.back_up(tmp_path / "backup", NOW)
    assert Store.restore(tmp_path / "backup", tmp_path / "again", None, NOW) == made
    with Store.open(tmp_path / "again") as again:
        assert_holds_the_same(again, store)
        assert again.sweep() == []
    assert_tables_are_those_of_the_program(f"sqlite:///{tmp_path / 'again' / 'cases.db'}")


@pytest.mark.parametrize("where", ["postgresql", "bucket"])
def test_a_state_moves_from_sqlite_to_a_server(where: str, database: str, s3: str, tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    new = Backend(str(tmp_path / "again"), database) if where == "postgresql" else Backend("again", database, s3)
    Store.restore(folder, new.home(), database, NOW)
    with new.open() as again, Store.read_only(tmp_path / "backed-up") as store:
        assert_holds_the_same(again, store)
        # Numbers go on after those that came along.
        commit(again, a_change("run-2", rejected=rejected(["not_json"])))
        again.add_verdict("incident-1", Answer.COMPROMISED, by="maria", why="it was not", at=NOW)
        assert [each["run_id"] for each in again.runs()] == ["run-2", "run-1"]
    assert_tables_are_those_of_the_program(database.replace("postgresql://", "postgresql+psycopg://"))


def test_a_backup_names_what_it_holds(tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    made = backups.read(folder)
    assert (made.checkpoint, made.rows["incidents"], len(made.files)) == (NOW, 1, len(KINDS))
    assert contents(folder).keys() == made.parts.keys() | {"backup.json"}
    assert {path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")]} == {0}


def test_nobody_is_at_work_where_a_state_is_made_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "state") as store, store.lease("detect", "a", 10, NOW):
        store.back_up(tmp_path / "backup", NOW)
    Store.restore(tmp_path / "backup", tmp_path / "again", None, NOW)
    with Store.open(tmp_path / "again") as again, again.lease("detect", "b", 10, NOW) as lease:
        assert lease.token == 1


def test_nothing_is_carried_out_after_a_restore_before_somebody_has_looked(tmp_path: Path) -> None:
    with Store.open(tmp_path / "state") as store:
        full(store)
        store.responses.ask(a_plan(incident_id="incident-1"), NOW, NOW + HOUR)
        store.back_up(tmp_path / "backup", NOW)
    Store.restore(tmp_path / "backup", tmp_path / "again", None, NOW + HOUR)
    with Store.open(tmp_path / "again") as again:
        breaker = again.responses.breaker()
    assert breaker.tripped
    assert breaker.by == "prefect-cloudtrail restore"
    assert breaker.why == "restored from a backup of 2026-02-02T10:15:00Z: what was done since is not known here"


# --- while runs go on -------------------------------------------------------------------------------------------------


@dataclass
class Overtaken(FolderHome):
    """A home in which something happens before a file is copied."""

    folder: Path
    first: Callable[[], None] | None = None

    def paths(self, entries: Any) -> list[Path]:
        happens, self.first = self.first, None
        if happens:
            happens()
        return super().paths(entries)


def test_a_backup_holds_one_moment_though_a_run_takes_a_file_away_meanwhile(state: Path, tmp_path: Path) -> None:
    with Store.open(state) as runs:
        full(runs)

        def run() -> None:
            dropped = [entry.name for entry in runs.files("presences")]
            commit(runs, a_change("run-2", presences=presences("ana", "ben"), drop_files=dropped))

        with Store.read_only(Overtaken(state, run), f"sqlite:///{state / 'cases.db'}") as store:
            made = store.back_up(tmp_path / "backup", NOW)
        Store.restore(tmp_path / "backup", tmp_path / "again", None, NOW)
        with Store.open(tmp_path / "again") as again:
            assert_holds_the_same(again, runs)
            assert again.sweep() == []
    assert made.rows["runs"] == 2


def test_a_file_that_is_lost_is_said_and_no_backup_is_left(state: Path, tmp_path: Path) -> None:
    with Store.open(state) as store:
        full(store)
        lost = store.files("usual")[0].name
        (state / lost).unlink()
        with pytest.raises(StateError, match=f"cannot read .*{lost}, which the case store names"):
            store.back_up(tmp_path / "backup", NOW)
    with pytest.raises(StateError, match="is no whole backup"):
        Store.restore(tmp_path / "backup", tmp_path / "again", None, NOW)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_folder_that_holds_something_takes_no_backup(tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    before = contents(folder)
    with (
        Store.read_only(tmp_path / "backed-up") as store,
        pytest.raises(StateError, match=r"holds something already: give a new folder"),
    ):
        store.back_up(folder, NOW)
    assert contents(folder) == before


def flipped(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


@pytest.mark.parametrize("damage", [flipped, lambda path: os.truncate(path, path.stat().st_size - 1), Path.unlink])
def test_a_backup_with_one_byte_wrong_anywhere_makes_no_state(damage: Callable[[Path], None], tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    for name, body in contents(folder).items():
        if not body:
            continue
        damage(folder / name)
        with pytest.raises(StateError, match=r"damaged|lacks|no whole backup"):
            Store.restore(folder, tmp_path / "again", None, NOW)
        assert not (tmp_path / "again").exists(), name
        (folder / name).write_bytes(body)
    Store.restore(folder, tmp_path / "again", None, NOW)


def rewritten(folder: Path, **fields: Any) -> Backup:
    """Change what a backup says of itself, as its program would have written it."""
    whole = msgspec.json.decode((folder / "backup.json").read_bytes(), type=backups._Written)  # noqa: SLF001  # as it reads
    made = replace(msgspec.json.decode(whole.backup, type=Backup), **fields)
    said = msgspec.json.encode(made)
    whole = backups._Written(msgspec.Raw(said), hashlib.sha256(said).hexdigest())  # noqa: SLF001  # as it is written
    (folder / "backup.json").write_bytes(msgspec.json.encode(whole))
    return made


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    rewritten(folder, revision="9999")
    with pytest.raises(NewerStateError, match=r"backup was written by a newer version .*9999.*update"):
        Store.restore(folder, tmp_path / "again", None, NOW)
    assert not (tmp_path / "again").exists()


def test_a_backup_of_an_older_version_is_migrated(tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    # As 0006 wrote it: without two tables, and without a column of a third.
    for name in ("deliveries", "notices"):
        (folder / "tables" / f"{name}.jsonl").unlink()
    state = folder / "tables" / "state.jsonl"
    state.write_text(json.dumps({k: v for k, v in json.loads(state.read_text()).items() if k != "run_ended_at"}) + "\n")
    parts = {
        str(path.relative_to(folder)): backups._part(path)  # noqa: SLF001
        for path in folder.rglob("*")
        if path.suffix in {".jsonl", ".parquet"}
    }
    rewritten(folder, revision="0006", parts=parts)
    Store.restore(folder, tmp_path / "again", None, NOW)
    with Store.open(tmp_path / "again") as again, Store.read_only(tmp_path / "backed-up") as store:
        assert_holds_the_same(again, store)


def test_a_backup_names_nothing_outside_itself(tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    (tmp_path / "secret").write_bytes(b"secret")
    parts = backups.read(folder).parts
    rewritten(folder, parts=parts | {"index/../../secret": backups._part(tmp_path / "secret")})  # noqa: SLF001
    with pytest.raises(StateError, match=r"names index/\.\./\.\./secret, which is no part of a backup"):
        Store.restore(folder, tmp_path / "again", None, NOW)


def test_a_state_is_not_written_over(tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    before = contents(tmp_path / "backed-up")
    with pytest.raises(StateError, match="holds a state already: give an empty --state"):
        Store.restore(folder, tmp_path / "backed-up", None, NOW)
    assert contents(tmp_path / "backed-up") == before
    # Nor are the files of one whose database is lost.
    (tmp_path / "backed-up" / "cases.db").unlink()
    commit_elsewhere = tmp_path / "backed-up" / "index" / "11111111-1111-1111-1111-111111111111.parquet"
    commit_elsewhere.write_bytes(b"another's")
    with pytest.raises(StateError, match=r"holds files already, index/1{8}.* first: give an empty --state"):
        Store.restore(folder, tmp_path / "backed-up", None, NOW)
    assert commit_elsewhere.read_bytes() == b"another's"


# --- killed -----------------------------------------------------------------------------------------------------------

# Forks a process for each five words: which of its waits for the disk kills it (0 none), what, where from and where to.
KILLED = """
import os, pathlib, signal, sys
from datetime import datetime
import alembic.command
from prefect_cloudtrail.store import Store

def do(call, what, state, folder, now):
    calls = 0
    def fsync(descriptor):
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
    os.fsync = fsync
    if what == "back_up":
        Store.read_only(state).back_up(folder, now)
    else:
        Store.restore(folder, state, None, now)
    print(calls, flush=True)

words = iter(sys.argv[1:])
for call, what, state, folder, now in zip(words, words, words, words, words):
    child = os.fork()
    if not child:
        do(int(call), what, pathlib.Path(state), pathlib.Path(folder), datetime.fromisoformat(now))
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended == (-signal.SIGKILL if int(call) else 0), (call, what, ended)
"""


def do(*jobs: tuple[int, str, Path, Path]) -> list[int]:
    """Return how often those waited for the disk that were not killed."""
    words = [word for call, what, state, folder in jobs for word in (call, what, state, folder, NOW.isoformat())]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, words)], cwd=TESTS, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return [int(line) for line in ended.stdout.split()]


def test_a_backup_that_was_killed_is_none(tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    state = tmp_path / "backed-up"
    (waits,) = do((0, "back_up", state, tmp_path / "counted"))
    # Before the first table, on the way, and before the manifest has its name.
    killed = {call: tmp_path / f"killed-{call}" for call in (1, waits // 2, waits - 2)}
    do(*((call, "back_up", state, into) for call, into in killed.items()))
    for into in killed.values():
        with pytest.raises(StateError, match="is no whole backup"):
            Store.restore(into, tmp_path / "none", None, NOW)
    assert not (tmp_path / "none").exists()
    assert backups.read(tmp_path / "counted").files == backups.read(folder).files


def test_a_restore_that_was_killed_is_no_state_and_is_repeated(tmp_path: Path) -> None:
    folder = backed_up(tmp_path)
    (waits,) = do((0, "restore", tmp_path / "whole", folder))
    killed = {call: tmp_path / f"again-{call}" for call in (waits // 2, waits)}  # among the files, and at the last
    do(*((call, "restore", into, folder) for call, into in killed.items()))
    for into in killed.values():
        with pytest.raises(StateError, match="files that another database names"):
            Store.open(into)
        Store.restore(folder, into, None, NOW)
        with Store.open(into) as restored, Store.read_only(tmp_path / "backed-up") as store:
            assert_holds_the_same(restored, store)
            assert restored.sweep() == []
