"""What a generated organisation looks like to whoever reads it back."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from prefect_cloudtrail.demo import Generated

Record = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    generated: Generated

    @cached_property
    def objects(self) -> dict[Path, list[Record]]:
        paths = sorted(self.generated.root.glob("AWSLogs/**/*.json.gz"))
        return {path: json.loads(gzip.decompress(path.read_bytes()))["Records"] for path in paths}

    @cached_property
    def records(self) -> list[Record]:
        return [record for records in self.objects.values() for record in records]

    @cached_property
    def by_id(self) -> dict[str, Record]:
        return {record["eventID"]: record for record in self.records}

    def rows(self, name: str) -> Iterator[Record]:
        return map(json.loads, (self.generated.root / name).read_text(encoding="utf-8").splitlines())

    def stolen(self, kind: str) -> list[Record]:
        (theft,) = (theft for theft in self.generated.thefts if theft.kind == kind)
        return [self.by_id[event_id] for event_id in theft.event_ids]
