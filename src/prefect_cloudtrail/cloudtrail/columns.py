"""Records as columns: EVENTS, built once for many objects' records."""

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import polars as pl
from msgspec import Raw

from prefect_cloudtrail.cloudtrail.reasons import Reason
from prefect_cloudtrail.cloudtrail.records import Attributes, Flag, Issuer, OnBehalfOf, Record, Session, decode_identity
from prefect_cloudtrail.cloudtrail.times import parse_times
from prefect_cloudtrail.schema import EVENTS

_NO_SESSION, _NO_ISSUER = Session(), Issuer()
_NO_ATTRIBUTES, _NO_PERSON = Attributes(), OnBehalfOf()

_FLAGS: dict[Flag, bool] = {True: True, False: False, "true": True, "false": False, "True": True, "False": False}
_ACCOUNT_IN_PATH = r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?(\d{12})/"
_SIGN_IN = "signin.amazonaws.com"

_RECORD = {
    "eventTime": "event_time",
    "event.id": "event_id",
    "event.provider": "event_source",
    "event.action": "event_name",
    "event.type": "event_type",
    "cloud.region": "aws_region",
    "source.address": "source_ip_address",
    "user_agent.original": "user_agent",
    "aws.cloudtrail.error_code": "error_code",
    "aws.cloudtrail.error_message": "error_message",
    "aws.cloudtrail.recipient_account_id": "recipient_account_id",
    "aws.cloudtrail.shared_event_id": "shared_event_id",
}
_USER = "aws.cloudtrail.user_identity."
_SESSION = f"{_USER}session_context."
_IDENTITY = {
    f"{_USER}type": "type",
    f"{_USER}arn": "arn",
    f"{_USER}principal_id": "principal_id",
    f"{_USER}account_id": "account_id",
    f"{_USER}access_key_id": "access_key_id",
    f"{_USER}invoked_by": "invoked_by",
    f"{_USER}identity_provider": "identity_provider",
    "user.name": "user_name",
}


def columns_of(records: Sequence[Record]) -> pl.DataFrame:
    """Return EVENTS without log.file.path and log.offset, a row a record, with two columns more.

    `passed_over` is true for what is no event: an Insights record, or a digest. `reason` says why a record is none, and
    is null for events. An empty text is null, as an absent one is; `event.id` and `cloud.account.id` may still be.
    """
    callers, caller = _callers(records)
    texts = pl.DataFrame([_texts(name, records, field) for name, field in _RECORD.items()])
    frame = texts.with_columns(_nothing_for_empty()).with_columns(
        *callers[pl.Series(caller, dtype=pl.UInt32)],
        _flags("aws.cloudtrail.read_only", records, "read_only"),
        pl.Series("sign_in_failed", [_sign_in_failed(record) for record in records], pl.Boolean),
        pl.Series("mfa_used", [_mfa_used(record) for record in records], pl.Boolean),
        pl.Series("passed_over", [_is_passed_over(record) for record in records], pl.Boolean),
    )
    failed = pl.col("aws.cloudtrail.error_code").is_not_null() | pl.col("sign_in_failed")
    # A sign-in is no session yet, and says by itself whether it was made with MFA.
    mfa = pl.when(pl.col("mfa_used") & ~failed).then(True).otherwise(f"{_SESSION}mfa_authenticated")
    frame = frame.with_columns(
        parse_times(frame["eventTime"]).alias("@timestamp"), mfa.alias(f"{_SESSION}mfa_authenticated")
    )
    return frame.select(
        *(name for name in EVENTS if name in frame.columns),
        pl.coalesce("aws.cloudtrail.recipient_account_id", f"{_USER}account_id").alias("cloud.account.id"),
        pl.when(failed).then(pl.lit("failure")).otherwise(pl.lit("success")).alias("event.outcome"),
        "passed_over",
        _reason().alias("reason"),
    )


def _callers(records: Sequence[Record]) -> tuple[pl.DataFrame, list[int]]:
    """Return the columns of userIdentity, a row a distinct one, and for each record which of the rows is its own.

    Many records of an object share their whole userIdentity: it is decoded, and made columns of, once.
    """
    numbers: dict[bytes, int] = {}
    caller = [numbers.setdefault(bytes(record.user_identity), len(numbers)) for record in records]
    identities = [decode_identity(raw) for raw in numbers]
    sessions = [identity.session_context or _NO_SESSION for identity in identities]
    issuers = [session.session_issuer or _NO_ISSUER for session in sessions]
    attributes = [session.attributes or _NO_ATTRIBUTES for session in sessions]
    people = [identity.on_behalf_of or _NO_PERSON for identity in identities]
    texts = [
        *(_texts(name, identities, field) for name, field in _IDENTITY.items()),
        _texts(f"{_USER}on_behalf_of.user_id", people, "user_id"),
        _texts(f"{_SESSION}session_issuer.arn", issuers, "arn"),
        _texts(f"{_SESSION}session_issuer.type", issuers, "type"),
        _texts(f"{_SESSION}source_identity", sessions, "source_identity"),
        _texts(f"{_SESSION}creation_date", attributes, "creation_date"),
    ]
    frame = pl.DataFrame(texts).with_columns(_nothing_for_empty())
    return frame.with_columns(
        parse_times(frame[f"{_SESSION}creation_date"]).alias(f"{_SESSION}creation_date"),
        _flags(f"{_SESSION}mfa_authenticated", attributes, "mfa_authenticated"),
    ), caller


def account_in_path() -> pl.Expr:
    """Return the account whose folder the log object lies in, null where it lies in none."""
    return pl.col("log.file.path").str.extract(_ACCOUNT_IN_PATH)


def _reason() -> pl.Expr:
    time, provider, action = (pl.col(name) for name in ("eventTime", "event.provider", "event.action"))
    return (
        pl.when(time.is_null() & provider.is_null() & action.is_null())
        .then(pl.lit(Reason.NOT_A_RECORD.value))
        .when(time.is_null())
        .then(pl.lit(Reason.NO_EVENT_TIME.value))
        .when(pl.col("@timestamp").is_null())
        .then(pl.lit(Reason.BAD_EVENT_TIME.value))
        .when(action.is_null())
        .then(pl.lit(Reason.NO_EVENT_NAME.value))
        .when(provider.is_null())
        .then(pl.lit(Reason.NO_EVENT_SOURCE.value))
    )


def _nothing_for_empty() -> pl.Expr:
    return pl.when(pl.col(pl.String) != "").then(pl.col(pl.String))


def _texts(name: str, rows: Iterable[object], field: str) -> pl.Series:
    return pl.Series(name, list(map(attrgetter(field), rows)), pl.String)


def _flags(name: str, rows: Iterable[object], field: str) -> pl.Series:
    return pl.Series(name, list(map(_FLAGS.get, map(attrgetter(field), rows))), pl.Boolean)


def _is_passed_over(record: Record) -> bool:
    return (
        record.insight_details is not None
        or record.event_category == "Insight"
        # A digest signs its logs, which lie beside it.
        or record.digest_bucket is not None
    )


def _sign_in_failed(record: Record) -> bool:
    """Return whether a console sign-in failed: it says so under its own name, and has no error code."""
    if record.event_source != _SIGN_IN and record.event_name != "ConsoleLogin":
        return False
    return _object(record.response_elements).get(record.event_name) == "Failure"


def _mfa_used(record: Record) -> bool:
    """Return whether a console sign-in says that it was made with MFA."""
    return record.event_name == "ConsoleLogin" and _object(record.additional_event_data).get("MFAUsed") == "Yes"


def _object(raw: Raw) -> dict[str | None, Any]:
    try:
        value = json.loads(bytes(raw).decode("utf-8", "replace"))
    except RecursionError:  # nested so deep that it is not what the console writes
        return {}
    return value if isinstance(value, dict) else {}
