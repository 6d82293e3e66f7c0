"""How a trail lies in a bucket: which folders to look into, and after which key what can be new begins.

`[PREFIX/]AWSLogs/[o-xxxx/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_xxxx.json.gz`:
in a region's folder the order of keys is that of delivery.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from prefect_cloudtrail.cloudtrail.folder import is_log_file

_ORGANISATION = r"o-[a-z0-9]+"
_NO_LOGS = re.compile(
    rf"(?:^|/)(?:CloudTrail-(?:Digest|Insight)/|AWSLogs/(?:{_ORGANISATION}/)?\d{{12}}/(?!CloudTrail/)[^/]+/)"
)
_REGION = re.compile(r"(?:^|/)(?P<account>\d{12})/CloudTrail/(?P<region>[^/]+)/(?:\d{4}/(?:\d\d/(?:\d\d/)?)?)?$")
_ABOVE_REGION = re.compile(rf"(?:^|/)(?:AWSLogs/(?:{_ORGANISATION}/)?|{_ORGANISATION}/|\d{{12}}/(?:CloudTrail/)?)$")
# Around midnight an object may lie in the folder of the day before the one that its name says.
_MIDNIGHT = timedelta(hours=1)


class Kind(Enum):
    """What a folder of the bucket is."""

    NO_LOGS = auto()  # digests, Insights, what other services log beside CloudTrail
    REGION = auto()  # one account's logs of one region, or a year's, month's or day's of them
    ABOVE_REGION = auto()  # AWSLogs, an organisation, an account, CloudTrail
    UNKNOWN = auto()  # none that CloudTrail makes


@dataclass(frozen=True)
class Stretch:
    """Keys to list: all below `folder`, after the key `after`; None is from the first."""

    folder: str
    after: str | None = None


def kind_of(folder: str) -> Kind:
    """Return what the folder is.

    Args:
        folder: its whole path in the bucket, with a slash at its end; empty for the bucket itself.
    """
    if _NO_LOGS.search(folder):
        return Kind.NO_LOGS
    if _REGION.search(folder):
        return Kind.REGION
    return Kind.ABOVE_REGION if _ABOVE_REGION.search(folder) else Kind.UNKNOWN


def holds_log(key: str, prefix: str) -> bool:
    """Return whether the object is a log, by its key; what is hidden below the prefix is none."""
    hidden = any(part.startswith(".") for part in key.removeprefix(prefix).split("/"))
    return not hidden and is_log_file(key) and not _NO_LOGS.search(key)


def stretches(folder: str, start: datetime | None) -> list[Stretch]:
    """Return what to list of a region's folder for all that was delivered at `start` or later; None is everything."""
    found = _REGION.search(folder)
    if not start or not found:
        return [Stretch(folder)]
    region = folder[: found.end("region") + 1]
    name = f"{found['account']}_CloudTrail_{found['region']}_{start:%Y%m%dT%H%M}Z"
    days = [Stretch(folder, f"{region}{start:%Y/%m/%d}/{name}")]
    day_before = f"{region}{start - timedelta(days=1):%Y/%m/%d}/"
    if (start - _MIDNIGHT).date() < start.date() and day_before.startswith(folder):
        days.append(Stretch(day_before, day_before + name))
    return days
