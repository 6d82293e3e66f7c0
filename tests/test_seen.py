"""Events are known again by 128 bits of their ids, whatever the ids look like."""

import polars as pl
import pytest

from prefect_cloudtrail.schema import SEEN
from prefect_cloudtrail.seen import BITS, known, with_bits

UUID = "01234567-89ab-cdef-fedc-ba9876543210"


def bits(*keys: str) -> pl.DataFrame:
    return with_bits(pl.DataFrame({"key": keys}, schema={"key": pl.String}), "key").select(BITS)


def test_the_bits_of_a_uuid_are_its_own() -> None:
    assert bits(UUID).rows() == [(0x0123456789ABCDEF, 0xFEDCBA9876543210)]


@pytest.mark.parametrize("other", [UUID.upper(), UUID.replace("-", ""), f"{UUID} ", UUID[:-1] + "-0", "", "é", "id"])
def test_what_only_looks_like_a_uuid_is_another_event(other: str) -> None:
    both = bits(UUID, other)
    assert both.rows()[0] == bits(UUID).rows()[0]
    assert both.n_unique() == 2
    assert both.rows()[1] == bits(other, UUID).rows()[0]


def test_of_no_events_there_are_no_bits() -> None:
    assert bits().is_empty()


def test_only_events_of_which_all_bits_are_there_are_known() -> None:
    (high, low), other = bits(UUID).rows()[0], bits("other").rows()[0]
    seen = pl.DataFrame([(high, low + 1, None), (*other, None), (*other, None)], schema=SEEN, orient="row")
    assert known(bits(UUID, "other", "third"), seen.lazy()).rows() == [other]
