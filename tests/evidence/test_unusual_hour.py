import pytest
from frames import a_call, strand

from prefect_cloudtrail.evidence import unusual_hour

OFFICE = tuple((hour, 40) for hour in range(7, 11))


def test_an_hour_it_hardly_works_at_speaks_for() -> None:
    assert unusual_hour.explain(strand(hours=OFFICE)) == ("At 12:00 UTC, about when it was active on 0 of 41 days.")


@pytest.mark.parametrize(("days", "holds"), [(2, True), (3, False)])
def test_the_hours_before_and_after_count(days: int, holds: bool) -> None:
    assert bool(unusual_hour.explain(strand(hours=((11, days), (13, 1))))) is holds


def test_midnight_has_an_hour_before() -> None:
    assert unusual_hour.explain(strand(a_call(minutes=-12 * 60), hours=((23, 40),))) is None


@pytest.mark.parametrize(("active_days", "holds"), [(9, False), (10, True)])
def test_of_a_few_days_nothing_is_unusual(active_days: int, holds: bool) -> None:
    assert bool(unusual_hour.explain(strand(hours=OFFICE, active_days=active_days))) is holds


def test_a_machine_has_no_hours() -> None:
    assert unusual_hour.explain(strand(kind="instance_role", hours=OFFICE)) is None
