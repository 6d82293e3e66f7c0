"""One open state for the store's tests, in each kind of place."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import postgresql
import pytest
import sqlalchemy as sa
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
from store.backends import BUCKET, Backend

from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.tables import METADATA


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Server]:
    """One server for all tests; each makes a database of its own in it."""
    with postgresql.server() as server:
        yield server


@pytest.fixture(scope="session")
def _moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def s3(_moto: str) -> str:
    """Where S3 answers, with a bucket in which each state has a prefix of its own."""
    buckets = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    if BUCKET not in buckets.buckets:
        buckets.create_bucket(BUCKET, "eu-central-1")
    return _moto


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def database(postgres: postgresql.Server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def template(postgres: postgresql.Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with all tables, to be copied."""
    postgres.execute("CREATE DATABASE template_of_cases")
    Store.open(tmp_path_factory.mktemp("template"), postgres.url("template_of_cases")).close()
    return "template_of_cases"


@pytest.fixture
def with_tables(postgres: postgresql.Server, template: str) -> Iterator[str]:
    """The URL of a PostgreSQL database with all tables, for a test that changes more than rows."""
    with postgres.database(f"TEMPLATE {template}") as url:
        yield url


@pytest.fixture(scope="session")
def _emptied(postgres: postgresql.Server, template: str) -> Iterator[str]:
    with postgres.database(f"TEMPLATE {template}") as url:
        yield url


@pytest.fixture
def emptied(postgres: postgresql.Server, _emptied: str) -> str:
    """The URL of a PostgreSQL database with all tables, as it was made; to delete rows is quicker than to make it."""
    statements = [str(sa.delete(table)) for table in reversed(METADATA.sorted_tables)]
    postgres.execute(
        ";".join([*statements, "INSERT INTO state (number, kind) VALUES (1, 'live')"]), _emptied.rpartition("/")[2]
    )
    return _emptied


@pytest.fixture
def in_postgresql(state: Path, emptied: str) -> Backend:
    return Backend(str(state), emptied)


@pytest.fixture
def in_bucket(s3: str, emptied: str) -> Backend:
    return Backend(f"states/{uuid4()}", emptied, s3)


@pytest.fixture(params=["sqlite", "postgresql", "bucket"])
def backend(request: pytest.FixtureRequest, state: Path) -> Backend:
    if request.param == "sqlite":
        return Backend(str(state), None)
    found = request.getfixturevalue(f"in_{request.param}")
    assert isinstance(found, Backend)
    return found


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    with backend.open() as opened:
        yield opened
