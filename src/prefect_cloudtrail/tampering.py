"""Trails told to record less: the commands after which CloudTrail says less, or nothing, to anybody who watches.

MITRE ATT&CK T1562.008, Impair Defenses: Disable or Modify Cloud Logs, names StopLogging, DeleteTrail, UpdateTrail and
PutEventSelectors; CloudTrail Lake's event data stores have the same. A successful one is told, whoever called it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from prefect_cloudtrail.notices import Notice, NoticeKind
from prefect_cloudtrail.silence import span
from prefect_cloudtrail.text import plain

Parameters = Mapping[str, Any]
Record = Mapping[str, Any]
CLOUDTRAIL = "cloudtrail:"
# Records that are read again in full for what they ask: an attacker may write as many as they like.
MOST_READ = 50
COLUMNS = ("@timestamp", "event.id", "command", "principal", "source.ip", "place", "cloud.account.id", "cloud.region")


@dataclass(frozen=True)
class Narrowing:
    """A command after which less is recorded.

    `says` returns what it does, or None where by its parameters nothing is lost; `undone_by` is what ends it.
    """

    says: Callable[[Parameters], str | None]
    undone_by: str | None = None


def _always(said: str) -> Callable[[Parameters], str | None]:
    return lambda _: said


def _update_trail(asked: Parameters) -> str | None:
    lost = [
        ("isMultiRegionTrail", "no longer of all regions"),
        ("includeGlobalServiceEvents", "without the global services, such as IAM"),
        ("isOrganizationTrail", "no longer of the whole organisation"),
        ("enableLogFileValidation", "without digests, so that nobody can prove what was changed"),
    ]
    said = [what for name, what in lost if asked.get(name) is False]
    if asked.get("s3BucketName"):
        said.append(f"into the bucket {plain(str(asked['s3BucketName']), 80)}")
    return f"changed what it records: {', '.join(said)}" if said else None


def _put_event_selectors(asked: Parameters) -> str | None:
    said = []
    simple = _rows(asked.get("eventSelectors"))
    if simple and not any(each.get("includeManagementEvents", True) for each in simple):
        said.append("without management events")
    kinds = {str(each.get("readWriteType", "All")) for each in simple if each.get("includeManagementEvents", True)}
    if kinds and "All" not in kinds and not {"ReadOnly", "WriteOnly"} <= kinds:
        said.append(f"of management events {plain(', '.join(sorted(kinds)), 40)}")
    left_out = sorted({str(name) for each in simple for name in each.get("excludeManagementEventSources") or ()})
    if left_out:
        said.append(f"without what {plain(', '.join(left_out), 120)} records")
    advanced = _rows(asked.get("advancedEventSelectors"))
    if advanced:
        said += _advanced(advanced)
    return f"changed what it records: {', '.join(said)}" if said else None


def _advanced(selectors: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is lost by these; one that takes all management events loses none, whatever the others are."""
    fields = [{str(f.get("field")): f for f in _rows(each.get("fieldSelectors"))} for each in selectors]
    management = [each for each in fields if "Management" in (each.get("eventCategory", {}).get("equals") or ())]
    if not management:
        return ["without management events"]
    if any(set(each) == {"eventCategory"} for each in management):
        return []
    names = sorted({name for each in management for name in each} - {"eventCategory"})
    return [f"of management events only those chosen by {plain(', '.join(names), 120)}"]


def _update_event_data_store(asked: Parameters) -> str | None:
    said = [
        what
        for name, what in (
            ("multiRegionEnabled", "no longer of all regions"),
            ("organizationEnabled", "no longer of the whole organisation"),
        )
        if asked.get(name) is False
    ]
    said += _advanced(_rows(asked.get("advancedEventSelectors"))) if asked.get("advancedEventSelectors") else []
    return f"changed what it records: {', '.join(said)}" if said else None


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


NARROWING: dict[str, Narrowing] = {
    "cloudtrail:StopLogging": Narrowing(
        _always("stopped it: nothing is recorded by it since"), "cloudtrail:StartLogging"
    ),
    "cloudtrail:DeleteTrail": Narrowing(_always("deleted it: nothing is recorded by it since")),
    "cloudtrail:UpdateTrail": Narrowing(_update_trail),
    "cloudtrail:PutEventSelectors": Narrowing(_put_event_selectors),
    "cloudtrail:StopEventDataStoreIngestion": Narrowing(
        _always("stopped it: it takes in nothing since"), "cloudtrail:StartEventDataStoreIngestion"
    ),
    "cloudtrail:DeleteEventDataStore": Narrowing(
        _always("deleted it: it can be restored for seven days"), "cloudtrail:RestoreEventDataStore"
    ),
    "cloudtrail:UpdateEventDataStore": Narrowing(_update_event_data_store),
}
AGAIN = {each.undone_by: name for name, each in NARROWING.items() if each.undone_by}
WATCHED = frozenset(NARROWING) | frozenset(AGAIN)


def concerned(events: pl.LazyFrame) -> pl.DataFrame:
    """Return the successful calls of the commands that are watched, with the place of each record, in their order."""
    return (
        events.filter(pl.col("command").is_in(sorted(WATCHED)), pl.col("event.outcome") == "success")
        .select(*COLUMNS, "log.file.path", "log.offset")
        .sort("@timestamp", "event.id")
        .collect()
    )


def found(
    calls: pl.DataFrame, records: Mapping[str, Record], going_on: Sequence[Notice], noticed_at: datetime
) -> list[Notice]:
    """Return what is to be told of these calls, in their order; the same call twice is one notice.

    Args:
        calls: as `concerned` returns them.
        records: the whole record of each by its event id; one that could not be read is told of without its parameters.
        going_on: notices of logging that was stopped, and was not started again.
        noticed_at: up to when the run has read.
    """
    notices: list[Notice] = []
    for call in calls.iter_rows(named=True):
        record = records.get(str(call["event.id"]))
        notices += _of(call, record, [*going_on, *notices], noticed_at)
    return _folded(notices)


def _of(
    call: Mapping[str, Any], record: Record | None, known: Sequence[Notice], noticed_at: datetime
) -> Iterator[Notice]:
    asked = (record or {}).get("requestParameters")
    parameters: Parameters = asked if isinstance(asked, dict) else {}
    command, account = str(call["command"]), str(call["cloud.account.id"])
    target = _target(parameters)
    subject = f"{account} {target}"
    at: datetime = call["@timestamp"]
    if command in AGAIN:
        stopped = [each for each in known if each.kind == NoticeKind.STOPPED and each.subject == subject]
        if stopped:
            long = span(at - stopped[-1].happened_at)
            lost = "what was called meanwhile is not recorded there"
            said = f"{_who(call)} started it again after {long}, {_where(call, record)}: {lost}"
            yield _notice(call, NoticeKind.STARTED_AGAIN, subject, _sentence(target, account, said), noticed_at)
        return
    unread = None if record else "may have changed what it records; its record cannot be read"
    says = NARROWING[command].says(parameters) or unread
    if says:
        said = f"{_who(call)} {says}, {_where(call, record)}"
        kind = NoticeKind.STOPPED if NARROWING[command].undone_by else NoticeKind.NARROWED
        yield _notice(call, kind, subject, _sentence(target, account, said), noticed_at)


def _notice(call: Mapping[str, Any], kind: NoticeKind, subject: str, sentence: str, noticed_at: datetime) -> Notice:
    return Notice(f"{kind.value} {call['event.id']}", kind, subject, sentence, call["@timestamp"], noticed_at)


def _target(asked: Parameters) -> str:
    """The trail's or the event data store's name, without the ARN before it."""
    named = str(asked.get("name") or asked.get("trailName") or asked.get("eventDataStore") or "unknown")
    return plain(named.rsplit("/", 1)[-1], 130)


def _sentence(target: str, account: str, said: str) -> str:
    return f"trail {target} of account {account}: {said}."


def _who(call: Mapping[str, Any]) -> str:
    return plain(str(call["principal"] or "somebody"), 200)


def _where(call: Mapping[str, Any], record: Record | None) -> str:
    address = plain(str((record or {}).get("sourceIPAddress") or call["source.ip"] or "an unknown address"), 80)
    place = f", {plain(str(call['place']), 80)}" if call["place"] else ""
    return (
        f"with {call['command'].removeprefix(CLOUDTRAIL)} in {plain(str(call['cloud.region']), 30)} "
        f"at {call['@timestamp']:%Y-%m-%d %H:%M:%S} UTC from {address}{place}"
    )


def _folded(notices: Sequence[Notice]) -> list[Notice]:
    """Whoever stops and starts a trail a thousand times is told of once a quarter of an hour; the rest goes with it."""
    kept: list[Notice] = []
    heads: dict[tuple[str, NoticeKind], Notice] = {}
    for each in notices:
        head = heads.get((each.subject, each.kind))
        if head and each.happened_at - head.happened_at < timedelta(minutes=15):
            kept.append(replace(each, told_with=head.notice_id))
            continue
        heads[each.subject, each.kind] = each
        kept.append(each)
    return kept
