"""What was read and written in 24 hours, by service."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from prefect_cloudtrail.context.asked import MOST_ROWS, Answered, Asked, number, shown
from prefect_cloudtrail.context.chains import part
from prefect_cloudtrail.context.making import command_of

ORDER = 11
ASKS = "What was touched in 24 hours?"
PERMISSIONS = ()
WITHIN = timedelta(hours=24)
# Secrets and data stores first.
STORES = ("secretsmanager", "ssm", "kms", "s3", "rds", "dynamodb", "redshift", "ec2")
_NAMES = ("Arn", "Name", "Id", "name", "arn")
_NEVER = {"nextToken", "clientToken", "roleSessionName"}


def answer(case: Asked) -> Answered:
    """Return the distinct things its records name, read and write apart; what was not read again is counted."""
    since = case.incident.last_event - WITHIN
    calls = case.here.filter(pl.col("@timestamp") >= since)
    if calls.is_empty():
        return Answered((), (), "none of its calls is in the event index", "the event index of 14 days")
    ids = set(calls["event.id"])
    records = [each for each in case.records_here if each.get("eventID") in ids]
    touched: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        access = "read" if record.get("readOnly") in {True, "true"} else "write"
        service = command_of(record).partition(":")[0]
        touched.update((service, access, target) for target in set(_targets(record)))
    rows = [
        {"service": service, "access": access, "target": shown(target, 200), "calls": count}
        for (service, access, target), count in sorted(touched.items(), key=_stores_first)
    ]
    written, read = (sum(row["access"] == access for row in rows) for access in ("write", "read"))
    services = sorted({str(row["service"]) for row in rows if row["service"] in STORES})
    sentences = [
        f"{number(written, 'thing')} written, {number(read, 'thing')} read, by {number(len(records), 'record')}."
    ]
    if services:
        sentences.append(f"Secrets and data stores among them: {', '.join(services)}.")
    if unread := calls.height - len(records):
        sentences.append(f"Not read again: {number(unread, 'more call')}.")
    return Answered(tuple(sentences), tuple(rows[:MOST_ROWS]))


def _targets(record: Mapping[str, Any]) -> Iterator[str]:
    listed = record.get("resources")
    arns = (
        [each.get("ARN") or each.get("arn") for each in listed if isinstance(each, Mapping)]
        if isinstance(listed, list)
        else []
    )
    if any(arns):
        yield from (str(arn) for arn in arns if arn)
        return
    for name, value in part(record, "requestParameters").items():
        if isinstance(value, str) and name.endswith(_NAMES) and name not in _NEVER:
            yield value


def _stores_first(counted: tuple[tuple[str, str, str], int]) -> tuple[int, tuple[str, str, str]]:
    service = counted[0][0]
    return STORES.index(service) if service in STORES else len(STORES), counted[0]
