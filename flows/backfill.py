"""Learning from past days: what is usual, before anything is judged."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from prefect_cloudtrail import pipeline
from prefect_cloudtrail.tasks.artifacts import show_summary
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.runs import name_run
from prefect_cloudtrail.tasks.windows import run_window


@flow(name="backfill")
def backfill(
    until: datetime,
    source: str | None = None,
    city_db: Path | None = None,
    asn_db: Path | None = None,
    state: str | None = None,
    database: str | None = None,
    settings_block: str | None = None,
    *,
    spread: bool = False,
) -> State[dict[str, Any]]:
    """Learn what was usual until then, and raise nothing.

    What is left out comes from the settings block, or from `PREFECT_CLOUDTRAIL_...` in the worker's environment.

    Args:
        until: events after it are left for detect; without a zone it is UTC.
        source: where the log objects are: a folder, s3://bucket/prefix, or lookup://; a queue holds no past.
        city_db: city database in MaxMind's format.
        asn_db: ASN database in the same format.
        state: where history is kept: a folder, or s3://bucket/prefix beside PostgreSQL.
        database: URL of the case store; SQLite in the state folder by default.
        settings_block: name of a saved CloudTrailSettings, for what is left out.
        spread: whether the flow's task runner reads: other machines, where it is Dask's or Ray's; this process stores.

    Returns:
        The run's summary row.

    Raises:
        CloudTrailResponseError: it could not run; says what to do.
    """
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
    name_run(f"backfill until {until:%Y-%m-%d %H:%M}", "cloudtrail")
    known = known_settings(
        settings_block, source=source, city_db=city_db, asn_db=asn_db, state=state, database=database
    )
    # What was called before then and delivered later is learned, too.
    options = pipeline.Options(
        until=until,
        learn_until=pipeline.FOREVER,
        look_back=known.look_back,
        list_back=known.list_back,
        max_object_bytes=known.max_object_bytes,
    )
    summary = cast("dict[str, Any]", run_window(known, options, "backfill", spread=spread))
    show_summary(summary, "backfill")
    return Completed(message=f"learned from {summary['events']:,} events until {until:%Y-%m-%d %H:%M}", data=summary)
