"""What a run does about the one before it, and the one beside it."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stolen_key import END, Trail, write_trail

from prefect_cloudtrail import pipeline
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.errors import LeaseHeldError
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.files import KINDS

LEASE_SECONDS = 2.0


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Trail:
    return write_trail(tmp_path_factory.mktemp("trail"))


def test_what_a_killed_run_left_is_swept_by_the_next(trail: Trail, tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        trail.run(store, learn=True)
        left = tmp_path / "presences" / "left.parquet"
        left.write_bytes(b"half a file")

        trail.run(store)

        named = [entry.name for kind in KINDS for entry in store.files(kind)]
        assert named
        assert sorted(named) == sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet"))


def test_a_run_that_takes_longer_than_its_lease_keeps_it(
    trail: Trail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(FolderSource):
        refused = 0

        def read(self, key: str) -> bytes:
            if not self.refused:
                time.sleep(LEASE_SECONDS + 0.5)
                with Store.open(tmp_path) as beside, pytest.raises(LeaseHeldError, match="slow holds it until"):
                    trail.run(beside)
                self.refused += 1
            return super().read(key)

    monkeypatch.setattr(pipeline, "LEASE_MINUTES", LEASE_SECONDS / 60)
    source, options = Slow(trail.source), pipeline.Options(until=END, learn_until=END)
    with Store.open(tmp_path) as store:
        outcome = pipeline.run(store, source, Geo.open(trail.city_db), options, owner="slow")
        assert (source.refused, outcome.summary.events) == (1, 654)
        with store.lease("detect", "next", 1, datetime.now(UTC)):
            assert len(store.runs()) == 1
