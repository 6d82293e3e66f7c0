"""One open state for the store's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from prefect_cloudtrail.store import Store


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> Iterator[Store]:
    with Store.open(state) as opened:
        yield opened
