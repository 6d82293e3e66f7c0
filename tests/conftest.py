from pathlib import Path

import called
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_records() -> Path:
    """CloudTrail records that nobody here wrote, where they lie beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("no real CloudTrail records beside the checkout (../shared/data)")
    return SHARED


# Before any test builds a client.
called.watch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits longest for servers, so that it does not come last and alone."""
    items.sort(key=lambda item: "drills" in item.path.parts)
