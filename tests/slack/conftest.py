"""The local Slack, an AWS that moto plays, and a desk between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from slack_desk import Desk, a_desk, at_work

from bench.drills.robbery import aws
from prefect_cloudtrail.demo.slack import LocalSlack, local_slack


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with aws() as url:
        yield url


@pytest.fixture
def workspace() -> Iterator[LocalSlack]:
    with local_slack() as slack:
        yield slack


@pytest.fixture
def quiet_desk(workspace: LocalSlack, tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk at which nobody listens."""
    with a_desk(workspace, tmp_path / "site", endpoint, monkeypatch) as found:
        yield found


@pytest.fixture
def desk(quiet_desk: Desk) -> Iterator[Desk]:
    with at_work(quiet_desk):
        yield quiet_desk
