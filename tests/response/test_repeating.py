import logging
import time
from collections.abc import Callable

import pytest

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.response.repeating import repeated


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_work_goes_on_until_the_end_and_its_lines_are_said() -> None:
    said: list[str] = []
    with repeated("counts", lambda: [f"round {len(said)}"], said.append, 0.01):
        wait_for(lambda: len(said) > 2)
    at_the_end = list(said)
    time.sleep(0.05)
    assert said == at_the_end
    assert said[:2] == ["round 0", "round 1"]


def test_what_goes_wrong_is_said_and_the_work_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []
    rounds = iter([StateError("the state cannot be read"), ValueError("what nobody thought of"), None])

    def work() -> list[str]:
        failure = next(rounds, None)
        if failure:
            raise failure
        return ["done"]

    with caplog.at_level(logging.ERROR), repeated("works", work, said.append, 0.01):
        wait_for(lambda: "done" in said)
    assert said[:2] == ["works: the state cannot be read", "done"]
    assert "what nobody thought of" in caplog.text
