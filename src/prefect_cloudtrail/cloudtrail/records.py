"""CloudTrail's records, decoded narrowly: this and columns.py alone know how CloudTrail spells things."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import NoneType
from typing import Any, Literal, TypeVar, cast, get_args

import msgspec
from msgspec import UNSET, Raw, UnsetType, field

from prefect_cloudtrail.cloudtrail.reasons import Reason
from prefect_cloudtrail.cloudtrail.split import TooManyError, holds_more_than, split
from prefect_cloudtrail.cloudtrail.unpack import Text

Words = str | None
_NULL = Raw(b"null")

Flag = bool | str | None  # CloudTrail writes true, "true" and "false"


class _Narrow(msgspec.Struct, frozen=True, eq=False, gc=False, rename="camel"):
    """Some of an object's fields; what is not declared is skipped, never built."""


class Issuer(_Narrow, frozen=True):
    """Who issued the session: mostly a role."""

    type: Words = None
    arn: Words = None


class Attributes(_Narrow, frozen=True):
    """How the session began."""

    creation_date: Words = None
    mfa_authenticated: Flag = None


class Session(_Narrow, frozen=True):
    """The temporary session that the call was made in."""

    session_issuer: Issuer | None = None
    attributes: Attributes | None = None
    source_identity: Words = None


class OnBehalfOf(_Narrow, frozen=True):
    """The Identity Center user behind the call."""

    user_id: Words = None


class Identity(_Narrow, frozen=True):
    """Who called."""

    type: Words = None
    principal_id: Words = None
    arn: Words = None
    account_id: Words = None
    access_key_id: Words = None
    user_name: Words = None
    session_context: Session | None = None
    invoked_by: Words = None
    identity_provider: Words = None
    on_behalf_of: OnBehalfOf | None = None


class Record(_Narrow, frozen=True):
    """One record, declared in the order CloudTrail writes it, which decodes fastest."""

    user_identity: Raw = _NULL  # many records share one: read once each by `decode_identity`
    event_time: Words = None
    event_source: Words = None
    event_name: Words = None
    aws_region: Words = None
    source_ip_address: Words = field(default=None, name="sourceIPAddress")
    user_agent: Words = None
    error_code: Words = None
    error_message: Words = None
    response_elements: Raw = _NULL  # this and the next are decoded for console sign-ins alone
    additional_event_data: Raw = _NULL
    event_id: Words = field(default=None, name="eventID")
    read_only: Flag = None
    event_type: Words = None
    recipient_account_id: Words = None
    shared_event_id: Words = field(default=None, name="sharedEventID")


class _Event(Record, frozen=True):
    """A record that is an event for certain: with anything else here it does not decode, and is looked at alone."""

    event_category: Literal["Management", "Data", "NetworkActivity"] | None = None
    insight_details: None = None
    digest_bucket: None = field(default=None, name="digestS3Bucket")


class Document(_Event, frozen=True):
    """What one line, or a whole file, holds: one record or many."""

    records: list[_Event | None] | UnsetType | None = field(default=UNSET, name="Records")


class _Number(str):
    """A JSON number as it is written: no digit is lost, and no number is too long."""

    __slots__ = ()


@dataclass(frozen=True)
class Decoded:
    """What an object holds: its records, and of each its place there, from 0; the places that cannot be decoded.

    `passed_over` counts what is no event: records of CloudTrail Insights, and a digest, which signs its logs.
    """

    records: Sequence[Record]
    places: Sequence[int]
    refused: Sequence[tuple[int, Reason]] = ()
    passed_over: int = 0


_Item = Record | Reason | None  # None is passed over

_DOCUMENTS = msgspec.json.Decoder(Document)
_IDENTITIES = msgspec.json.Decoder(Identity | None)
_LISTS = msgspec.json.Decoder(list[_Event | None])
# Kept, as json.loads makes one each time; and it refuses integers of more than 4,300 digits.
_LENIENT = json.JSONDecoder(strict=False, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LIST = re.compile(rb"\s*+\[")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# A list or an object here still says that there was an error, or a time, though not which.
_PRESENCE_MATTERS = frozenset({"event_time", "error_code"})
_NO_TEXT = "(not a text)"
_TEXT_ONLY = frozenset({"event_name", "event_source"})

Kind = TypeVar("Kind", bound=_Narrow)


def decode(text: Text, most: int) -> Decoded | Reason:
    """Return what an object holds; BAD_JSON where it is not JSON, TOO_LARGE where it holds more records than `most`.

    The whole object is decoded at once; only where that fails is each record taken alone, so that a bad one costs only
    itself. Both ways answer alike, record for record, with what `split` returns.
    """
    # Before anything is built: what can be a record costs far more than its JSON.
    may_be_many = len(text) > 2 * most and text.count(b"{") + text.count(b"null") > most
    if may_be_many and holds_more_than(most, text):
        return Reason.TOO_LARGE
    records = _decode_whole(text)
    if records is not None and None not in records:
        return Decoded(cast("Sequence[Record]", records), range(len(records)))
    if records is not None:
        return _sorted_out([record or Reason.NOT_A_RECORD for record in records])
    try:
        pieces = split(text, most)
    except TooManyError:
        return Reason.TOO_LARGE
    items = [_decode_alone(piece) for piece in pieces]
    return Reason.BAD_JSON if items == [Reason.BAD_JSON] and pieces == [text.strip()] else _sorted_out(items)


def _sorted_out(items: Sequence[_Item]) -> Decoded:
    places = [place for place, item in enumerate(items) if isinstance(item, Record)]
    refused = [(place, item) for place, item in enumerate(items) if isinstance(item, Reason)]
    records = [item for item in items if isinstance(item, Record)]
    return Decoded(records, places, refused, items.count(None))


def decode_identity(raw: bytes) -> Identity:
    """Return who called, each field of a wrong type as its text or as null; of nobody all fields are null."""
    try:
        return _IDENTITIES.decode(raw) or Identity()
    except _UNDECODABLE:
        value = _loads(raw)  # it is JSON, or its record had been refused
        return _lenient(Identity, value) if isinstance(value, dict) else Identity()


def _decode_whole(text: Text) -> Sequence[Record | None] | None:
    try:
        # A sequence of documents: with newlines between them or without, or only one.
        if _LIST.match(text):
            return list(chain.from_iterable(_LISTS.decode_lines(text)))
        documents = _DOCUMENTS.decode_lines(text)
    except _UNDECODABLE:
        return None
    if len(documents) == 1 and documents[0].records:
        return documents[0].records
    records: list[Record | None] = []
    for document in documents:
        records += [document] if isinstance(document.records, UnsetType) else document.records or []
    return records


def _decode_alone(piece: bytes) -> _Item:
    try:
        return _DOCUMENTS.decode(piece)
    except _UNDECODABLE:
        return _decode_leniently(piece)


def _decode_leniently(piece: bytes) -> _Item:
    """Return the record with each field of a wrong type as its text or as null; None where it is no event."""
    try:
        value = _loads(piece)
    except (ValueError, RecursionError):
        return Reason.BAD_JSON
    if not isinstance(value, dict):
        return Reason.NOT_A_RECORD
    return None if _is_passed_over(value) else _lenient(Record, value)


def _is_passed_over(value: Mapping[str, Any]) -> bool:
    return (
        value.get("eventCategory") == "Insight"
        or isinstance(value.get("insightDetails"), dict)
        or not isinstance(value.get("digestS3Bucket"), dict | list | NoneType)
    )


def sign_in(record: Record) -> tuple[bool, bool]:
    """Return of a console sign-in whether it failed, and whether it says that it was made with MFA.

    It says so under its own name, and has no error code.
    """
    failed = _mapping(record.response_elements).get(record.event_name) == "Failure"
    return failed, record.event_name == "ConsoleLogin" and _mapping(record.additional_event_data).get(
        "MFAUsed"
    ) == "Yes"


def _mapping(raw: Raw) -> Mapping[str | None, Any]:
    try:
        value = _loads(bytes(raw))
    except RecursionError:  # nested so deep that it is not what the console writes
        return {}
    return value if isinstance(value, dict) else {}


def _loads(piece: bytes) -> Any:  # noqa: ANN401 - any JSON value
    return _LENIENT.decode(piece.decode("utf-8", "replace"))


def _lenient(kind: type[Kind], value: dict[str, Any]) -> Kind:
    return kind(
        **{
            declared.name: _as_declared(declared.name, declared.type, value.get(declared.encode_name))
            for declared in msgspec.structs.fields(kind)
        }
    )


def _as_declared(name: str, declared: Any, value: Any) -> Any:  # noqa: ANN401 - any JSON value may stand in any field
    if declared is Raw:
        return Raw(json.dumps(value).encode())
    if value is None:
        return None
    if declared in (Words, Flag):
        return _as_text(name, value, flag=declared == Flag)
    return _lenient(get_args(declared)[0], value) if isinstance(value, dict) else None


def _as_text(name: str, value: Any, *, flag: bool) -> Flag:  # noqa: ANN401
    if isinstance(value, str) and not isinstance(value, _Number):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if flag:
        return value if isinstance(value, bool) else None
    if isinstance(value, dict | list):
        return _NO_TEXT if name in _PRESENCE_MATTERS else None
    if name in _TEXT_ONLY:
        return None
    return str(value) if isinstance(value, _Number) else json.dumps(value)
