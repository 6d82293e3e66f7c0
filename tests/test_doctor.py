"""Each misconfiguration of docs/troubleshooting.md, made for real: doctor finds it."""

import gzip
import json
import os
import re
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import postgresql
import pytest
from botocore.exceptions import ClientError
from botocore.handlers import BUILTIN_HANDLERS
from builders import log_file, record
from click.testing import CliRunner
from cloudtrail import lookup_server
from cloudtrail.lookup_server import Lookup
from cloudtrail.queues import Site, arn, site
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from stolen_key import END, LAST_DAY, Trail, write_trail

from bench.drills.s3_server import ENVIRONMENT, REGION, Fault, Server, serving
from prefect_cloudtrail import doctor
from prefect_cloudtrail.checks import Check, conclusion, failed
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.notices import Notice, NoticeKind
from prefect_cloudtrail.store import Store

PAGE = (Path(__file__).parents[1] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
# The trail's last object is five minutes old.
NOW = LAST_DAY + timedelta(hours=16, minutes=20)
NOBODY = 65_534
ATTRIBUTES = "before-call.sqs.GetQueueAttributes"


@dataclass
class Place:
    """What doctor is asked about: right to begin with, then made wrong in one thing."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    given: dict[str, Any]
    fixture: Callable[[str], Any]
    now: datetime = NOW
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return Path(self.given["state"])

    @property
    def s3(self) -> Server:
        """S3 with a trail in a bucket of its own, from now on the source; an object in it is five minutes old."""
        server: Server = self.fixture("served")
        self.now = datetime.now(UTC)
        bucket = f"trail-{uuid4()}"
        server.create(bucket)
        server.put(bucket, {key(self.now - timedelta(minutes=5)): an_object()})
        self.given |= {"source": f"s3://{bucket}", "endpoint_url": server.endpoint, "state": str(self.folder / "new")}
        return server

    @property
    def bucket(self) -> str:
        return str(self.given["source"]).removeprefix("s3://")

    @property
    def postgres(self) -> postgresql.Server:
        """A server with an empty database, from now on the case store."""
        server: postgresql.Server = self.fixture("postgres")
        self.now = datetime.now(UTC)
        name = f"cases_{uuid4().hex}"
        server.execute(f"CREATE DATABASE {name}")
        self.given |= {"database": server.url(name), "state": str(self.folder / "new")}
        return server

    def checks(self) -> list[Check]:
        return doctor.examine(self.given, self.environment, self.now)


def key(delivered: datetime) -> str:
    day = f"AWSLogs/111122223333/CloudTrail/eu-central-1/{delivered:%Y/%m/%d}"
    return f"{day}/111122223333_CloudTrail_eu-central-1_{delivered:%Y%m%dT%H%MZ}_a.json.gz"


def an_object() -> bytes:
    return gzip.compress(log_file(record()))


@pytest.fixture(scope="module")
def served() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def looked_up() -> Iterator[Lookup]:
    with lookup_server.serving() as server:
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[postgresql.Server]:
    with postgresql.server() as server:
        yield server


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Trail:
    written = write_trail(tmp_path_factory.mktemp("trail"))
    asn = MMDBWriter(database_type="Example-ASN", languages=["en"], description="Example", ip_version=4)
    asn.insert_network(IPSet(["81.2.69.0/24"]), {"autonomous_system_number": 64496})
    asn.to_db_file(str(written.city_db.with_name("asn.mmdb")))
    return written


@pytest.fixture(scope="module")
def _detected(trail: Trail, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state that holds the thief's incident, which was told."""
    state = tmp_path_factory.mktemp("detected") / "state"
    with Store.open(state) as store:
        trail.run(store, LAST_DAY, learn=True)
        trail.run(store, END)
        for incident_id, revision in store.to_tell():
            store.mark_told_started(incident_id, revision, NOW)
    return state


@pytest.fixture
def place(
    trail: Trail, _detected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Place]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    given = {
        "source": str(trail.source),
        "city_db": trail.city_db,
        "asn_db": trail.city_db.with_name("asn.mmdb"),
        "state": str(shutil.copytree(_detected, tmp_path / "state")),
    }
    made = Place(tmp_path, monkeypatch, given, request.getfixturevalue)
    yield made
    if str(given.get("source")).startswith(("s3://", "sqs://")):
        request.getfixturevalue("served").mend()


# --- settings ---------------------------------------------------------------------------------------------------------


def a_word_for_a_number(place: Place) -> None:
    place.monkeypatch.setenv("PREFECT_CLOUDTRAIL_TELL_FROM", "often")


def a_misspelt_setting(place: Place) -> None:
    place.environment["PREFECT_CLOUDTRAIL_CITYDB"] = "/srv/city.mmdb"


def a_relative_path(place: Place) -> None:
    place.monkeypatch.setenv("PREFECT_CLOUDTRAIL_STATE", "state")
    del place.given["state"]


# --- source -----------------------------------------------------------------------------------------------------------


def no_source(place: Place) -> None:
    del place.given["source"]


def a_source_of_another_kind(place: Place) -> None:
    place.given["source"] = "ftp://trail"


def no_such_folder(place: Place) -> None:
    place.given["source"] = str(place.folder / "none")


def an_empty_folder(place: Place) -> None:
    place.given["source"] = str(place.folder / "empty")
    (place.folder / "empty").mkdir()


def no_such_bucket(place: Place) -> None:
    assert place.s3
    place.given["source"] = "s3://not-there"


def a_prefix_that_is_not_the_trails(place: Place) -> None:
    assert place.s3
    place.given["source"] += "/elsewhere"


def a_trail_that_stopped(place: Place) -> None:
    place.now = NOW + timedelta(hours=2)


def listing_refused(place: Place) -> None:
    server = place.s3
    server.fail("GET", f"/{place.bucket}", Fault(403, "AccessDenied"))


def reading_refused(place: Place) -> None:
    place.s3.fail("GET", ".json.gz", Fault(403, "AccessDenied"))


def no_credentials(place: Place) -> None:
    assert place.s3
    place.monkeypatch.delenv("AWS_ACCESS_KEY_ID")


def expired_credentials(place: Place) -> None:
    server = place.s3
    server.fail("GET", f"/{place.bucket}", Fault(400, "ExpiredToken"))


def unknown_credentials(place: Place) -> None:
    server = place.s3
    server.fail("GET", f"/{place.bucket}", Fault(403, "InvalidAccessKeyId"))


def a_role_that_trusts_nobody(place: Place) -> None:
    place.s3.fail("POST", "/", Fault(403, "AccessDenied"))
    place.given["role_arn"] = "arn:aws:iam::111122223333:role/example-reader"


def an_external_id_alone(place: Place) -> None:
    assert place.s3
    place.given["external_id"] = "example"


def another_region(place: Place) -> None:
    server = place.s3
    server.fail("GET", f"/{place.bucket}", Fault(301, "PermanentRedirect"))


def an_endpoint_where_nobody_is(place: Place) -> None:
    assert place.s3
    place.given["endpoint_url"] = f"http://127.0.0.1:{closed_port()}"


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


# --- queue and LookupEvents -------------------------------------------------------------------------------------------


def a_queue(place: Place) -> Site:
    """The trail's bucket behind a queue that is right, from now on the source."""
    server = place.s3
    made = site(server)
    place.given |= {"source": "sqs://notices", "trail": place.given["source"]}
    place.monkeypatch.setenv("PREFECT_CLOUDTRAIL_REGION", REGION)
    return made


def change(queue: Site, **attributes: str) -> None:
    queue.client("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)


def a_queue_without_a_trail(place: Place) -> None:
    a_queue(place)
    del place.given["trail"]


def no_such_queue(place: Place) -> None:
    a_queue(place)
    place.given["source"] = "sqs://notes"


def a_queue_that_may_not_be_looked_at(place: Place) -> None:
    a_queue(place)

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetQueueAttributes")

    place.monkeypatch.setattr("botocore.handlers.BUILTIN_HANDLERS", [*BUILTIN_HANDLERS, (ATTRIBUTES, refuse)])


def a_queue_nobody_sends_to(place: Place) -> None:
    change(a_queue(place), Policy="")


def a_queue_for_everybody(place: Place) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn("sqs", "notices")}
    change(a_queue(place), Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def a_queue_without_dead_letters(place: Place) -> None:
    change(a_queue(place), RedrivePolicy="")


def a_queue_without_patience(place: Place) -> None:
    redrive = {"deadLetterTargetArn": arn("sqs", "letters"), "maxReceiveCount": 1}
    change(a_queue(place), RedrivePolicy=json.dumps(redrive))


def dead_letters(place: Place) -> None:
    queue = a_queue(place)
    queue.client("sqs").send_message(QueueUrl=queue.url.replace("notices", "letters"), MessageBody="hello")


def a_queue_that_forgets(place: Place) -> None:
    change(a_queue(place), MessageRetentionPeriod="3600")


def a_notice_that_waits(place: Place) -> None:
    queue = a_queue(place)
    age = {
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": "notices"}],
        "Timestamp": place.now - timedelta(minutes=5),
        "Value": 7200.0,
    }
    queue.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[age])


def lost_notices(place: Place) -> None:
    state = place.given["state"]
    a_queue(place)
    place.given["state"] = state
    place.now += timedelta(hours=2)


def a_trail_that_may_not_be_listed(place: Place) -> None:
    a_queue(place)
    bucket = str(place.given["trail"]).removeprefix("s3://")
    place.fixture("served").fail("GET", f"/{bucket}", Fault(403, "AccessDenied"))


def lookup(place: Place, regions: str = "us-east-1") -> Lookup:
    """LookupEvents, from now on the source."""
    server: Lookup = place.fixture("looked_up")
    server.faults.clear()
    place.now = server.now
    place.given |= {
        "source": f"lookup://{regions}",
        "endpoint_url": server.endpoint,
        "state": str(place.folder / "new"),
    }
    return server


def a_region_that_refuses(place: Place) -> None:
    lookup(place).faults += [("us-east-1", "AccessDeniedException")]


def a_region_that_is_left_out(place: Place) -> None:
    lookup(place, "eu-central-1")


# --- geo databases ----------------------------------------------------------------------------------------------------


def no_city_database(place: Place) -> None:
    del place.given["city_db"]


def no_such_city_database(place: Place) -> None:
    place.given["city_db"] = place.folder / "none.mmdb"


def an_asn_database_for_cities(place: Place) -> None:
    place.given["city_db"] = place.given["asn_db"]


def cities_for_an_asn_database(place: Place) -> None:
    place.given["asn_db"] = place.given["city_db"]


def a_packed_database(place: Place) -> None:
    packed = place.folder / "city.mmdb.gz"
    packed.write_bytes(gzip.compress(place.given["city_db"].read_bytes()))
    place.given["city_db"] = packed


def a_cut_database(place: Place) -> None:
    cut = place.folder / "cut.mmdb"
    cut.write_bytes(place.given["city_db"].read_bytes()[:-300])
    place.given["city_db"] = cut


def an_old_database(place: Place) -> None:
    place.now = datetime.now(UTC) + timedelta(days=61)


def no_asn_database(place: Place) -> None:
    del place.given["asn_db"]


# --- state ------------------------------------------------------------------------------------------------------------


def no_state(place: Place) -> None:
    place.given["state"] = str(place.folder / "none")


def a_file_for_a_state(place: Place) -> None:
    place.given["state"] = str(place.given["city_db"])


def a_state_of_a_newer_version(place: Place) -> None:
    execute(place, "update alembic_version set version_num = '9999'")


def a_backtest(place: Place) -> None:
    place.given["state"] = str(place.folder / "backtest")
    Store.open(place.state, kind="backtest").close()


def another_programs_database(place: Place) -> None:
    other = place.folder / "other.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("create table customers (name text)")
    place.given["database"] = f"sqlite:///{other}"


def a_database_that_is_none(place: Place) -> None:
    (place.state / "cases.db").write_bytes(b"no database" * 1_000)


def a_file_is_gone(place: Place) -> None:
    next((place.state / "presences").glob("*.parquet")).unlink()


def a_file_is_cut(place: Place) -> None:
    path = next((place.state / "index").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])


def another_states_files(place: Place) -> None:
    for path in place.state.rglob("*.parquet"):
        path.rename(path.with_name(f"{uuid4()}.parquet"))


def a_bucket_beside_sqlite(place: Place) -> None:
    assert place.s3
    place.given["state"] = f"s3://{place.bucket}/state"


def execute(place: Place, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(place.state / "cases.db")) as connection, connection:
        connection.execute(statement, values)


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def a_wrong_password(place: Place) -> None:
    assert place.postgres
    place.given["database"] = place.given["database"].replace(postgresql.PASSWORD, "wrong")


def no_such_database(place: Place) -> None:
    place.given["database"] = place.postgres.url("none")


def a_database_that_does_not_run(place: Place) -> None:
    place.given["database"] = f"postgresql://postgres@127.0.0.1:{closed_port()}/cases"


def a_database_of_another_kind(place: Place) -> None:
    place.given["database"] = "mysql://example@127.0.0.1/cases"


def another_driver(place: Place) -> None:
    place.given["database"] = "postgresql+asyncpg://example@127.0.0.1/cases"


def a_url_that_is_none(place: Place) -> None:
    place.given["database"] = "cases"


def an_encoding_that_lacks_letters(place: Place) -> None:
    server = place.postgres
    name = f"latin_{uuid4().hex}"
    server.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    place.given["database"] = server.url(name)


# --- what runs leave --------------------------------------------------------------------------------------------------


def a_schedule_that_stopped(place: Place) -> None:
    execute(place, "delete from objects where delivered > ?", f"{NOW - timedelta(hours=2):%Y-%m-%d %H:%M:%S.%f}")


def nothing_was_read(place: Place) -> None:
    place.given["state"] = str(place.folder / "new")
    Store.open(place.state).close()


def a_silent_account(place: Place) -> None:
    with Store.open(place.state) as store, store.lease("detect", "test", 2, place.now) as lease:
        notice = Notice("n", NoticeKind.SILENCE, "111122223333", "It is silent.", place.now, place.now)
        store.end_run([notice], place.now, lease)


def renamed_objects(place: Place) -> None:
    execute(place, "delete from deliveries")


def a_killed_run(place: Place) -> None:
    with Store.open(place.state) as store, store.lease("detect", "detect", 2, place.now - timedelta(minutes=5)):
        shutil.copy(place.state / "cases.db", place.folder / "as it was")
        shutil.copy(place.state / "cases.db-wal", place.folder / "as it was-wal")
    shutil.move(place.folder / "as it was", place.state / "cases.db")
    shutil.move(place.folder / "as it was-wal", place.state / "cases.db-wal")
    execute(place, "update state set number = number")  # SQLite folds the one file into the other


def an_incident_that_nobody_told(place: Place) -> None:
    execute(place, "update tell set started_at = null")


def a_card_that_nobody_showed(place: Place) -> None:
    with Store.open(place.state) as store:
        (incident,) = store.incidents()
        store.outbox_write(incident.incident_id, 1, "terminal", "card", place.now - timedelta(hours=1))


def an_account_in_its_first_days(place: Place) -> None:
    with Store.open(place.state) as store:
        summary = store.runs(limit=1)[0]["summary"] | {"learning": [f"111122223333 until {END:%Y-%m-%dT%H:%M:%SZ}"]}
    execute(place, "update runs set summary = ?", json.dumps(summary))


def something_else_in_the_source(place: Place) -> None:
    with Store.open(place.state) as store:
        summary = store.runs(limit=1)[0]["summary"] | {"rejected": {"not_a_record": 3}}
    execute(place, "update runs set summary = ?", json.dumps(summary))


def a_clock_that_is_wrong(place: Place) -> None:
    assert place.s3
    place.now += timedelta(minutes=2)


MADE: dict[str, Callable[[Place], None]] = {
    "does not fit": a_word_for_a_number,
    "is no setting": a_misspelt_setting,
    "a relative path": a_relative_path,
    "no source: pass --source": no_source,
    "--source takes a folder": a_source_of_another_kind,
    "name the folder that holds the log objects": no_such_folder,
    "holds no log object": an_empty_folder,
    "there is no bucket": no_such_bucket,
    "nothing was delivered in the last": a_prefix_that_is_not_the_trails,
    "see that the trail is logging and still delivers": a_trail_that_stopped,
    "access denied: grant s3:ListBucket": listing_refused,
    "access denied: grant s3:GetObject": reading_refused,
    "no credentials for": no_credentials,
    "the credentials have expired": expired_credentials,
    "S3 does not know the access key": unknown_credentials,
    "cannot assume the role": a_role_that_trusts_nobody,
    "an external id is given, but no role": an_external_id_alone,
    "the bucket is in another region": another_region,
    "cannot reach S3": an_endpoint_where_nobody_is,
    "no trail: pass --trail": a_queue_without_a_trail,
    "there is no such queue": no_such_queue,
    "grant sqs:GetQueueAttributes": a_queue_that_may_not_be_looked_at,
    "no service may send to": a_queue_nobody_sends_to,
    "anybody in AWS may send to": a_queue_for_everybody,
    "has no dead-letter queue": a_queue_without_dead_letters,
    "gives a notice up after": a_queue_without_patience,
    "notices that no run could use": dead_letters,
    "keeps a notice for": a_queue_that_forgets,
    "the oldest for": a_notice_that_waits,
    "their notices were lost": lost_notices,
    "whether notices were lost cannot be seen": a_trail_that_may_not_be_listed,
    "cannot look up events in": a_region_that_refuses,
    "us-east-1 is not asked": a_region_that_is_left_out,
    "no city database given": no_city_database,
    "no such city database": no_such_city_database,
    "holds no cities": an_asn_database_for_cities,
    "holds no autonomous systems": cities_for_an_asn_database,
    "is packed: unpack it": a_packed_database,
    "fetch it again": a_cut_database,
    "fetch a newer one": an_old_database,
    "nobody knows who owns a network": no_asn_database,
    "no state in": no_state,
    "is a file: give a folder as --state": a_file_for_a_state,
    "was written by a newer version": a_state_of_a_newer_version,
    "give another folder as --state": a_backtest,
    "is another program's database": another_programs_database,
    "is not a usable database": a_database_that_is_none,
    "which the case store names": a_file_is_gone,
    "it was written with: restore it": a_file_is_cut,
    "give the --state and the --database that belong together": another_states_files,
    "need a case store in PostgreSQL": a_bucket_beside_sqlite,
    "does not let this user in": a_wrong_password,
    "does not exist: create it": no_such_database,
    "cannot be reached: check its address": a_database_that_does_not_run,
    "is neither SQLite nor PostgreSQL": a_database_of_another_kind,
    "no driver for": another_driver,
    "the database URL cannot be read": a_url_that_is_none,
    "is encoded in": an_encoding_that_lacks_letters,
    "detect has not run since": a_schedule_that_stopped,
    "nothing was read yet": nothing_was_read,
    "delivered nothing since": a_silent_account,
    "whether a trail falls silent is not seen": renamed_objects,
    "ended without giving it back": a_killed_run,
    "to tell": an_incident_that_nobody_told,
    "written and not shown": a_card_that_nobody_showed,
    "nothing is raised in an account's first days": an_account_in_its_first_days,
    "the last run rejected": something_else_in_the_source,
    "set this machine's clock": a_clock_that_is_wrong,
    "is not writable": lambda _: None,  # has a test of its own, below: it needs another user
}


def found(checks: list[Check], said: str) -> list[Check]:
    return [each for each in checks if said in f"{each.said} {each.fix}" and each.status in {"warn", "fail"}]


@pytest.mark.parametrize("said", [said for said in MADE if said != "is not writable"])
def test_doctor_finds_it(said: str, place: Place) -> None:
    MADE[said](place)
    before = contents(place.folder)
    assert found(place.checks(), said), place.checks()
    assert contents(place.folder) == before


def contents(folder: Path) -> dict[str, bytes]:
    """Return what lies there, without the two companions that SQLite makes to read, too."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_doctor_finds_a_state_that_it_may_not_write(place: Place) -> None:
    del place.given["source"]  # in a folder that another user may not look into
    with TemporaryDirectory() as folder:
        place.given["state"] = folder
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            Path(folder).chmod(0o500)
            assert found(place.checks(), "is not writable")
        finally:
            if os.geteuid() == NOBODY:
                os.seteuid(0)


def test_the_page_has_a_row_for_each_and_no_other() -> None:
    (rows,) = re.findall(r"^\| doctor says \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    assert [row.split("|")[1].strip().strip("`") for row in rows.splitlines()] == list(MADE)


def test_a_folder_and_sqlite_that_are_right_have_nothing_to_see_to(place: Place) -> None:
    checks = place.checks()
    assert {each.name: each.status for each in checks} == {
        **dict.fromkeys(
            ("settings", "source", "city_db", "asn_db", "state", "checkpoint", "silence", "lease", "told", "slack"),
            "ok",
        ),
        "clock": "skipped",
    }
    assert [said for said in MADE if found(checks, said)] == []
    assert not failed(checks)


def test_s3_and_postgresql_that_are_right_have_nothing_to_see_to_but_the_beginning(place: Place) -> None:
    assert place.s3
    assert place.postgres
    checks = place.checks()
    assert [(each.name, each.status) for each in checks if each.status != "ok"] == [("state", "warn")]
    assert {"source", "database", "clock"} <= {each.name for each in checks}
    assert [said for said in MADE if found(checks, said)] == ["no state in"]


def test_a_queue_that_is_right_has_nothing_to_see_to_but_the_beginning(place: Place) -> None:
    queue = a_queue(place)
    queue.send("not yet read", "nor this")
    checks = place.checks()
    assert [(each.name, each.status) for each in checks if each.status != "ok"] == [("state", "warn")]
    said = [each.said for each in checks if each.name in {"source", "trail"}]
    assert said[0] == "the queue notices: 2 messages waiting, 0 taken by a run"
    assert re.search(r": 1 log object, the newest delivered \d min ago$", said[1])
    assert [said for said in MADE if found(checks, said)] == ["no state in"]


def test_lookup_events_that_are_right_have_nothing_to_see_to_but_the_beginning(place: Place) -> None:
    server = lookup(place)
    server.add("us-east-1", record(eventTime=f"{place.now - timedelta(minutes=7):%Y-%m-%dT%H:%M:%SZ}"))
    checks = place.checks()
    said = [each.said for each in checks if each.name == "source"]
    assert said == ["LookupEvents of account 111122223333 in us-east-1: the newest event happened 7 min ago"]
    assert [said for said in MADE if found(checks, said)] == ["no state in"]


def test_files_in_s3_beside_postgresql_are_looked_at(place: Place) -> None:
    server = place.s3
    assert place.postgres
    place.given["state"] = f"s3://{place.bucket}/state"
    assert not failed(place.checks())
    server.fail("GET", f"/{place.bucket}", Fault(404, "NoSuchBucket"))
    assert failed(place.checks())


def test_a_run_at_work_is_named_and_no_cause_for_worry(place: Place) -> None:
    with Store.open(place.state) as store, store.lease("detect", "somebody", 2, datetime.now(UTC)):
        place.now = datetime.now(UTC)
        (lease,) = [each for each in place.checks() if each.name == "lease"]
    assert lease.status == "ok"
    assert lease.said.startswith("somebody (process ")


def test_an_hour_without_calls_is_no_run_that_is_late(place: Place) -> None:
    place.now = NOW + timedelta(hours=5)
    assert not found(place.checks(), "detect has not run since")


def test_an_object_without_events_is_no_run_that_is_late(place: Place, trail: Trail) -> None:
    place.given["source"] = str(shutil.copytree(trail.source, place.folder / "trail"))
    path = place.folder / "trail" / key(NOW + timedelta(minutes=10))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(log_file()))
    place.now = NOW + timedelta(hours=5)
    assert found(place.checks(), "1 log object unread, the oldest delivered 4 hours ago")

    with Store.open(place.state) as store:
        Trail(Path(place.given["source"]), trail.city_db).run(store)
    assert not found(place.checks(), "detect has not run since")


def test_no_password_is_shown(place: Place) -> None:
    assert place.postgres
    right = place.checks()
    a_wrong_password(place)
    for each in (*right, *place.checks()):
        assert not re.search(rf"{postgresql.PASSWORD}|:wrong@", f"{each.said} {each.fix}")


def test_doctor_fails_with_exit_status_1_and_shows_what_to_do_in_80_columns(place: Place) -> None:
    no_source(place)
    shown = run(place)
    assert shown.exit_code == 1
    assert "FAIL  source" in shown.output
    assert "PREFECT_CLOUDTRAIL_SOURCE" in shown.output
    assert all(len(line) <= 80 or len(line.split()[-1]) > 62 for line in shown.output.splitlines())
    assert "\x1b" not in shown.output
    assert shown.output.splitlines()[-1].endswith("to see to.")


def test_what_is_only_to_be_seen_to_is_exit_status_0(place: Place) -> None:
    no_asn_database(place)
    place.given["state"] = str(place.folder / "new")
    assert run(place).exit_code == 0
    assert not (place.folder / "new").exists()


def test_rows_for_machines_are_one_a_check(place: Place) -> None:
    rows = [json.loads(line) for line in run(place, "--json").stdout.splitlines()]
    assert {"settings", "source", "city_db", "asn_db", "state", "clock", "prefect"} <= {row["name"] for row in rows}
    assert all(row.keys() == {"type", "name", "status", "said", "fix"} for row in rows)


def run(place: Place, *more: str) -> Any:
    options = {"source": "--source", "city_db": "--city-db", "asn_db": "--asn-db", "state": "--state"}
    given = [word for name, value in place.given.items() for word in (options[name], str(value))]
    return CliRunner().invoke(main, ["doctor", *given, *more])


def test_what_others_wrote_cannot_redraw_the_terminal() -> None:
    shown = Check("source", "warn", "s3://trail\x1b[2J" + "word " * 40, "do").text()
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_all_are_counted_in_one_line() -> None:
    checks = [Check("a", "ok", ""), Check("b", "warn", ""), Check("c", "fail", ""), Check("d", "skipped", "")]
    assert conclusion(checks) == "4 looked at: 1 failed, 1 to see to."
