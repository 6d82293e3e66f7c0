from frames import strand

from prefect_cloudtrail.evidence import travel_notice
from prefect_cloudtrail.strand import Noted


def test_a_journey_that_somebody_announced_speaks_against() -> None:
    assert travel_notice.explain(strand(travel_notice=Noted("maria", "conference in Kyiv"))) == (
        "Travel notice, entered by maria: conference in Kyiv."
    )


def test_without_any_it_is_silent() -> None:
    assert travel_notice.explain(strand()) is None
