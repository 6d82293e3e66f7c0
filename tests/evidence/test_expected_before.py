from frames import strand

from prefect_cloudtrail.evidence import expected_before
from prefect_cloudtrail.strand import Noted


def test_a_place_that_was_called_expected_speaks_against() -> None:
    assert expected_before.explain(strand(expected_before=Noted("maria", "moved house"))) == (
        "Kyiv was called expected for this person before, by maria: moved house."
    )


def test_without_any_it_is_silent() -> None:
    assert expected_before.explain(strand()) is None
