"""Files in a bucket: what is asked of S3, what it refuses, and what is copied."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import obstore
import pytest
from store.backends import Backend, bucket
from store.case_builders import a_change, commit, index, presences, usual

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store import BucketHome, Store

REFUSED = b"<Error><Code>AccessDenied</Code><Message>User ana is not authorized</Message></Error>"


class Refusing(BaseHTTPRequestHandler):
    """S3 for somebody who may do nothing."""

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(403)
        self.send_header("Content-Length", str(len(REFUSED)))
        self.end_headers()
        self.wfile.write(REFUSED)

    do_GET = do_PUT = do_POST = do_DELETE = _refuse  # noqa: N815  # the server's own spelling

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the server's own spelling
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("database", [None, "sqlite:///cases.db"])
def test_files_in_a_bucket_need_postgresql(s3: str, database: str | None) -> None:
    home = BucketHome(bucket(s3), "state", "here")
    for refuse in (Store.open, Store.read_only):
        with pytest.raises(StateError, match=r"files in s3://state/here need a case store in PostgreSQL: give postgr"):
            refuse(home, database)


@pytest.mark.parametrize("prefix", ["", "states", "/states/live/"])
def test_the_prefix_is_the_states_alone(s3: str, emptied: str, prefix: str) -> None:
    store = bucket(s3)
    obstore.put(store, "statesman/index/a.parquet", b"of another")
    with Store.open(BucketHome(store, "state", prefix), emptied) as opened:
        commit(opened, a_change(presences=presences("ana")))
        (entry,) = opened.files("presences")
        obstore.head(store, f"{prefix.strip('/')}/{entry.name}".lstrip("/"))
        assert opened.sweep() == []
        opened.home.remove([entry.name])
    obstore.delete(store, "statesman/index/a.parquet")


def test_a_new_database_beside_old_files_is_refused(in_bucket: Backend, database: str) -> None:
    with in_bucket.open() as store:
        commit(store, a_change(presences=presences("ana")))
    with pytest.raises(StateError, match="files that another database names"):
        replace(in_bucket, database=database).open()


def test_two_machines_see_one_state(in_bucket: Backend) -> None:
    with in_bucket.open() as one, in_bucket.open() as other:
        commit(one, a_change("run-1", presences=presences("ana"), usual=None))
        assert other.scan("presences").collect()["principal"].to_list() == ["ana"]
        commit(other, a_change("run-2", drop_files=[one.files("presences")[0].name], presences=presences("ben")))
        assert one.scan("presences").collect()["principal"].to_list() == ["ben"]


def test_what_was_written_or_read_is_not_fetched_again_and_copies_go(in_bucket: Backend) -> None:
    with in_bucket.open() as store:
        commit(store, a_change(presences=presences("ana"), index=index("event-1")))
        entries = store.files("presences")
        (copy,) = store.home.paths(entries)
        store.home.remove([entry.name for entry in store.files("index")])
        assert [path.name for path in copy.parents[1].rglob("*.parquet")] == [copy.name]
    assert not copy.parents[1].exists()
    with in_bucket.read_only() as store:
        (first,), (second,) = store.home.paths(entries), store.home.paths(entries)
        assert (first, first.stat().st_size) == (second, entries[0].bytes)
        assert first != copy


def test_many_files_are_fetched_in_their_order(in_bucket: Backend) -> None:
    with in_bucket.open() as store:
        commit(store, *(a_change(f"{number}", presences=presences(f"{number}")) for number in range(20)))
    with in_bucket.read_only() as store:
        rows = [store.rows([entry])["principal"].item() for entry in store.files("presences")]
    with in_bucket.read_only() as store:
        assert store.scan("presences").collect()["principal"].to_list() == rows
    assert sorted(rows, key=int) == [f"{number}" for number in range(20)]


def test_an_error_while_opening_leaves_no_copies(in_bucket: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with in_bucket.open() as store, pytest.raises(StateError, match="cannot make a folder for copies"):
        commit(store, a_change(usual=usual("Berlin"), usual_until=a_change().checkpoint.date()))


def test_a_bucket_that_is_not_there_is_said(s3: str, emptied: str) -> None:
    home = BucketHome(bucket(s3, "nowhere"), "nowhere", "states")
    with pytest.raises(StateError, match=r"s3:PutObject on s3://nowhere/.*NoSuchBucket.*create the bucket"):
        Store.open(home, emptied)


def test_a_missing_right_is_named(refusing: str, emptied: str, tmp_path: Path) -> None:
    home = BucketHome(bucket(refusing), "state", "states")
    with pytest.raises(
        StateError, match=r"s3:PutObject on s3://state/states/.*not authorized.*allow s3:PutObject on it"
    ):
        Store.open(home, emptied)
    for ask, action in ((home.found, "s3:ListBucket"), (lambda: home.remove(["index/a.parquet"]), "s3:DeleteObject")):
        with pytest.raises(StateError, match=f"allow {action} on it"):
            ask()
    with Store.open(tmp_path) as store:
        commit(store, a_change(presences=presences("ana")))
        with closing(home), pytest.raises(StateError, match="allow s3:GetObject on it"):
            home.paths(store.files("presences"))


def test_a_server_that_is_not_there_is_said(emptied: str) -> None:
    home = BucketHome(bucket("http://127.0.0.1:1"), "state", "states")
    with pytest.raises(StateError, match=r"s3:PutObject on s3://state/states/.*check the network, the endpoint"):
        Store.open(home, emptied)
