"""A request in a state of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from response_cases import Case, a_case


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with a_case(tmp_path / "state", tmp_path / "keys") as opened:
        yield opened
