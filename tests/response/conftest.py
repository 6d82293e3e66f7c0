from collections.abc import Iterator
from functools import cache

import botocore.loaders
import pytest
from moto import mock_aws
from response.cloud import REGION, Cloud

# Read once for all tests: it takes a second and more for each client.
_loader = cache(botocore.loaders.create_loader)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """An empty AWS, for whose sake nobody sleeps; with AWS's own policies where a test is marked so."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr("botocore.session.botocore.loaders.create_loader", _loader)
    monkeypatch.setattr("time.sleep", lambda _: None)
    managed = "aws_policies" in request.fixturenames
    with mock_aws(config={"iam": {"load_aws_managed_policies": managed}}):
        yield Cloud()


@pytest.fixture
def aws_policies() -> None:
    """Ask for it to have AWS's managed policies in the cloud, which takes seconds."""
"""A request in a state of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from response_cases import Case, a_case


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with a_case(tmp_path / "state", tmp_path / "keys") as opened:
        yield opened
