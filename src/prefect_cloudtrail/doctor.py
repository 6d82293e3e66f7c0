"""Looks at what a run needs and says what is wrong and what to do; it writes nothing, and makes no state.

What needs Prefect's server is looked at in tasks/prefect_server.py.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from prefect_cloudtrail import arrivals, clients
from prefect_cloudtrail.checks import Check, ago, counted, long_as
from prefect_cloudtrail.cloudtrail import LogObject
from prefect_cloudtrail.errors import CloudTrailResponseError, NewerStateError, SettingsError, SourceError, StateError
from prefect_cloudtrail.geo import Database, Geo
from prefect_cloudtrail.settings import PREFIX, Settings, settings
from prefect_cloudtrail.store import Store, postgresql
from prefect_cloudtrail.store.database import FILE_NAME, connect, existing_kind, stored_revision
from prefect_cloudtrail.store.database import Database as CaseDatabase
from prefect_cloudtrail.store.files import KINDS
from prefect_cloudtrail.store.folder import require_writable
from prefect_cloudtrail.store.leases import RELEASED
from prefect_cloudtrail.store.processes import read_owner
from prefect_cloudtrail.store.tables import LEASES

DELIVERED_WITHIN = timedelta(hours=1)  # CloudTrail says about 5 minutes; 15 are common
DATABASE_LASTS = timedelta(days=60)  # vendors publish weekly or monthly, and networks move
RUNS_EVERY = timedelta(minutes=15)
RUN_IS_LATE = 3 * RUNS_EVERY
CLOCK_MAY_DIFFER = timedelta(seconds=60)
# Of the paths among the settings, those that a worker would look for in whatever folder it was started in.
PATHS = ("source", "city_db", "asn_db", "state")


def examine(given: Mapping[str, object], environment: Mapping[str, str], now: datetime) -> list[Check]:
    """Return every check that needs no Prefect server, in the order a run needs things.

    Args:
        given: the command line's options; None is not given.
        environment: the process's environment variables.
        now: what this machine's clock says.
    """
    misspelt = _misspelt(environment)
    try:
        known = settings(**given)
    except SettingsError as error:
        return [*misspelt, Check("settings", "fail", str(error))]
    return [*misspelt, *_relative(known, given), *check(known, now)]


def check(known: Settings, now: datetime) -> list[Check]:
    """Return what is to be said of the source, the databases, the state and the clock."""
    began = time.monotonic()
    clock = _answered("clock", _clock(known, now, began))
    objects: list[LogObject] = []
    source = _answered("source", _source(known, now, objects))
    return [
        Check("settings", "ok", f"set: {', '.join(sorted(known.model_fields_set)) or 'nothing'}"),
        *source,
        *_geo(known, now),
        *_answered("state", _state(known, now, objects)),
        *clock,
    ]


def _answered(name: str, checks: Iterator[Check]) -> list[Check]:
    """The checks up to the first that cannot be made, and that one with its reason."""
    made: list[Check] = []
    try:
        made.extend(checks)
    except CloudTrailResponseError as error:
        made.append(Check(name, "fail", str(error)))
    except OSError as error:
        made.append(Check(name, "fail", f"cannot be looked at: {error}", "give this user the rights"))
    return made


# --- settings ---------------------------------------------------------------------------------------------------------


def _misspelt(environment: Mapping[str, str]) -> list[Check]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return [
        Check(
            "settings", "fail", f"{name} is no setting", "correct its name: the settings are in the README, in a table"
        )
        for name in sorted(environment)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    ]


def _relative(known: Settings, given: Mapping[str, object]) -> list[Check]:
    """A path in the environment that means something else in each folder a worker starts in."""
    values = {name: str(getattr(known, name) or "") for name in PATHS}
    names = [
        f"{PREFIX}{name.upper()}"
        for name, value in values.items()
        if value and given.get(name) is None and "://" not in value and not Path(value).expanduser().is_absolute()
    ]
    if not names:
        return []
    said = f"{', '.join(names)}: a relative path, which each worker looks for in the folder it was started in"
    return [Check("settings", "warn", said, "set an absolute path")]


# --- source -----------------------------------------------------------------------------------------------------------


def _source(known: Settings, now: datetime, objects: list[LogObject]) -> Iterator[Check]:
    """The newest objects are listed and one is read; `objects` is given them."""
    source = clients.log_source(known)
    found = source.list(now - known.list_back)
    objects.extend(found)
    if not found:
        raise SourceError(
            f"{known.source}: nothing was delivered in the last {long_as(known.list_back)}; name the trail's bucket, "
            "and the prefix below which AWSLogs/ lies, and see that the trail is logging"
        )
    beginning = datetime.min.replace(tzinfo=UTC)
    newest = max(found, key=lambda each: (each.delivered or beginning, each.key))
    source.read(newest.key)
    listed = f"{known.source}: {counted(len(found), 'log object')}"
    if newest.delivered is None:
        yield Check("source", "ok", f"{listed}, none of which says when it was delivered")
        return
    age = now - newest.delivered
    said = f"{listed}, the newest delivered {ago(age)}"
    if age <= DELIVERED_WITHIN:
        yield Check("source", "ok", said)
    else:
        fix = "see that the trail is logging and still delivers here; where the folder is a copy, copy it again"
        yield Check("source", "warn", said, fix)


# --- geo databases ----------------------------------------------------------------------------------------------------


def _geo(known: Settings, now: datetime) -> list[Check]:
    asn_path = known.asn_db
    city = _answered("city_db", _cities(known, now))
    if asn_path is None:
        lost = "none: nobody knows who owns a network, and the evidence of hosting networks goes unsaid"
        return [
            *city,
            Check("asn_db", "warn", lost, "set PREFECT_CLOUDTRAIL_ASN_DB, to GeoLite2-ASN or DB-IP ASN Lite"),
        ]
    if city[0].status == "fail":
        return [*city, Check("asn_db", "skipped", "not looked at before there is a city database")]
    return [*city, *_answered("asn_db", _networks(known, now))]


def _cities(known: Settings, now: datetime) -> Iterator[Check]:
    yield _aged("city_db", clients.geo(known.model_copy(update={"asn_db": None})).city, now)


def _networks(known: Settings, now: datetime) -> Iterator[Check]:
    opened: Geo = clients.geo(known)
    if opened.asn:
        yield _aged("asn_db", opened.asn, now)


def _aged(name: str, database: Database, now: datetime) -> Check:
    built = datetime.fromtimestamp(database.built, UTC)
    said = f"{database.path}: {database.type}, built {built:%Y-%m-%d}"
    if now - built <= DATABASE_LASTS:
        return Check(name, "ok", said)
    return Check(name, "warn", f"{said}, {ago(now - built)}", "fetch a newer one, and again every month")


# --- state ------------------------------------------------------------------------------------------------------------


def _state(known: Settings, now: datetime, objects: Sequence[LogObject]) -> Iterator[Check]:
    folder = None if known.state.startswith(clients.S3) else Path(known.state).expanduser()
    if folder:
        _require_place(folder)
    if folder is None and (known.database is None or known.database.startswith("sqlite")):
        clients.existing_store(known).close()  # raises: files in a bucket want another database
        return
    opened = connect(known.database or Path(known.state).expanduser() / FILE_NAME, read_only=True)
    try:
        yield from _database(known, opened, now, objects)
    finally:
        opened.close()


def _database(known: Settings, opened: CaseDatabase, now: datetime, objects: Sequence[LogObject]) -> Iterator[Check]:
    beginning = "run prefect-cloudtrail backfill over past days, then detect"
    if opened.is_missing():
        yield Check("state", "warn", f"no state in {known.state} yet", beginning)
        return
    with opened.reading() as connection:
        revision = stored_revision(connection, opened.where)
        if revision is None and connection.dialect.name == "postgresql":
            postgresql.require_unicode(connection, opened.where)
    if known.database:
        yield Check("database", "ok", f"{opened.where} answers")
    if revision is None:
        yield Check("state", "warn", f"no state in {opened.where} yet", beginning)
        return
    try:
        kind = existing_kind(opened)
    except NewerStateError:
        raise
    except StateError as error:  # older, which the next run mends
        yield Check("state", "warn", str(error))
        return
    if kind != "live":
        raise StateError(f"{opened.where} holds a {kind} state, not a live one: give another folder as --state")
    with clients.existing_store(known) as store:
        yield from _files(store, opened.where)
        yield from _progress(store, now, objects)
        yield _lease(opened, now)
        yield _told(store, now)


def _require_place(folder: Path) -> None:
    """Refuse a folder that a run could not write, or could not make."""
    if folder.exists() and not folder.is_dir():
        raise StateError(f"{folder} is a file: give a folder as --state")
    parts = [folder, *(folder / name for name in (FILE_NAME, *KINDS))]
    existing = [path for path in parts if path.exists()] or [_above(folder)]
    for path in existing:
        require_writable(path)


def _above(folder: Path) -> Path:
    return next(parent for parent in folder.absolute().parents if parent.is_dir())


def _files(store: Store, where: str) -> Iterator[Check]:
    entries = [entry for kind in KINDS for entry in store.files(kind)]
    present = store.home.found()
    gone = [entry.name for entry in entries if entry.name not in present]
    if entries and len(gone) == len(entries) and present:
        raise StateError(
            f"{store.home.where} holds other files than {where} names: "
            "give the --state and the --database that belong together"
        )
    if gone:
        raise StateError(
            f"{counted(len(gone), 'file')} in {store.home.where}, which the case store names, cannot be found, "
            f"the first is {gone[0]}: restore the files and the database from one backup"
        )
    if not store.home.where.startswith(clients.S3):
        store.home.paths(entries)  # each as long as it was written
    yield Check("state", "ok", f"{where}, and {counted(len(entries), 'file')} in {store.home.where}")


def _progress(store: Store, now: datetime, objects: Sequence[LogObject]) -> Iterator[Check]:
    """How far it has read, and what the last run said of it."""
    checkpoint = store.checkpoint()
    if checkpoint is None:
        fix = "run prefect-cloudtrail backfill over past days, then detect"
        yield Check("checkpoint", "warn", "nothing was read yet", fix)
        return
    unread = _unread(store, objects, now)
    # Without a list of the source, the clock must do.
    since = min(unread, default=None) if objects else checkpoint
    said = f"all is read that was delivered until {checkpoint:%Y-%m-%d %H:%M} UTC"
    if since and now - since > RUN_IS_LATE:
        left = f"{counted(len(unread), 'log object')} unread, the oldest delivered" if objects else f"{said},"
        fix = "see that detect is scheduled, that a worker takes its runs, and why the last one failed"
        yield Check("checkpoint", "warn", f"detect has not run since: {left} {ago(now - since)}", fix)
    else:
        yield Check("checkpoint", "ok", said)
    last: dict[str, Any] = next(iter(store.runs(limit=1)), {}).get("summary", {})
    yield from _last_run(last, now)


def _unread(store: Store, objects: Sequence[LogObject], now: datetime) -> list[datetime]:
    """When those were delivered of which a run has something to read still; an object may hold no event of its own."""
    delivered = [each.delivered for each in objects if each.delivered]
    left = arrivals.arrived(store.ledger(min(delivered, default=None)), objects, now)
    return [each.delivered for each in left if each.delivered]


def _last_run(summary: Mapping[str, Any], now: datetime) -> Iterator[Check]:
    learning = [each for each in summary.get("learning", ()) if datetime.fromisoformat(each.split()[-1]) > now]
    if learning:
        said = f"nothing is raised in an account's first days: {', '.join(learning)}"
        yield Check("learning", "warn", said, "learn from past days, with prefect-cloudtrail backfill, or wait")
    rejected: Mapping[str, int] = summary.get("rejected", {})
    if rejected:
        reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.items())
        fix = "see what lies in the source beside the trail; one bad record stops nothing"
        yield Check("records", "warn", f"the last run rejected {reasons}", fix)


def _lease(opened: CaseDatabase, now: datetime) -> Check:
    with opened.reading() as connection:
        held = connection.execute(sa.select(LEASES).where(LEASES.c.name == "detect")).one_or_none()
    if held is None or held.expires_at == RELEASED:
        return Check("lease", "ok", "nobody is at work")
    owner, process = read_owner(held.owner)
    who = f"{owner} ({process})" if process else owner
    if held.expires_at <= now or (process and process.is_gone()):
        return Check("lease", "warn", f"{who} ended without giving it back", "nothing: the next run takes it over")
    return Check("lease", "ok", f"{who} is at work, and holds it until {held.expires_at:%H:%M:%S} UTC at least")


def _told(store: Store, now: datetime) -> Check:
    marked = store.to_tell()
    unconfirmed = [row for row in store.outbox_pending() if now - row.written_at > RUNS_EVERY]
    if unconfirmed:
        said = f"{counted(len(unconfirmed), 'message')} written and not shown, of {unconfirmed[0].incident_id} first"
        return Check("told", "warn", said, f"run respond again: {_respond(unconfirmed[0].incident_id)}")
    if marked:
        said = f"{counted(len(marked), 'incident')} to tell, {marked[0][0]} first"
        return Check(
            "told", "warn", said, "nothing where detect is at work; else run the flow detect, which starts respond"
        )
    return Check("told", "ok", "every incident to tell was told")


def _respond(incident_id: str) -> str:
    return f"prefect deployment run respond/respond --param incident_id={incident_id}"


# --- clock ------------------------------------------------------------------------------------------------------------


def _clock(known: Settings, now: datetime, began: float) -> Iterator[Check]:
    bucket = next((url for url in (known.source or "", known.state) if url.startswith(clients.S3)), None)
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
