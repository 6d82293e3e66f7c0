import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from demo.reading import Reading

from prefect_cloudtrail.demo import DEMO, KINDS, Organisation, generate, small
from prefect_cloudtrail.errors import CloudTrailResponseError, SettingsError

TINY = replace(small(), days=3, theft_days=1)
FIELDS = {
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "requestParameters",
    "responseElements",
    "requestID",
    "eventID",
    "readOnly",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "eventCategory",
}
KEY = re.compile(
    r"AWSLogs/(\d{12})/CloudTrail/([a-z0-9-]+)/(\d{4})/(\d\d)/(\d\d)/\1_CloudTrail_\2_\3\4\5T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz"
)


def digest(root: Path) -> str:
    total = sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        total.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return total.hexdigest()


def when(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def test_the_same_organisation_is_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    generate(TINY, tmp_path / "here")
    program = (
        "import sys; from dataclasses import replace; from pathlib import Path; from prefect_cloudtrail.demo import *;"
        "generate(replace(small(), days=3, theft_days=1), Path(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "there")], env=environment, check=True)
    assert digest(tmp_path / "there") == digest(tmp_path / "here")


def test_another_seed_is_another_organisation(tmp_path: Path) -> None:
    generate(TINY, tmp_path / "one")
    generate(replace(TINY, seed=2), tmp_path / "two")
    assert digest(tmp_path / "one") != digest(tmp_path / "two")


def test_the_demo_has_the_size_it_promises(demo: Reading) -> None:
    assert 15_000 <= demo.generated.events <= 20_000
    assert 2_000 <= demo.generated.objects <= 5_000
    assert demo.generated.objects == len(demo.objects)
    assert len({record["recipientAccountId"] for record in demo.records}) == DEMO.accounts


def test_every_record_has_the_fields_of_cloudtrail(demo: Reading) -> None:
    assert all(record.keys() >= FIELDS for record in demo.records)
    assert all(("errorCode" in record) == ("errorMessage" in record) for record in demo.records)
    assert {record["userIdentity"]["type"] for record in demo.records} == {"IAMUser", "AssumedRole", "AWSService"}


def test_every_kind_of_principal_is_told_as_cloudtrail_tells_it(demo: Reading) -> None:
    arns = {record["userIdentity"].get("arn", "") for record in demo.records}
    for pattern in (
        r"arn:aws:iam::\d{12}:user/[a-z]+-\d\d",
        r"arn:aws:sts::\d{12}:assumed-role/AWSReservedSSO_\w+_[0-9a-f]{16}/[a-z]+-\d\d@example\.com",
        r"arn:aws:sts::\d{12}:assumed-role/[a-z]+-\d\d-role/i-0[0-9a-f]{16}",
    ):
        assert any(re.fullmatch(pattern, arn) for arn in arns), pattern


def test_long_lived_keys_belong_to_iam_users_and_all_others_are_temporary(demo: Reading) -> None:
    for record in demo.records:
        identity = record["userIdentity"]
        if identity.get("accessKeyId", "").startswith("AKIA"):
            assert identity["type"] == "IAMUser"
            assert "sessionContext" not in identity
        elif "accessKeyId" in identity:
            assert identity["accessKeyId"].startswith("ASIA")
            assert when(identity["sessionContext"]["attributes"]["creationDate"]) <= when(record["eventTime"])


def test_objects_lie_where_cloudtrail_puts_them_and_hold_one_account_and_region(demo: Reading) -> None:
    for path, records in demo.objects.items():
        key = KEY.fullmatch(path.relative_to(demo.generated.root).as_posix())
        assert key is not None, path
        assert {(record["recipientAccountId"], record["awsRegion"]) for record in records} == {(key[1], key[2])}


def test_event_ids_are_unique_but_for_records_delivered_twice(demo: Reading) -> None:
    times = Counter(record["eventID"] for record in demo.records)
    twice = [event_id for event_id, count in times.items() if count > 1]
    assert len(times) == demo.generated.events
    assert len(twice) == demo.generated.doubled > 0
    assert max(times.values()) == 2


def test_records_come_after_their_events_and_some_hours_later(demo: Reading) -> None:
    delays = [
        datetime.strptime(path.name.split("_")[3], "%Y%m%dT%H%MZ").replace(tzinfo=UTC) - when(record["eventTime"])
        for path, records in demo.objects.items()
        for record in records
    ]
    assert min(delays) > timedelta(0)
    assert sum(delay > timedelta(hours=2) for delay in delays) > 10
    assert sum(delay < timedelta(minutes=30) for delay in delays) > 0.98 * len(delays)


def test_every_event_lies_within_the_days(demo: Reading) -> None:
    times = [when(record["eventTime"]) for record in demo.records]
    assert min(times) >= DEMO.start
    assert max(times) < demo.generated.end == DEMO.start + timedelta(days=30)


def test_services_call_for_people_and_for_themselves(demo: Reading) -> None:
    invoked = [record for record in demo.records if "invokedBy" in record["userIdentity"]]
    assert {record["userIdentity"]["type"] for record in invoked} == {"IAMUser", "AssumedRole", "AWSService"}
    assert all(record["sourceIPAddress"] == record["userIdentity"]["invokedBy"] for record in invoked)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    told: list[float] = []
    generate(TINY, tmp_path, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_folder_with_a_trail_is_refused(tmp_path: Path) -> None:
    (tmp_path / "AWSLogs").mkdir()
    with pytest.raises(CloudTrailResponseError, match="holds AWSLogs already; name another folder"):
        generate(TINY, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"days": 1}, "days must be 2 or more"),
        ({"people": 0}, "people, accounts and robots must be 1 or more"),
        ({"slot_minutes": 7}, "slot_minutes must divide an hour"),
        ({"offices": ("Atlantis",)}, "offices must be among"),
        ({"offices": ()}, "offices must be among"),
        ({"theft_days": 4}, "theft_days must be 1 to days"),
        ({"start": datetime(2026, 3, 2, 5, tzinfo=UTC)}, "start must be midnight UTC"),
    ],
)
def test_what_cannot_be_generated_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        replace(TINY, **wrong)


def test_an_unknown_theft_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"no theft is called teleport: choose from {', '.join(KINDS)}"):
        generate(replace(TINY, thefts=("teleport",)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_smallest_organisation_generates(tmp_path: Path) -> None:
    least = Organisation(
        seed=1, start=small().start, days=2, people=1, accounts=1, offices=("Berlin",), robots=1, thefts=("slow",)
    )
    assert len(generate(least, tmp_path).thefts[0].event_ids) > 2
