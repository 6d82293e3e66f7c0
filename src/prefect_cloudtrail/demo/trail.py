"""Delivers records as CloudTrail does: gathered into objects by account and region, some minutes late, some twice."""

import gzip
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec

from prefect_cloudtrail.demo.addresses import AddressPlan
from prefect_cloudtrail.demo.chance import ALPHANUMERIC, token
from prefect_cloudtrail.demo.commands import region_of
from prefect_cloudtrail.demo.organisation import Organisation
from prefect_cloudtrail.demo.records import record
from prefect_cloudtrail.demo.workday import Call

LATE = 0.003
TWICE = 0.005
# Nothing delivered lies further behind the day at hand: it is noon of the day before when Wellington starts its day.
LONGEST_LAG = timedelta(days=1)

Slot = tuple[datetime, str, str]  # when delivered, account, region


class Trail:
    """The organisation's trail: takes calls in any order, writes each log object once no more can come into it."""

    def __init__(self, organisation: Organisation, root: Path, plan: AddressPlan) -> None:
        self._organisation = organisation
        self._root = root
        self._plan = plan
        self._waiting: defaultdict[Slot, list[bytes]] = defaultdict(list)
        self._folders: set[Path] = set()
        self.events = 0
        self.doubled = 0
        self.objects = 0

    def log(self, call: Call, chance: Random) -> str | None:
        """Take one call and return its event id; None where it lies outside the organisation's days."""
        if not self._organisation.start <= call.time < self._organisation.end:
            return None
        address = self._plan.address(call.spot) if call.spot is not None else call.service or ""
        written = record(call, address, chance)
        body = msgspec.json.encode(written)
        region = region_of(call.command, call.account.region)
        late = chance.random() < LATE
        due = call.time + timedelta(seconds=chance.uniform(3600, 6 * 3600) if late else chance.uniform(120, 600))
        self._waiting[self._slot(due), call.account.number, region].append(body)
        self.events += 1
        if chance.random() < TWICE:
            again = due + timedelta(minutes=chance.uniform(5, 40))
            self._waiting[self._slot(again), call.account.number, region].append(body)
            self.doubled += 1
        return str(written["eventID"])

    def deliver(self, before: datetime | None = None) -> None:
        """Write the objects due before then; all that are waiting where nothing is said."""
        due = sorted(slot for slot in self._waiting if before is None or slot[0] < before)
        for slot in due:
            self._write(slot, self._waiting.pop(slot))

    def _slot(self, due: datetime) -> datetime:
        minutes = self._organisation.slot_minutes
        begun = due.replace(minute=due.minute - due.minute % minutes, second=0, microsecond=0)
        return begun + timedelta(minutes=minutes)

    def _write(self, slot: Slot, records: list[bytes]) -> None:
        delivered, account, region = slot
        folder = self._root / "AWSLogs" / account / "CloudTrail" / region / f"{delivered:%Y/%m/%d}"
        if folder not in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
        suffix = token(16, ALPHANUMERIC, self._organisation.seed, *slot)
        body = b'{"Records":[' + b",".join(records) + b"]}"
        path = folder / f"{account}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{suffix}.json.gz"
        path.write_bytes(gzip.compress(body, compresslevel=6, mtime=0))
        self.objects += 1
