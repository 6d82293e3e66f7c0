"""What time others think it is: a clock that is wrong reads too little, and holds leases too long."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import sqlalchemy as sa

from prefect_cloudtrail import clients
from prefect_cloudtrail.checks import Check
from prefect_cloudtrail.errors import SettingsError, StateError
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store.database import connect

CLOCK_MAY_DIFFER = timedelta(seconds=60)


def compare_clocks(known: Settings, now: datetime, began: float) -> Iterator[Check]:
    """Yield how far this machine's clock is from that of S3, or of the database where there is no bucket.

    Args:
        known: the settings.
        now: what this machine's clock said.
        began: `time.monotonic()` of that moment.
    """
    bucket = next(
        (url for url in (known.source or "", known.trail or "", known.state) if url.startswith(clients.S3)), None
    )
    there: datetime | None = None
    who = ""
    if bucket:
        who, there = "S3", _time_of_s3(bucket, known)
    elif known.database and not known.database.startswith("sqlite"):
        who, there = "the database", _time_of_database(known.database)
    if there is None:
        yield Check("clock", "skipped", "nobody to ask what time it is")
        return
    apart = abs(there - now - timedelta(seconds=time.monotonic() - began))
    said = f"{apart.total_seconds():,.0f} s apart from that of {who}"
    if apart <= CLOCK_MAY_DIFFER:
        yield Check("clock", "ok", said)
    else:
        yield Check("clock", "warn", said, "set this machine's clock, by NTP")


def _time_of_s3(url: str, known: Settings) -> datetime | None:
    """What time it is in S3; any answer says so, a refusal too."""
    import boto3  # noqa: PLC0415 - takes as long to import as all the rest
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    from prefect_cloudtrail.aws import bucket_and_prefix  # noqa: PLC0415

    patience = Config(signature_version=UNSIGNED, connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
    try:
        session = boto3.Session(region_name=known.region)
        region = session.region_name or "us-east-1"
        s3 = session.client("s3", region, endpoint_url=known.endpoint_url, config=patience)
        answer: Any = s3.head_bucket(Bucket=bucket_and_prefix(url)[0])
    except ClientError as error:
        answer = error.response
    except (BotoCoreError, ValueError, SettingsError):
        return None  # the source's check says why
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date) if date else None


def _time_of_database(url: str) -> datetime | None:
    opened = connect(url, read_only=True)
    try:
        with suppress(StateError), opened.reading() as connection:  # the database's check says why
            there = connection.scalar(sa.select(sa.func.clock_timestamp()))
            return there if isinstance(there, datetime) else None
    finally:
        opened.close()
    return None
