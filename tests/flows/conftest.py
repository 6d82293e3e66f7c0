"""One Prefect server for all flows' tests, and one learned state to start from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.testing.utilities import prefect_test_harness
from stolen_key import LAST_DAY, Trail, write_trail

from prefect_cloudtrail.store import Store


@pytest.fixture(scope="session")
def _server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        # Besides calling home, its first write can hold SQLite's lock against the first flow for a minute.
        environment.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        with prefect_test_harness(server_startup_timeout=120):
            yield


@pytest.fixture
def prefect_client(_server: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture(scope="session")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Trail:
    return write_trail(tmp_path_factory.mktemp("trail"))


@pytest.fixture(scope="session")
def _learned(trail: Trail, tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("learned") / "state"
    with Store.open(state) as store:
        trail.run(store, LAST_DAY, learn=True)
    return state


@pytest.fixture
def state(_learned: Path, tmp_path: Path) -> Path:
    """Return a state that has learned all but the last day."""
    return shutil.copytree(_learned, tmp_path / "state")
