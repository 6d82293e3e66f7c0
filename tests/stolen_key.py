"""Twelve days of three people in London, and a key of theirs used from Milton, Washington, on the last of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from builders import log_file, packed, record
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from prefect_cloudtrail import pipeline
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.store import Store

ACCOUNT = "111122223333"
PEOPLE = ("alice", "bob", "carol")
FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
LAST_DAY = FIRST_DAY + timedelta(days=11)
END = LAST_DAY + timedelta(days=1)
HOURS = range(8, 17)
USUAL = (("ec2", "DescribeInstances"), ("s3", "ListBuckets"))
STOLEN = (
    ("sts", "GetCallerIdentity"),
    ("iam", "ListUsers"),
    ("iam", "CreateUser"),
    ("iam", "CreateAccessKey"),
    ("iam", "AttachUserPolicy"),
    ("cloudtrail", "StopLogging"),
)
# Networks that MaxMind's own examples use; the ones set apart for documentation are no place.
LONDON, MILTON = "81.2.69.160", "216.160.83.56"
PLACES: dict[str, dict[str, Any]] = {
    "81.2.69.0/24": {
        "city": {"names": {"en": "London"}},
        "country": {"iso_code": "GB", "names": {"en": "United Kingdom"}},
        "location": {"latitude": 51.5142, "longitude": -0.0931, "accuracy_radius": 10},
        "subdivisions": [{"iso_code": "ENG", "names": {"en": "England"}}],
    },
    "216.160.83.0/24": {
        "city": {"names": {"en": "Milton"}},
        "country": {"iso_code": "US", "names": {"en": "United States"}},
        "location": {"latitude": 47.2513, "longitude": -122.3149, "accuracy_radius": 22},
        "subdivisions": [{"iso_code": "WA", "names": {"en": "Washington"}}],
    },
}


@dataclass(frozen=True)
class Trail:
    """Where it was written."""

    source: Path
    city_db: Path

    def given(self, state: Path) -> dict[str, Any]:
        """Return what a flow is given to work on it."""
        return {"source": str(self.source), "city_db": self.city_db, "state": str(state)}

    def run(self, store: Store, until: datetime = END, *, learn: bool = False) -> None:
        """Run the pipeline itself, as the command line does."""
        options = pipeline.Options(until=until, learn_until=END if learn else None)
        pipeline.run(store, FolderSource(self.source), Geo.open(self.city_db), options)


def write_trail(folder: Path) -> Trail:
    """Return the trail, written: an object an hour, delivered a quarter past."""
    trail = Trail(folder / "trail", folder / "city.mmdb")
    for delivered, calls in _hours():
        path = trail.source / f"{ACCOUNT}_CloudTrail_eu-west-2_{delivered:%Y%m%dT%H%MZ}_example.json.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(packed(log_file(*calls)))
    cities = MMDBWriter(database_type="Example-City", languages=["en"], description="Example", ip_version=4)
    for network, place in PLACES.items():
        cities.insert_network(IPSet([network]), place)
    cities.to_db_file(str(trail.city_db))
    return trail


def _hours() -> Iterator[tuple[datetime, list[dict[str, Any]]]]:
    days = (FIRST_DAY + timedelta(days=day) for day in range((END - FIRST_DAY).days))
    for hour in (day + timedelta(hours=hour) for day in days for hour in HOURS):
        calls = [
            call(person, command, LONDON, hour + timedelta(minutes=minute))
            for minute, person in enumerate(PEOPLE)
            for command in USUAL
        ]
        if hour == LAST_DAY + timedelta(hours=12):
            calls += [
                call("alice", command, MILTON, hour + timedelta(minutes=10, seconds=20 * number), agent="Boto3/1.40")
                for number, command in enumerate(STOLEN)
            ]
        yield hour + timedelta(minutes=15), calls


def call(
    person: str, command: tuple[str, str], address: str, at: datetime, agent: str = "aws-cli/2.15"
) -> dict[str, Any]:
    """Return the record of one call."""
    service, name = command
    return record(
        userIdentity={
            "type": "IAMUser",
            "principalId": f"AIDAEXAMPLE{person.upper()}",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/{person}",
            "accountId": ACCOUNT,
            "accessKeyId": f"AKIAEXAMPLE{person.upper()}",
            "userName": person,
        },
        eventTime=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        eventSource=f"{service}.amazonaws.com",
        eventName=name,
        awsRegion="eu-west-2",
        sourceIPAddress=address,
        userAgent=agent,
        requestParameters=None,
        readOnly=name.startswith(("Describe", "List", "Get")),
        eventID=f"{person} {name} {at:%Y-%m-%dT%H:%M:%S}",
    )
