"""How else CloudTrail's records become EVENTS: dictionaries into columns, DuckDB, polars' own reader."""

from collections.abc import Callable, Iterable
from typing import IO, Any

import polars as pl

from prefect_cloudtrail.cloudtrail.unpack import Text
from prefect_cloudtrail.schema import EVENTS

Texts = Iterable[tuple[str, Text]]
PART_RECORDS = 20_000  # dictionaries held at a time
PART_BYTES = 16_000_000  # JSON handed over at a time
SIGN_IN = "signin.amazonaws.com"
USER = "aws.cloudtrail.user_identity"
SESSION = f"{USER}.session_context"

# EVENTS' texts, as a record's path; what is not said is null.
PATHS_OF = {
    "eventTime": "eventTime",
    "event.id": "eventID",
    "event.provider": "eventSource",
    "event.action": "eventName",
    "event.type": "eventType",
    "cloud.region": "awsRegion",
    "source.address": "sourceIPAddress",
    "user_agent.original": "userAgent",
    "aws.cloudtrail.error_code": "errorCode",
    "aws.cloudtrail.error_message": "errorMessage",
    "aws.cloudtrail.read_only": "readOnly",
    "aws.cloudtrail.recipient_account_id": "recipientAccountId",
    "aws.cloudtrail.shared_event_id": "sharedEventID",
    "user.name": "userIdentity.userName",
    f"{USER}.type": "userIdentity.type",
    f"{USER}.arn": "userIdentity.arn",
    f"{USER}.principal_id": "userIdentity.principalId",
    f"{USER}.account_id": "userIdentity.accountId",
    f"{USER}.access_key_id": "userIdentity.accessKeyId",
    f"{USER}.invoked_by": "userIdentity.invokedBy",
    f"{USER}.identity_provider": "userIdentity.identityProvider",
    f"{USER}.on_behalf_of.user_id": "userIdentity.onBehalfOf.userId",
    f"{SESSION}.session_issuer.arn": "userIdentity.sessionContext.sessionIssuer.arn",
    f"{SESSION}.session_issuer.type": "userIdentity.sessionContext.sessionIssuer.type",
    f"{SESSION}.mfa_authenticated": "userIdentity.sessionContext.attributes.mfaAuthenticated",
    f"{SESSION}.creation_date": "userIdentity.sessionContext.attributes.creationDate",
    f"{SESSION}.source_identity": "userIdentity.sessionContext.sourceIdentity",
    "signedIn": "responseElements.ConsoleLogin",
    "mfaUsed": "additionalEventData.MFAUsed",
}
# Asked of sign-ins alone: elsewhere both may be anything.
OF_SIGN_INS = ("signedIn", "mfaUsed")


def of_dicts(objects: Iterable[tuple[str, list[dict[str, Any]]]]) -> pl.DataFrame:
    """Return EVENTS of records that are dictionaries, some thousand at a time, a list for every column."""
    parts: list[pl.DataFrame] = []
    records: list[dict[str, Any]] = []
    paths: list[str] = []
    offsets: list[int] = []
    for key, found in objects:
        records += found
        paths += [key] * len(found)
        offsets += range(len(found))
        if len(records) >= PART_RECORDS:
            parts.append(_part_of_dicts(records, paths, offsets))
            records, paths, offsets = [], [], []
    parts.append(_part_of_dicts(records, paths, offsets))
    return pl.concat(parts)


def _part_of_dicts(records: list[dict[str, Any]], paths: list[str], offsets: list[int]) -> pl.DataFrame:
    nothing: dict[str, Any] = {}
    users = [record.get("userIdentity") or nothing for record in records]
    sessions = [user.get("sessionContext") or nothing for user in users]
    issuers = [session.get("sessionIssuer") or nothing for session in sessions]
    attributes = [session.get("attributes") or nothing for session in sessions]
    people = [user.get("onBehalfOf") or nothing for user in users]
    held = {
        "userIdentity": users,
        "userIdentity.sessionContext": sessions,
        "userIdentity.sessionContext.sessionIssuer": issuers,
        "userIdentity.sessionContext.attributes": attributes,
        "userIdentity.onBehalfOf": people,
        "": records,
    }
    columns: dict[str, list[Any]] = {}
    for name, path in PATHS_OF.items():
        if name not in OF_SIGN_INS:
            holder, _, field = path.rpartition(".")
            columns[name] = [each.get(field) for each in held[holder]]
    for name in ("aws.cloudtrail.read_only", f"{SESSION}.mfa_authenticated"):
        columns[name] = [str(each).lower() if each is not None else None for each in columns[name]]
    signing_in = [record if record.get("eventSource") == SIGN_IN else nothing for record in records]
    columns["signedIn"] = [(record.get("responseElements") or nothing).get("ConsoleLogin") for record in signing_in]
    columns["mfaUsed"] = [(record.get("additionalEventData") or nothing).get("MFAUsed") for record in signing_in]
    texts = pl.DataFrame({name: pl.Series(column, dtype=pl.String) for name, column in columns.items()})
    where = pl.DataFrame({"log.file.path": paths, "log.offset": pl.Series(offsets, dtype=pl.UInt32)})
    return events_of(pl.concat([texts, where], how="horizontal"))


def events_of(texts: pl.DataFrame) -> pl.DataFrame:
    """Return EVENTS of the records' texts, as every peer finds them: times, flags, and how it ended."""
    moment = "%Y-%m-%dT%H:%M:%SZ"
    sign_in = pl.col("event.provider") == SIGN_IN
    failed = pl.col("aws.cloudtrail.error_code").is_not_null() | (
        sign_in & (pl.col("signedIn") == "Failure").fill_null(value=False)
    )
    mfa = _flag(f"{SESSION}.mfa_authenticated")
    used = (pl.col("event.action") == "ConsoleLogin") & (pl.col("mfaUsed") == "Yes").fill_null(value=False) & ~failed
    said = pl.when(pl.col(pl.String) != "").then(pl.col(pl.String))
    return (
        texts.with_columns(said)
        .with_columns(
            pl.col("eventTime").str.to_datetime(moment, time_unit="us", time_zone="UTC").alias("@timestamp"),
            pl.col(f"{SESSION}.creation_date").str.to_datetime(moment, time_unit="us", time_zone="UTC"),
            _flag("aws.cloudtrail.read_only"),
            pl.when(used).then(pl.lit(value=True)).otherwise(mfa).alias(f"{SESSION}.mfa_authenticated"),
            pl.when(failed).then(pl.lit("failure")).otherwise(pl.lit("success")).alias("event.outcome"),
            pl.coalesce("aws.cloudtrail.recipient_account_id", f"{USER}.account_id").alias("cloud.account.id"),
            (
                pl.when(pl.col("aws.cloudtrail.shared_event_id") != pl.col("event.id"))
                .then("aws.cloudtrail.shared_event_id")
                .alias("aws.cloudtrail.shared_event_id")
            ),
        )
        .select(list(EVENTS))
    )


def _flag(name: str) -> pl.Expr:
    return pl.when(pl.col(name) == "true").then(True).when(pl.col(name) == "false").then(False).alias(name)


# --- DuckDB -----------------------------------------------------------------------------------------------------------


def _tree() -> dict[str, Any]:
    """The paths as objects in objects."""
    tree: dict[str, Any] = {}
    for path in PATHS_OF.values():
        *above, field = path.split(".")
        inner = tree
        for each in above:
            inner = inner.setdefault(each, {})
        inner[field] = None
    # What a sign-in holds there is any value elsewhere.
    return tree | {"responseElements": None, "additionalEventData": None}


def _structure(tree: dict[str, Any]) -> str:
    fields = (f'"{name}":{_structure(below) if below else _kind(name)}' for name, below in tree.items())
    return f"{{{','.join(fields)}}}"


def _kind(name: str) -> str:
    return '"JSON"' if name in {"responseElements", "additionalEventData"} else '"VARCHAR"'


def _asked(path: str) -> str:
    holder, _, field = path.partition(".")
    if holder in {"responseElements", "additionalEventData"}:
        return f"case when record.eventSource = '{SIGN_IN}' then record.{holder}->>'$.{field}' end"
    return f"record.{path}"


# One cast of a whole object to a list of structs.
STRUCTS = f"""
with records as (
    select path, unnest(records) as record, generate_subscripts(records, 1) - 1 as place from (
        select path, from_json(text, '{{"Records":[{_structure(_tree())}]}}').Records as records from objects)
)
select {", ".join(f'{_asked(path)} as "{name}"' for name, path in PATHS_OF.items())},
    path as "log.file.path", place::uinteger as "log.offset" from records
"""
# Records cut apart as JSON, then all paths of each in one call.
PATHS = f"""
with records as (
    select path, unnest(records) as record, generate_subscripts(records, 1) - 1 as place from (
        select path, json_extract(text, '$.Records[*]') as records from objects)
),
found as (
    select path, place, json_extract_string(record, [{", ".join(f"'$.{path}'" for path in PATHS_OF.values())}]) as texts
    from records)
select {", ".join(f'texts[{at}] as "{name}"' for at, name in enumerate(PATHS_OF, start=1))},
    path as "log.file.path", place::uinteger as "log.offset" from found
"""


def of_duckdb(objects: Texts, sql: str) -> pl.DataFrame:
    """Return EVENTS as DuckDB's JSON functions find them in texts that it gets over Arrow, on one thread."""
    import duckdb  # noqa: PLC0415 - so that nobody else's process holds it
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415

    parts = []
    with duckdb.connect(config={"threads": 1}) as database:
        for keys, texts in _parts(objects):
            table = pa.table({"path": keys, "text": pa.array(texts, type=pa.binary()).cast(pa.string())})
            database.register("objects", table)
            parts.append(events_of(pl.DataFrame(database.sql(sql).arrow())))
    return pl.concat(parts).sort("log.file.path", "log.offset")


def _parts(objects: Texts) -> Iterable[tuple[list[str], list[Text]]]:
    keys: list[str] = []
    texts: list[Text] = []
    for key, text in objects:
        keys.append(key)
        texts.append(text)
        if sum(map(len, texts)) >= PART_BYTES:
            yield keys, texts
            keys, texts = [], []
    if keys:
        yield keys, texts


# --- polars -----------------------------------------------------------------------------------------------------------


def _dtype(tree: dict[str, Any]) -> pl.Struct:
    return pl.Struct(
        {
            name: _dtype(below) if below else pl.Boolean if name == "readOnly" else pl.String
            for name, below in tree.items()
        }
    )


def of_polars(objects: Texts, opened: Callable[[bytes], IO[bytes]]) -> pl.DataFrame:
    """Return EVENTS as polars' NDJSON reader finds them: an object is a line, its records a list of structs."""
    schema = {"Records": pl.List(_dtype(_tree()))}
    parts = []
    for keys, texts in _parts(objects):
        lines = pl.read_ndjson(opened(b"\n".join(texts)), schema=schema)
        records = (
            lines.with_columns(pl.Series("log.file.path", keys))
            .with_columns(pl.int_ranges(pl.col("Records").list.len(), dtype=pl.UInt32).alias("log.offset"))
            .explode("Records", "log.offset")
        )
        parts.append(events_of(records.select("log.file.path", "log.offset", *map(_found, PATHS_OF))))
    return pl.concat(parts)


def _found(name: str) -> pl.Expr:
    first, *rest = PATHS_OF[name].split(".")
    found = pl.col("Records").struct.field(first)
    if name in OF_SIGN_INS:
        sign_in = pl.col("Records").struct.field("eventSource") == SIGN_IN
        return pl.when(sign_in).then(found.str.json_path_match(f"$.{rest[0]}")).alias(name)
    for field in rest:
        found = found.struct.field(field)
    return found.cast(pl.String).alias(name)
