"""Short forms of the drills of deciding; docs/drills.md has the long ones."""

from collections.abc import Iterator

import postgresql
import pytest

from bench.drills.decisions import FORGERIES, forged, races

pytestmark = pytest.mark.production


def silent(_: str) -> None:
    pass


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    with postgresql.server() as started:
        yield started.url()


def test_no_forged_decision_is_accepted(server: str | None) -> None:
    found = forged(server, 100, seed=3, say=silent)
    assert (found.tried.total(), set(found.tried), found.differences) == (100, set(FORGERIES), [])


def test_every_race_has_one_winner(server: str | None) -> None:
    found = races(server, 100, seed=3, say=silent)
    assert (found.tried.total(), found.differences) == (100, [])
    assert {"threads", "processes"} == set(found.tried)
    assert {"approved", "left_on", "expected", "settled", "waiting"} <= found.answers.keys()
