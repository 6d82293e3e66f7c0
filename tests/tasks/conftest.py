"""A state with the thief's incident, and tasks called without a server."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from stolen_key import LAST_DAY, Trail, write_trail

from prefect_cloudtrail.settings import Settings, settings
from prefect_cloudtrail.store import Store


@pytest.fixture(autouse=True)
def _no_run_to_log_to() -> Iterator[None]:
    with disable_run_logger():
        yield


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
def known(trail: Trail, _learned: Path, tmp_path: Path) -> Settings:
    """Return the settings of a state that has learned all but the last day."""
    return settings(**trail.given(shutil.copytree(_learned, tmp_path / "state")))


@pytest.fixture
def incident_id(trail: Trail, known: Settings) -> str:
    """Return the incident that the last day brought."""
    with Store.open(Path(known.state)) as store:
        trail.run(store)
        return store.to_tell()[0][0]
