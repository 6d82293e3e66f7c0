import pytest
from frames import strand

from prefect_cloudtrail.evidence import steady_cadence


@pytest.mark.parametrize(
    ("days_between", "said"),
    [
        ((7, 7, 7), "In Kyiv every week, 3 times before."),
        ((6, 8, 7, 7), "In Kyiv every week, 4 times before."),
        ((31, 28), "In Kyiv every month, 2 times before."),
    ],
)
def test_the_same_beat_as_before_speaks_against(days_between: tuple[int, ...], said: str) -> None:
    assert steady_cadence.explain(strand(days_between=days_between)) == said


@pytest.mark.parametrize("days_between", [(), (7, 7), (31,), (7, 7, 7, 3), (7, 7, 9), (1, 1, 1), (7, 31, 7)])
def test_anything_else_is_silent(days_between: tuple[int, ...]) -> None:
    assert steady_cadence.explain(strand(days_between=days_between)) is None
