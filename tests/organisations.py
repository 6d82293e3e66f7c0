"""A small generated organisation, and a trail of which a test decides how much has been delivered."""

import gzip
import json
import os
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from prefect_cloudtrail import pipeline
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import FolderSource, LogObject
from prefect_cloudtrail.demo import Generated, generate, small
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.parts import Reading, in_this_process
from prefect_cloudtrail.pipeline import Options, Outcome
from prefect_cloudtrail.store import Store

THEFTS = ("far_new_city", "own_commands", "office_city_of_colleague", "instance_credentials")
JUDGED_DAYS = 4
EMIGRANT = "user developer-09"
ABROAD = "86.0.3.77"  # Monterrey


def robbed(out: Path) -> Generated:
    """Return a small organisation whose last days have a theft each."""
    return generate(replace(small(seed=5, thefts=THEFTS), theft_days=JUDGED_DAYS), out)


def learn_until(organisation: Generated) -> datetime:
    return organisation.end - timedelta(days=JUDGED_DAYS)


@dataclass
class Delivered:
    """The objects of a folder delivered so far."""

    folder: FolderSource
    until: datetime | None = None
    objects: list[LogObject] = field(default_factory=list)

    def list(self, since: datetime | None = None) -> Sequence[LogObject]:  # noqa: ARG002 - a folder lists all
        self.objects = self.objects or self.folder.list()
        return [each for each in self.objects if not self.until or not each.delivered or each.delivered <= self.until]

    def read(self, key: str) -> bytes:
        return self.folder.read(key)


def run(
    organisation: Generated,
    state: Path,
    cuts: Sequence[datetime] = (),
    trail: Path | None = None,
    enter: Callable[[Store, datetime], object] | None = None,
    reading: Reading = in_this_process,
) -> tuple[list[Incident], list[Outcome]]:
    """Return the incidents after one run for each cut (one run for all where there is none), and what each run said.

    After the run of each cut, people may enter something.
    """
    source: Any = Delivered(FolderSource(trail or organisation.root / "AWSLogs"))
    geo = Geo.open(organisation.city_db, organisation.asn_db)
    options = Options(until=organisation.end + timedelta(days=2), learn_until=learn_until(organisation))
    outcomes = []
    with Store.open(state) as store:
        for cut in (*cuts, None):
            source.until = cut
            outcomes.append(pipeline.run(store, source, geo, options, reading=reading))
            if enter and cut:
                enter(store, cut)
        return store.incidents(), outcomes


def rewritten(organisation: Generated, out: Path, seed: int) -> Path:
    """Return the same trail with records shuffled, in other objects of the same windows, a tenth of them twice."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    records: dict[tuple[Path, str], list[Any]] = defaultdict(list)
    for path in sorted((organisation.root / "AWSLogs").rglob("*.json.gz")):
        account, _, region, delivered, _ = path.name.split("_")
        name = f"{account}_CloudTrail_{region}_{delivered}"
        records[path.parent.relative_to(organisation.root), name] += json.loads(gzip.decompress(path.read_bytes()))[
            "Records"
        ]
    for (folder, name), found in records.items():
        chance.shuffle(found)
        (out / folder).mkdir(parents=True, exist_ok=True)
        half = chance.randrange(len(found) + 1)
        for part, chosen in enumerate((found[:half], found[half:])):
            body = gzip.compress(json.dumps({"Records": chosen}).encode(), 1)
            for copy in range(1 + (chance.random() < 0.1)):
                (out / folder / f"{name}_{part}{copy}.json.gz").write_bytes(body)
    return out


def emigrated(organisation: Generated, out: Path) -> Path:
    """Return the same trail, in which one person moves to another country as the judged days begin.

    There, they call the same command once an hour, day and night, two days longer than anybody else.
    """
    shutil.copytree(organisation.root / "AWSLogs", out / "AWSLogs", copy_function=os.link)
    path, theirs = next(
        (path, each)
        for path in sorted(out.rglob("*.json.gz"))
        for each in json.loads(gzip.decompress(path.read_bytes()))["Records"]
        if each["userIdentity"].get("userName") == EMIGRANT.removeprefix("user ")
    )
    account, _, region, *_ = path.name.split("_")
    begin = learn_until(organisation)
    for hour in range(4, 24 * (JUDGED_DAYS + 2) - 1):
        at = begin + timedelta(hours=hour, minutes=20)
        changed = {"eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "eventID": f"emigrant-{hour}", "sourceIPAddress": ABROAD}
        name = f"{account}_CloudTrail_{region}_{at + timedelta(minutes=10):%Y%m%dT%H%MZ}_emigrant.json.gz"
        (path.parent / name).write_bytes(gzip.compress(json.dumps({"Records": [theirs | changed]}).encode(), 1))
    return out / "AWSLogs"
