import pickle
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from stolen_key import END, Trail

from prefect_cloudtrail import clients
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.errors import GeoError, SettingsError
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.parts import Asked, in_this_process
from prefect_cloudtrail.pipeline import Options
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.reading import mapped, read_part
from prefect_cloudtrail.tasks.windows import run_window


def asked(geo: Geo) -> Asked:
    return Asked(geo, END, None, None, timedelta(hours=2), {})


def test_a_worker_reads_what_this_process_reads(trail: Trail, known: Settings) -> None:
    source, how = FolderSource(trail.source), asked(clients.geo(known))
    objects = source.list()
    ((_, here),) = in_this_process(source, objects, how)
    there = read_part.fn(known, objects, pickle.dumps(how))
    assert isinstance(there.arrived, bytes)
    assert_frame_equal(there.rows().collect(), here.rows().collect())
    assert (there.bytes, there.passed_over, there.rejected.height) == (here.bytes, here.passed_over, 0)


def test_with_a_queue_a_worker_asks_the_trail_and_takes_no_messages(trail: Trail, known: Settings) -> None:
    of_queue = known.model_copy(update={"source": "sqs://notices", "trail": str(trail.source)})
    objects = FolderSource(trail.source).list()
    assert read_part.fn(of_queue, objects, pickle.dumps(asked(clients.geo(known)))).rejected.is_empty()


def test_a_worker_with_another_build_of_a_database_reads_nothing(trail: Trail, known: Settings) -> None:
    sent = pickle.dumps(replace(asked(clients.geo(known)), geo=_of_another_build(clients.geo(known))))
    with pytest.raises(GeoError, match=r"city\.mmdb or None is another build here than where the run began"):
        read_part.fn(known, FolderSource(trail.source).list(), sent)


def _of_another_build(geo: Geo) -> Geo:
    return replace(geo, build="Example-City 1")


def test_a_worker_without_the_database_says_so(trail: Trail, known: Settings, tmp_path: Path) -> None:
    moved = tmp_path / "moved.mmdb"
    moved.write_bytes(trail.city_db.read_bytes())
    sent = pickle.dumps(asked(Geo.open(moved)))
    moved.unlink()
    with pytest.raises(GeoError, match=r"no such city database: .*moved\.mmdb"):
        read_part.fn(known, FolderSource(trail.source).list(), sent)


def test_lookup_events_are_not_spread(known: Settings) -> None:
    of_lookup = known.model_copy(update={"source": "lookup://eu-west-2", "state": "/nonexistent"})
    with pytest.raises(SettingsError, match="lookup:// cannot be spread: AWS answers two requests a second"):
        mapped(of_lookup)
    with pytest.raises(SettingsError, match="cannot be spread"):
        run_window.fn(of_lookup, Options(until=END), "tests", spread=True)
