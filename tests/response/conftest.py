"""An AWS that moto plays: empty; or with a stolen key in it, and a responder that may do something about it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from moto import mock_aws
from responding import Clock, Site
from response.cloud import REGION, Cloud
from response_cases import Case, a_case

from bench.drills.robbery import Robbery, aws, robbed
from prefect_cloudtrail import clients
from prefect_cloudtrail.settings import settings


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """An empty AWS, for whose sake nobody sleeps; with AWS's own policies where a test is marked so."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr("time.sleep", lambda _: None)
    managed = "aws_policies" in request.fixturenames
    with mock_aws(config={"iam": {"load_aws_managed_policies": managed}}):
        yield Cloud()


@pytest.fixture
def aws_policies() -> None:
    """Ask for it to have AWS's managed policies in the cloud, which takes seconds."""


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with a_case(tmp_path / "state", tmp_path / "keys") as opened:
        yield opened


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with aws() as url:
        yield url


@pytest.fixture
def robbery(tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Robbery:
    found = robbed(tmp_path / "site", endpoint)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def site(robbery: Robbery) -> Iterator[Site]:
    clock = Clock()
    with clients.plane(settings()) as plane:
        yield Site(robbery, replace(plane, clock=clock), clock)
