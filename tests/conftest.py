from functools import cache
from pathlib import Path

import botocore.session
import called
import pytest
from botocore.loaders import create_loader

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_records() -> Path:
    """CloudTrail records that nobody here wrote, where they lie beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("no real CloudTrail records beside the checkout (../shared/data)")
    return SHARED


# Before any test builds a client.
called.watch()
# What AWS's services look like is read once, not for every session: that takes longer than most tests.
botocore.session.create_loader = cache(create_loader)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits longest for servers, so that it does not come last and alone."""
    items.sort(key=lambda item: "drills" in item.path.parts)
