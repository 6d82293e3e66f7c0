"""Records in full, by their place in an object: for the few that matter after detection read them narrowly."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from prefect_cloudtrail.cloudtrail.parse import MAX_OBJECT_BYTES
from prefect_cloudtrail.cloudtrail.reasons import Reason
from prefect_cloudtrail.cloudtrail.split import split
from prefect_cloudtrail.cloudtrail.unpack import unpack

_MOST_DIGITS = 4_000


def whole_records(
    key: str, content: bytes, places: Collection[int] | None, limit: int = MAX_OBJECT_BYTES
) -> dict[int, Mapping[str, Any]] | Reason:
    """Return the records at these places of one object, as CloudTrail wrote them; a damaged one is left out.

    Args:
        key: the object's name.
        content: the object as it lies in storage.
        places: `log.offset` of each, from 0; None is all of them.
        limit: the most bytes of JSON that are unpacked.
    """
    text = unpack(key, content, limit)
    if isinstance(text, Reason):
        return text
    pieces = split(text)
    wanted = range(len(pieces)) if places is None else places
    found = {place: _loaded(pieces[place]) for place in wanted if place < len(pieces)}
    return {place: record for place, record in found.items() if isinstance(record, dict)}


def _loaded(piece: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(piece.decode("utf-8", "replace"), strict=False, parse_int=_integer)
    except (ValueError, RecursionError):
        return None


def _integer(text: str) -> int | str:
    """Return a number that Python refuses for its length as it is written."""
    return int(text) if len(text) <= _MOST_DIGITS else text
