"""Detect answers the same wherever its state is, in however many files."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from organisations import Delivered, learn_until, robbed
from store.backends import Backend

from prefect_cloudtrail import pipeline
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.pipeline import Options


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


def detected(organisation: Generated, backend: Backend, runs: int) -> tuple[list[Incident], dict[str, int]]:
    """Return the incidents, and the files of each kind, after so many runs in the judged days and one over the rest."""
    source: Any = Delivered(FolderSource(organisation.root / "AWSLogs"))
    geo = Geo.open(organisation.city_db, organisation.asn_db)
    options = Options(until=organisation.end + timedelta(days=2), learn_until=learn_until(organisation))
    cuts = [learn_until(organisation) + timedelta(hours=number) for number in range(runs)]
    with backend.open() as store:
        for cut in (*cuts, None):
            source.until = cut
            pipeline.run(store, source, geo, options)
        return store.incidents(), {kind: len(store.files(kind)) for kind in ("presences", "index", "usual")}


@pytest.fixture(scope="module")
def expected(organisation: Generated, tmp_path_factory: pytest.TempPathFactory) -> list[Incident]:
    incidents, _ = detected(organisation, Backend(str(tmp_path_factory.mktemp("state")), None), runs=0)
    assert len(incidents) > 2
    return incidents


def test_the_incidents_are_the_same_to_the_last_digit(
    organisation: Generated, expected: list[Incident], backend: Backend
) -> None:
    incidents, _ = detected(organisation, backend, runs=3)
    assert incidents == expected


def test_the_incidents_are_the_same_when_files_are_merged(
    organisation: Generated, expected: list[Incident], state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that a test's few runs merge as months of them do.
    monkeypatch.setattr("prefect_cloudtrail.store.merging.SAVED_FILES", 3)
    incidents, files = detected(organisation, Backend(str(state), None), runs=12)
    assert incidents == expected
    assert files["presences"] <= 6
    assert files["index"] <= 6
