from frames import strand

from prefect_cloudtrail.evidence import planned_work
from prefect_cloudtrail.strand import Noted


def test_work_that_somebody_announced_speaks_against() -> None:
    assert planned_work.explain(strand(planned_work=Noted("maria", "failover exercise"))) == (
        "Planned work, entered by maria: failover exercise."
    )


def test_without_any_it_is_silent() -> None:
    assert planned_work.explain(strand()) is None
