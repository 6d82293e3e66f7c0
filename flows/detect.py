"""One run of detection: what arrived since the checkpoint, then a response to everything that must be told."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed

from prefect_cloudtrail import card, clients, pipeline
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.flows.respond import respond
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.artifacts import show_summary
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.channels import tell_due
from prefect_cloudtrail.tasks.notices import incident_found, tell_notices
from prefect_cloudtrail.tasks.runs import name_run, restart_crashed
from prefect_cloudtrail.tasks.windows import SKIPPED, run_window

RESPOND = "respond/respond"


@flow(name="detect")
def detect(
    source: str | None = None,
    city_db: Path | None = None,
    asn_db: Path | None = None,
    state: str | None = None,
    database: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    settings_block: str | None = None,
    *,
    spread: bool = False,
) -> State[dict[str, Any]]:
    """Read what arrived, judge it, and start a response to each incident that people must hear of.

    What is left out comes from the settings block, or from `PREFECT_CLOUDTRAIL_...` in the worker's environment.
    Parameters are shown in Prefect: a database URL with a password belongs into the block or the environment.

    Args:
        source: where the log objects are: a folder, s3://bucket/prefix, sqs://queue or lookup://.
        city_db: city database in MaxMind's format.
        asn_db: ASN database in the same format.
        state: where history is kept: a folder, or s3://bucket/prefix beside PostgreSQL.
        database: URL of the case store; SQLite in the state folder by default.
        since: events before it are passed over.
        until: events after it are left for a later run; now by default.
        settings_block: name of a saved CloudTrailSettings, for what is left out.
        spread: whether the flow's task runner reads: other machines, where it is Dask's or Ray's; this process stores.

    Returns:
        The run's summary row. The state is named Skipped where another detector was at work.

    Raises:
        CloudTrailResponseError: it could not run, or a response failed; says what to do.
    """
    until = as_utc(until) or datetime.now(UTC)
    name_run(f"detect until {until:%Y-%m-%d %H:%M}", "cloudtrail")
    known = known_settings(
        settings_block, source=source, city_db=city_db, asn_db=asn_db, state=state, database=database
    )
    found_with = FoundWith(_absolute(state), database, settings_block)
    options = pipeline.Options(
        until=until,
        since=as_utc(since),
        look_back=known.look_back,
        list_back=known.list_back,
        tell_from=known.tell_from,
        max_object_bytes=known.max_object_bytes,
    )
    # Before anything can go wrong: what an earlier run found and did not live to tell, or a response that was killed.
    restart_crashed(RESPOND)
    start_responses(known, found_with)
    ended = run_window(known, options, "detect", may_skip=True, spread=spread, return_state=True)
    if ended.name == SKIPPED:
        return Completed(name=SKIPPED, message=ended.message)
    summary = cast("dict[str, Any]", ended.result())
    show_summary(summary, "detect")
    tell_notices(known)
    start_responses(known, found_with)
    if known.slack_channel is not None:
        # Where no responder is there to do it: what Slack did not take before, and who is called next.
        tell_due(known)
    return Completed(message=" ".join(card.summary_lines(summary)), data=summary)


@dataclass(frozen=True)
class FoundWith:
    """Which of its parameters a response must be given, so that it finds what this run found."""

    # Absolute: the worker that takes it may stand elsewhere in the file system.
    state: str | None
    database: str | None
    settings_block: str | None


def start_responses(known: Settings, found_with: FoundWith) -> None:
    """Start one response for each (incident, revision) that is marked to tell, whoever marked it.

    Raises:
        CloudTrailResponseError: a response failed; the others were started, and the next run starts it again.
    """
    failed = []
    with clients.case_store(known) as store:
        to_tell = store.to_tell()
        of_state = str(store.identity())  # what is to tell, a run has found
        for incident_id, revision in to_tell:
            failure = _start(incident_id, revision, of_state, found_with)
            if failure:
                failed.append(f"{incident_id}: {failure}")
            else:
                incident_found(incident_id, revision, of_state)
                # After the start: a crash between the two starts it again, under the same key.
                store.mark_told_started(incident_id, revision, datetime.now(UTC))
    if failed:
        raise CloudTrailResponseError(f"a response failed, {'; '.join(failed)}; the next run starts it again")


def _start(incident_id: str, revision: int, of_state: str, found_with: FoundWith) -> str | None:
    """Start a response where it is deployed, else run it here; return why it failed."""
    parameters: dict[str, Any] = {"incident_id": incident_id, "revision": revision, **asdict(found_with)}
    try:
        run_deployment(
            RESPOND,
            parameters=parameters,
            timeout=0,
            tags=["cloudtrail", f"incident:{incident_id}"],
            # A state made anew on the same server finds the same incidents again, and they are to be told again.
            idempotency_key=f"{incident_id}:{revision}:{of_state}",
        )
    except ObjectNotFound:
        ended = respond(**parameters, return_state=True)
        return None if ended.is_completed() else ended.message
    return None


def _absolute(state: str | None) -> str | None:
    return str(Path(state).expanduser().absolute()) if state and "://" not in state else state


def as_utc(moment: datetime | None) -> datetime | None:
    """Return the moment in UTC; one without a zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment and moment.astimezone(UTC)
