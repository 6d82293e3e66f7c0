"""Records as columns: EVENTS, built once for many objects' records."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from operator import attrgetter

import polars as pl

from prefect_cloudtrail.cloudtrail.reasons import Reason
from prefect_cloudtrail.cloudtrail.records import (
    Attributes,
    Flag,
    Issuer,
    OnBehalfOf,
    Record,
    Session,
    decode_identity,
    sign_in,
)
from prefect_cloudtrail.cloudtrail.times import parse_times, usual_times
from prefect_cloudtrail.schema import EVENTS

_NO_SESSION, _NO_ISSUER = Session(), Issuer()
_NO_ATTRIBUTES, _NO_PERSON = Attributes(), OnBehalfOf()

_FLAGS: dict[Flag, bool] = {True: True, False: False, "true": True, "false": False, "True": True, "False": False}
_ACCOUNT_IN_PATH = r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?(\d{12})/"
LONGEST_ID = 256
_IDS = ("event.id", "aws.cloudtrail.shared_event_id")

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


class Callers:
    """The distinct userIdentity of many records, each decoded, and made columns of, once.

    Records of an object mostly share their whole userIdentity with others.
    """

    def __init__(self) -> None:
        self._numbers: defaultdict[bytes, int] = defaultdict(count().__next__)

    def numbers(self, records: Sequence[Record]) -> pl.Series:
        """Return for each record which of the rows of `columns` is its caller's."""
        raw = map(bytes, map(attrgetter("user_identity"), records))
        return pl.Series("caller", list(map(self._numbers.__getitem__, raw)), pl.UInt32)

    def columns(self) -> pl.DataFrame:
        """Return what EVENTS takes from userIdentity, a row a distinct one."""
        identities = [decode_identity(raw) for raw in self._numbers]
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
        )


def columns_of(records: Sequence[Record], callers: Callers) -> pl.DataFrame:
    """Return what EVENTS takes from the records themselves, and what `completed` needs for the rest, a row a record.

    That is `eventTime` as written; `caller`, a row of the callers' columns; `sign_in_failed` and `mfa_used`, true of
    console sign-ins alone. An empty text is null, as an absent one is; so is an id that no index takes, as only a
    forged record has it.
    """
    texts = pl.DataFrame([_texts(name, records, field) for name, field in _RECORD.items()])
    ids = pl.col(_IDS)
    # All in one go: so few rows cost less than each query does.
    rows = texts.select(
        pl.when(pl.exclude(_IDS) != "").then(pl.exclude(_IDS)),
        pl.when(ids.str.len_bytes().is_between(1, LONGEST_ID)).then(ids),
        usual_times(pl.col("eventTime")).alias("@timestamp"),
        _is_sign_in().alias("signed_in"),
    )
    if rows["@timestamp"].null_count() > rows["eventTime"].null_count():
        rows = rows.with_columns(parse_times(rows["eventTime"]).alias("@timestamp"))
    return rows.drop("signed_in").hstack(
        [
            _flags("aws.cloudtrail.read_only", records, "read_only"),
            callers.numbers(records),
            *_sign_ins(records, rows["signed_in"].arg_true()),
        ]
    )


def _is_sign_in() -> pl.Expr:
    is_console = pl.col("event.provider").eq_missing("signin.amazonaws.com")
    return is_console | pl.col("event.action").eq_missing("ConsoleLogin")


def _sign_ins(records: Sequence[Record], which: pl.Series) -> list[pl.Series]:
    failed, with_mfa = (pl.repeat(False, len(records), eager=True) for _ in range(2))
    if len(which):
        read = [sign_in(records[row]) for row in which]
        failed.scatter(which, [each for each, _ in read])
        with_mfa.scatter(which, [each for _, each in read])
    return [failed.alias("sign_in_failed"), with_mfa.alias("mfa_used")]


def reason() -> pl.Expr:
    """Return why the record is no event, null where it is one."""
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
        .alias("reason")
    )


def completed(rows: pl.DataFrame, callers: Callers, keys: Sequence[str]) -> pl.DataFrame:
    """Return EVENTS of rows as `columns_of` returns them, with more columns.

    Args:
        rows: has `object`, which of the keys the record was in, `log.offset`, and `sign_in_failed` and `mfa_used`,
            both false but for console sign-ins.
        callers: those of the records.
        keys: the objects' names.
    """
    paths = pl.DataFrame({"log.file.path": pl.Series(keys, dtype=pl.String)}).with_columns(
        pl.col("log.file.path").str.extract(_ACCOUNT_IN_PATH).alias("account_in_path")
    )
    whole = rows.hstack(callers.columns()[rows["caller"]]).hstack(paths[rows["object"]])
    failed = pl.col("aws.cloudtrail.error_code").is_not_null() | pl.col("sign_in_failed")
    # A sign-in is no session yet, and says by itself whether it was made with MFA.
    mfa = pl.when(pl.col("mfa_used") & ~failed).then(True).otherwise(f"{_SESSION}mfa_authenticated")
    account = pl.coalesce("aws.cloudtrail.recipient_account_id", f"{_USER}account_id", "account_in_path")
    return whole.with_columns(
        mfa.alias(f"{_SESSION}mfa_authenticated"),
        account.alias("cloud.account.id"),
        pl.when(failed).then(pl.lit("failure")).otherwise(pl.lit("success")).alias("event.outcome"),
    ).select(*EVENTS)


def _nothing_for_empty() -> pl.Expr:
    return pl.when(pl.col(pl.String) != "").then(pl.col(pl.String))


def _texts(name: str, rows: Iterable[object], field: str) -> pl.Series:
    return pl.Series(name, list(map(attrgetter(field), rows)), pl.String)


def _flags(name: str, rows: Iterable[object], field: str) -> pl.Series:
    return pl.Series(name, list(map(_FLAGS.get, map(attrgetter(field), rows))), pl.Boolean)
