"""One learned state to start from, and two servers: the harness's, and one that schedules, as in production."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import postgresql
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.testing.utilities import prefect_test_harness
from prefect_server import POOL, PrefectServer, deploy_at_a_terminal, prefect_server
from stolen_key import LAST_DAY, Trail, write_trail

from prefect_cloudtrail.flows.demo import QUIET_SERVER
from prefect_cloudtrail.store import Store


@pytest.fixture(scope="session")
def _server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in QUIET_SERVER.items():
            environment.setenv(name, value)
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


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server with all its services, and the deployments of this clone; in PostgreSQL, where there is one."""
    with ExitStack() as stack:
        settings = {
            # Only how soon: a test does not wait a minute for what a server does each minute.
            "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT2S",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "10",
        }
        if postgresql.programs():
            database = stack.enter_context(stack.enter_context(postgresql.server()).database())
            settings["PREFECT_API_DATABASE_CONNECTION_URL"] = database.replace("postgresql:", "postgresql+asyncpg:")
        server = stack.enter_context(prefect_server(tmp_path_factory.mktemp("production"), **settings))
        server.post("work_pools/", name=POOL, type="process")
        deploy_at_a_terminal(server.environment)
        yield server
