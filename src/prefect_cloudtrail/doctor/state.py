"""Whether a run could work on the state, and what the runs before left to see to; opens it for reading alone."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from prefect_cloudtrail import arrivals, clients
from prefect_cloudtrail.checks import Check, ago, counted
from prefect_cloudtrail.cloudtrail import LogObject
from prefect_cloudtrail.doctor.responder import look_at_audit, look_at_listener, look_at_responder, look_at_versions
from prefect_cloudtrail.doctor.silence import look_at_silence
from prefect_cloudtrail.errors import NewerStateError, StateError
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store, postgresql
from prefect_cloudtrail.store.database import FILE_NAME, Database, connect, existing_kind, stored_revision
from prefect_cloudtrail.store.files import KINDS
from prefect_cloudtrail.store.folder import require_writable
from prefect_cloudtrail.store.leases import RELEASED
from prefect_cloudtrail.store.processes import read_owner
from prefect_cloudtrail.store.tables import LEASES

RUNS_EVERY = timedelta(minutes=15)
RUN_IS_LATE = 3 * RUNS_EVERY


def look_at_state(known: Settings, now: datetime, objects: Sequence[LogObject]) -> Iterator[Check]:
    """Yield what is to be said of the state's place, its database, its files, and what runs left in it.

    Args:
        known: the settings.
        now: what this machine's clock says.
        objects: the source's newest; empty where it cannot be listed.

    Raises:
        CloudTrailResponseError: of what cannot be looked at, and why.
    """
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


def _database(known: Settings, opened: Database, now: datetime, objects: Sequence[LogObject]) -> Iterator[Check]:
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
        trail = known.trail if (known.source or "").startswith(clients.SQS) else None
        yield from _progress(store, now, objects, trail)
        yield from look_at_silence(store, now)
        yield _lease(opened, now)
        yield _told(store, now)
        yield from look_at_versions(store)
        yield from look_at_responder(store, now)
        yield from look_at_audit(store, clients.head_of(known) if known.signing_keys else None)
        if known.slack_channel is not None:
            yield look_at_listener(store, now)


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


def _progress(store: Store, now: datetime, objects: Sequence[LogObject], trail: str | None) -> Iterator[Check]:
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
    if since and now - since > RUN_IS_LATE and unread and trail:
        said = f"{counted(len(unread), 'log object')} of the trail unread, the oldest delivered {ago(now - since)}"
        fix = (
            f"where detect runs, their notices were lost: read them with detect --source {trail}, on this state, and "
            "see that the bucket still sends to the queue"
        )
        yield Check("checkpoint", "warn", said, fix)
    elif since and now - since > RUN_IS_LATE:
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


def _lease(opened: Database, now: datetime) -> Check:
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
