"""CloudTrail's times, and those of the tools that copy its records, as UTC."""

import re
from datetime import UTC, datetime, timedelta

import polars as pl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL = "%Y-%m-%dT%H:%M:%SZ"
_USUAL_SHAPE = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\dZ$"
_WRITTEN = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)? ?(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_SECONDS = re.compile(r"(\d{9,10})(?:\.(\d+))?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)


def usual_times(texts: pl.Expr) -> pl.Expr:
    """Return the times of texts such as `2023-07-10T11:42:18Z`, as all of CloudTrail's own are; null for any other."""
    usual = pl.when(texts.str.contains(_USUAL_SHAPE)).then(texts)
    return usual.str.to_datetime(_USUAL, time_unit="us", strict=False, cache=False).dt.replace_time_zone("UTC")


def parse_times(texts: pl.Series) -> pl.Series:
    """Return the times that the texts say, in UTC; null where a text says none.

    Read are the usual ones; the same with a blank, a fraction (cut at microseconds), an offset or no zone (then UTC);
    and seconds or milliseconds since 1970.
    """
    times = texts.to_frame("text").select(usual_times(pl.col("text"))).to_series()
    rest = texts.filter(times.is_null() & texts.is_not_null()).unique()
    if rest.is_empty():
        return times
    read = pl.Series([parse_time(text) for text in rest], dtype=times.dtype)
    return times.fill_null(texts.replace_strict(rest, read, default=None, return_dtype=times.dtype))


def parse_time(text: str) -> datetime | None:
    """Return the UTC time that one text says, in any of the ways that `parse_times` reads; None where it says none."""
    text = text.strip()
    try:
        if written := _WRITTEN.fullmatch(text):
            return _from_parts(*written.groups())
        if seconds := _SECONDS.fullmatch(text):
            return _EPOCH + timedelta(seconds=int(seconds[1]), microseconds=_microseconds(seconds[2]))
        if _MILLISECONDS.fullmatch(text):
            return _EPOCH + timedelta(milliseconds=int(text))
    except (ValueError, OverflowError):  # the 30th of February; the year 0 in UTC
        return None
    return None


def _from_parts(day: str, minute: str, second: str | None, fraction: str | None, zone: str | None) -> datetime:
    zone = "+00:00" if zone in (None, "Z", "z", "UTC") else zone
    # A leap second is the next minute's first: Python knows none.
    leap = second == "60"
    read = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second or '00'}{zone}").astimezone(UTC)
    return read + timedelta(seconds=leap, microseconds=_microseconds(fraction))


def _microseconds(fraction: str | None) -> int:
    return int((fraction or "0")[:6].ljust(6, "0"))
