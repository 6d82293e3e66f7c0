"""Attacks from public records of real ones, read from where they lie beside the project; none is part of it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from prefect_cloudtrail.demo import Replay, replay

RECORDS = Path(__file__).parents[3] / "shared" / "data"
# What tells one attack from another in each file: the tool's session, or the file the record came from.
FILES = {"invictus/cloudtrail.jsonl": "userAgent", "stratus/stratus_even.labelled.jsonl": "_source"}
# Records of the first file that are not an attack have another user agent.
ATTACKS = {"invictus/cloudtrail.jsonl": "stratus-red-team_", "stratus/stratus_even.labelled.jsonl": "stratus/"}


@cache
def attacks(folder: Path = RECORDS) -> tuple[Replay, ...]:
    """Return the attacks of the records in the folder, by name; none where it is absent."""
    found = (replay(name, records) for name, records in sorted(_by_attack(folder).items()))
    return tuple(each for each in found if each is not None)


def _by_attack(folder: Path) -> dict[str, list[dict[str, Any]]]:
    grouped: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for file, field in FILES.items():
        for record in _records(folder / file):
            name = str(record.get(field, ""))
            if name.startswith(ATTACKS[file]):
                grouped[Path(name).name.removesuffix(".json")].append(record)
    return grouped


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())
