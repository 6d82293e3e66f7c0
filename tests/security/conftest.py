"""What the attackers stand before: the fixtures of the response's tests, and a PostgreSQL server."""

from collections.abc import Iterator

import postgresql
import pytest
from response.conftest import case, cloud, endpoint, robbery, site

__all__ = ["case", "cloud", "endpoint", "postgres", "robbery", "site"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Server]:
    with postgresql.server() as server:
        yield server
