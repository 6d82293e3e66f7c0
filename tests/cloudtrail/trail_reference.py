"""CloudTrail read slowly and plainly: what the fast reader must agree with, value for value."""

import gzip
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

_LONE = re.compile("[\ud800-\udfff]")
_BLANK = re.compile(rb'("(?:[^"\\]|\\.)*")|\s+', re.DOTALL)
_USER = "aws.cloudtrail.user_identity."
_SESSION = f"{_USER}session_context."


@dataclass
class Read:
    events: list[Row] = field(default_factory=list)
    rejected: list[tuple[int | None, str]] = field(default_factory=list)
    passed_over: int = 0
    records: int = 0


def read(key: str, content: bytes) -> Read:
    """Return an undamaged object's events and what is none."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    answer = Read()
    for offset, raw in enumerate(raw_records(content.decode("utf-8", "replace"))):
        answer.records += 1
        value = json.loads(raw)
        if isinstance(value, dict) and _is_passed_over(value):
            answer.passed_over += 1
        elif reason := _reason(value):
            answer.rejected.append((offset, reason))
        else:
            answer.events.append(_row(key, offset, value, raw))
    return answer


def raw_records(text: str) -> list[str]:
    try:
        documents = [_whole(text)] if text.strip() else []
    except ValueError:
        documents = [line for line in text.split("\n") if line.strip()]
    return [raw for document in documents for raw in _inside(document.strip())]


def _whole(text: str) -> str:
    json.loads(text)
    return text


def _inside(document: str) -> list[str]:
    value = json.loads(document)
    if isinstance(value, dict) and "Records" in value:
        if value["Records"] is None:
            return []
        if not isinstance(value["Records"], list):
            return [document]
        found = re.search(r'"Records"\s*:\s*\[', document)
        assert found
        return _elements(document, found.end())
    return _elements(document, 1) if isinstance(value, list) else [document]


def _elements(text: str, position: int) -> list[str]:
    decoder = json.JSONDecoder()
    elements: list[str] = []
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "]":
            return elements
        _, end = decoder.raw_decode(text, position)
        elements.append(text[position:end])
        position = end


def _is_passed_over(value: Row) -> bool:
    return (
        value.get("eventCategory") == "Insight"
        or isinstance(value.get("insightDetails"), dict)
        or _text(value.get("digestS3Bucket"), empty="") is not None
    )


def _reason(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "not_a_record"
    time = value.get("eventTime")
    time = None if time == "" else time
    name, source = _only_text(value.get("eventName")), _only_text(value.get("eventSource"))
    if time is None and name is None and source is None:
        return "not_a_record"
    if time is None:
        return "no_event_time"
    if _time(time) is None:
        return "bad_event_time"
    if name is None:
        return "no_event_name"
    return "no_event_source" if source is None else None


def _row(key: str, offset: int, value: Row, raw: str) -> Row:
    user = _object(value.get("userIdentity"))
    session = _object(user.get("sessionContext"))
    issuer, attributes = _object(session.get("sessionIssuer")), _object(session.get("attributes"))
    error = value.get("errorCode")
    error = "(not a text)" if isinstance(error, dict | list) else _text(error)
    recipient, account = _text(value.get("recipientAccountId")), _text(user.get("accountId"))
    folder = re.search(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?([0-9]{12})/", key)
    name, source = value["eventName"], value["eventSource"]
    signed_in = _object(value.get("responseElements")).get(name) != "Failure"
    mfa_used = name == "ConsoleLogin" and _object(value.get("additionalEventData")).get("MFAUsed") == "Yes"
    failed = error or ((source == "signin.amazonaws.com" or name == "ConsoleLogin") and not signed_in)
    return {
        "@timestamp": _time(value["eventTime"]),
        "event.id": _text(value.get("eventID")) or _hash(raw),
        "event.provider": _text(source),
        "event.action": _text(name),
        "event.type": _text(value.get("eventType")),
        "event.outcome": "failure" if failed else "success",
        "cloud.account.id": recipient or account or (folder and folder[1]),
        "cloud.region": _text(value.get("awsRegion")),
        "source.address": _text(value.get("sourceIPAddress")),
        "user_agent.original": _text(value.get("userAgent")),
        "user.name": _text(user.get("userName")),
        "aws.cloudtrail.error_code": error,
        "aws.cloudtrail.error_message": _text(value.get("errorMessage")),
        "aws.cloudtrail.read_only": _flag(value.get("readOnly")),
        "aws.cloudtrail.recipient_account_id": recipient,
        "aws.cloudtrail.shared_event_id": _text(value.get("sharedEventID")),
        f"{_USER}type": _text(user.get("type")),
        f"{_USER}arn": _text(user.get("arn")),
        f"{_USER}principal_id": _text(user.get("principalId")),
        f"{_USER}account_id": account,
        f"{_USER}access_key_id": _text(user.get("accessKeyId")),
        f"{_USER}invoked_by": _text(user.get("invokedBy")),
        f"{_USER}identity_provider": _text(user.get("identityProvider")),
        f"{_USER}on_behalf_of.user_id": _text(_object(user.get("onBehalfOf")).get("userId")),
        f"{_SESSION}session_issuer.arn": _text(issuer.get("arn")),
        f"{_SESSION}session_issuer.type": _text(issuer.get("type")),
        f"{_SESSION}mfa_authenticated": (mfa_used and not failed) or _flag(attributes.get("mfaAuthenticated")),
        f"{_SESSION}creation_date": _time(attributes.get("creationDate")),
        f"{_SESSION}source_identity": _text(session.get("sourceIdentity")),
        "log.file.path": key,
        "log.offset": offset,
    }


def _object(value: Any) -> Row:
    return value if isinstance(value, dict) else {}


def _text(value: Any, empty: str | None = None) -> str | None:
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value) or empty
    return None if value is None or isinstance(value, dict | list) else json.dumps(value)


def _only_text(value: Any) -> str | None:
    return (value or None) if isinstance(value, str) else None


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "True": True, "false": False, "False": False}.get(value) if isinstance(value, str) else None


def _time(value: Any) -> datetime | None:
    text = (_text(value) or "").strip()
    if re.fullmatch(r"[0-9]{9,10}", text):
        return datetime.fromtimestamp(int(text), UTC)
    if not re.fullmatch(r"[0-9-]{10}[T ][0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?", text):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _hash(raw: str) -> str:
    return "sha256:" + hashlib.sha256(_BLANK.sub(rb"\1", raw.encode())).hexdigest()[:32]
