"""One run of detection: what arrived since the checkpoint, then a response to everything that must be told."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed

from prefect_cloudtrail import clients, pipeline
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.flows.respond import respond
from prefect_cloudtrail.settings import Settings, settings
from prefect_cloudtrail.tasks.artifacts import show_summary
from prefect_cloudtrail.tasks.runs import name_run
from prefect_cloudtrail.tasks.windows import SKIPPED, run_window, sentence

RESPOND = "respond/respond"


@flow(name="detect")
def detect(
    source: str | None = None,
    city_db: Path | None = None,
    asn_db: Path | None = None,
    state: Path | None = None,
    database: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> State[dict[str, Any]]:
    """Read what arrived, judge it, and start a response to each incident that people must hear of.

    What is left out comes from the settings, `PREFECT_CLOUDTRAIL_...` in the worker's environment. Parameters are shown
    in Prefect: a database URL with a password belongs into the environment.

    Args:
        source: where the log objects are: a folder.
        city_db: city database in MaxMind's format.
        asn_db: ASN database in the same format.
        state: folder for everything that is remembered.
        database: URL of the case store; SQLite in the state folder by default.
        since: events before it are passed over.
        until: events after it are left for a later run; now by default.

    Returns:
        The run's summary row. The state is named Skipped where another detector was at work.

    Raises:
        CloudTrailResponseError: it could not run, or a response failed; says what to do.
    """
    until = as_utc(until) or datetime.now(UTC)
    name_run(f"detect until {until:%Y-%m-%d %H:%M}", "cloudtrail")
    known = settings(source=source, city_db=city_db, asn_db=asn_db, state=state, database=database)
    options = pipeline.Options(until=until, since=as_utc(since), look_back=known.look_back, tell_from=known.tell_from)
    # Before anything can go wrong: what an earlier run found and did not live to tell.
    start_responses(known, state, database)
    ended = run_window(known, options, "detect", may_skip=True, return_state=True)
    if ended.name == SKIPPED:
        return Completed(name=SKIPPED, message=ended.message)
    summary = cast("dict[str, Any]", ended.result())
    show_summary(summary, "detect")
    start_responses(known, state, database)
    return Completed(message=sentence(summary), data=summary)


def start_responses(known: Settings, state: Path | None, database: str | None) -> None:
    """Start one response for each (incident, revision) that is marked to tell, whoever marked it.

    Raises:
        CloudTrailResponseError: a response failed; the others were started, and the next run starts it again.
    """
    failed = []
    with clients.case_store(known) as store:
        for incident_id, revision in store.to_tell():
            failure = _start(incident_id, revision, state, database)
            if failure:
                failed.append(f"{incident_id}: {failure}")
            else:
                # After the start: a crash between the two starts it again, under the same key.
                store.mark_told_started(incident_id, revision, datetime.now(UTC))
    if failed:
        raise CloudTrailResponseError(f"a response failed, {'; '.join(failed)}; the next run starts it again")


def _start(incident_id: str, revision: int, state: Path | None, database: str | None) -> str | None:
    """Start a response where it is deployed, else run it here; return why it failed."""
    parameters = {
        "incident_id": incident_id,
        "revision": revision,
        # The worker that takes it may stand elsewhere in the file system.
        "state": str(state.expanduser().absolute()) if state else None,
        "database": database,
    }
    try:
        run_deployment(
            RESPOND,
            parameters=parameters,
            timeout=0,
            tags=["cloudtrail", f"incident:{incident_id}"],
            idempotency_key=f"{incident_id}:{revision}",
        )
    except ObjectNotFound:
        ended = respond(**parameters, return_state=True)
        return None if ended.is_completed() else ended.message
    return None


def as_utc(moment: datetime | None) -> datetime | None:
    """Return the moment in UTC; one without a zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment and moment.astimezone(UTC)
