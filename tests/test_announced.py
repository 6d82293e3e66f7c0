"""Runs from a queue: each object is counted once, whatever is killed, announced twice, or found by listing, too."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import announced
import pytest
from click.testing import CliRunner, Result
from cloudtrail.queues import Site, names, site
from moto.s3.models import s3_backends
from stolen_key import END, Trail, write_trail

from bench.drills.s3_server import ENVIRONMENT, REGION, Server, serving
from prefect_cloudtrail import arrivals, clients, pipeline
from prefect_cloudtrail.aws import open_s3
from prefect_cloudtrail.aws_sources import open_notices
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.cloudtrail.s3 import S3Source
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.pipeline import Options
from prefect_cloudtrail.settings import settings
from prefect_cloudtrail.store import Store

NOON = END - timedelta(hours=12)


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Trail:
    return write_trail(tmp_path_factory.mktemp("trail"))


@pytest.fixture(scope="module")
def served() -> Iterator[Server]:
    # Other tests of this process may have left a bucket of this name.
    s3_backends.reset()
    with serving() as server:
        yield server


@pytest.fixture
def queue(served: Server, trail: Trail, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The trail in a bucket, each object announced."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    made = site(served)
    objects = {path.name: path.read_bytes() for path in sorted(trail.source.iterdir())}
    if not served.has("trail"):
        served.create("trail")
        served.put("trail", objects)
    made.send(*map(names, objects))
    return made


@pytest.fixture(scope="module")
def unbroken(trail: Trail, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the same trail leaves when it is read from its folder, in one run."""
    with Store.open(tmp_path_factory.mktemp("unbroken")) as store:
        trail.run(store)
        return left_by(store)


def left_by(store: Store) -> dict[str, Any]:
    """Return what runs left in a store, apart from names drawn by chance."""
    presences = store.scan("presences").collect()
    return {
        "incidents": [dataclasses.replace(each, revision=0) for each in store.incidents()],
        "ledger": store.ledger().rows(),
        "index": sorted(store.scan("index").select("log.file.path", "log.offset").collect().rows()),
        "presences": presences.select(sorted(presences.columns)).unique().height,
        "checkpoint": store.checkpoint(),
    }


def test_a_run_from_a_queue_leaves_what_one_from_a_folder_leaves(
    queue: Site, trail: Trail, unbroken: dict[str, Any], tmp_path: Path
) -> None:
    with Store.open(tmp_path) as store:
        outcome = announced.run(store, queue.endpoint, trail.city_db)
        assert left_by(store) == unbroken
    assert outcome.summary.objects == len(unbroken["ledger"])
    assert len(unbroken["incidents"]) == 1
    assert queue.left() == 0


def test_what_was_read_from_the_queue_is_not_read_from_the_bucket_nor_the_other_way_round(
    queue: Site, trail: Trail, unbroken: dict[str, Any], tmp_path: Path
) -> None:
    with Store.open(tmp_path) as store:
        announced.run(store, queue.endpoint, trail.city_db)
        listed = open_s3("s3://trail", endpoint_url=queue.endpoint, region=REGION)
        again = pipeline.run(store, listed, Geo.open(trail.city_db), Options(until=END))
        queue.send(*map(names, [each.name for each in trail.source.iterdir()]))
        once_more = announced.run(store, queue.endpoint, trail.city_db)
        assert left_by(store) == unbroken
    assert (again.summary.objects, once_more.summary.objects) == (0, 0)
    assert queue.left() == 0


def test_a_listing_finds_what_notices_lost(queue: Site, trail: Trail, unbroken: dict[str, Any], tmp_path: Path) -> None:
    lost = sorted(each.name for each in trail.source.iterdir())[-3:]
    source = open_notices("sqs://notices", "s3://trail", endpoint_url=queue.endpoint, region=REGION)
    with Store.open(tmp_path) as store:
        source.list()
        source.settle(lost)  # as if they had never come
        queue.come_again()
        announced.run(store, queue.endpoint, trail.city_db)
        listed = open_s3("s3://trail", endpoint_url=queue.endpoint, region=REGION)
        found = pipeline.run(store, listed, Geo.open(trail.city_db), Options(until=END))
        assert found.summary.objects == len(lost)
        assert left_by(store)["ledger"] == unbroken["ledger"]
        assert left_by(store)["index"] == unbroken["index"]


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("before a commit", 2),
        ("between commit and delete", 1),
        ("between commit and delete", 2),
        ("in the middle of deleting", 1),
    ],
)
def test_a_run_that_is_killed_loses_nothing_and_counts_nothing_twice(
    queue: Site, trail: Trail, unbroken: dict[str, Any], tmp_path: Path, moment: str, number: int
) -> None:
    arguments = [queue.endpoint, str(tmp_path), str(trail.city_db), moment, str(number)]
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    done = subprocess.run([sys.executable, "-m", "announced", *arguments], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert queue.left() > 0
    with Store.open(tmp_path) as store:
        stored = store.ledger().height
        queue.come_again()
        outcome = announced.run(store, queue.endpoint, trail.city_db)
        assert left_by(store) == unbroken
    assert stored + outcome.summary.objects == len(unbroken["ledger"])
    assert stored > 0
    assert queue.left() == 0


def test_an_object_of_which_rows_are_left_is_announced_until_they_are_read(
    queue: Site, trail: Trail, unbroken: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "CHUNK_BYTES", announced.CHUNK_BYTES)
    source = open_notices("sqs://notices", "s3://trail", endpoint_url=queue.endpoint, region=REGION)
    with Store.open(tmp_path) as store:
        pipeline.run(store, source, Geo.open(trail.city_db), Options(until=NOON))
        later = store.ledger().filter(~store.ledger()["read_until"].is_null())["log.file.path"].to_list()
        assert queue.left() == len(later) > 0
        queue.come_again()
        announced.run(store, queue.endpoint, trail.city_db)
        assert left_by(store)["index"] == unbroken["index"]
    assert queue.left() == 0


def test_a_run_says_what_it_could_make_nothing_of(queue: Site, trail: Trail, tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        queue.send("hello", names("a.json", bucket="another"))
        first = announced.run(store, queue.endpoint, trail.city_db)
        stored = store.runs(limit=1)[0]["summary"]["rejected"]
        queue.come_again()
        second = announced.run(store, queue.endpoint, trail.city_db)
    said = {"unknown_notice": 1, "elsewhere": 1}
    assert (first.summary.rejected, stored, second.summary.rejected) == (said, said, said)
    assert (second.summary.objects, queue.left()) == (0, 2)


# --- the command line -------------------------------------------------------------------------------------------------


def command(name: str, queue: Site, trail: Trail, state: Path, *more: str) -> Result:
    options = ("--source", "sqs://notices", "--trail", "s3://trail", "--endpoint-url", queue.endpoint)
    where = ("--city-db", str(trail.city_db), "--state", str(state), "--until", END.isoformat())
    return CliRunner(env={"PREFECT_CLOUDTRAIL_REGION": REGION}).invoke(main, [name, *options, *where, *more])


def test_detect_reads_the_queue(queue: Site, trail: Trail, unbroken: dict[str, Any], tmp_path: Path) -> None:
    said = command("detect", queue, trail, tmp_path, "--json")
    incident, summary = (json.loads(line) for line in said.stdout.splitlines())
    assert incident["incident_id"] == unbroken["incidents"][0].incident_id
    assert (summary["objects"], summary["rejected"]) == (len(unbroken["ledger"]), {})
    event_id = incident["alerts"][0]["event_ids"][0]
    options = ("--source", "sqs://notices", "--trail", "s3://trail", "--endpoint-url", queue.endpoint)
    where = ("--city-db", str(trail.city_db), "--state", str(tmp_path))
    explained = CliRunner(env={"PREFECT_CLOUDTRAIL_REGION": REGION}).invoke(
        main, ["explain", event_id, *options, *where]
    )
    assert explained.exit_code == 0
    assert "an alert" in explained.stdout


@pytest.mark.parametrize("name", ["backfill", "backtest"])
def test_past_days_are_on_no_queue(queue: Site, trail: Trail, tmp_path: Path, name: str) -> None:
    more = ("--learn-until", END.isoformat()) if name == "backtest" else ()
    said = command(name, queue, trail, tmp_path / "state", *more)
    assert said.exit_code == 1
    assert said.stderr == "prefect-cloudtrail: a queue holds no past days: for this, pass --source s3://trail\n"
    assert not (tmp_path / "state").exists()
    assert queue.left() == len([*trail.source.iterdir()])


def test_records_are_read_again_from_the_trail_itself(queue: Site) -> None:
    known = settings(source="sqs://notices", trail="s3://trail", endpoint_url=queue.endpoint, region=REGION)
    assert isinstance(clients.archive(known), S3Source)
