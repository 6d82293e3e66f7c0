"""Reading what arrived, as a step that may be repeated: a run stores in one transaction, or not at all."""

from dataclasses import replace
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from prefect_cloudtrail import card, clients, pipeline
from prefect_cloudtrail.errors import LeaseHeldError
from prefect_cloudtrail.rows import summary_row
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.reading import CHUNK_BYTES, mapped
from prefect_cloudtrail.tasks.repeating import is_worth_repeating

# The name of a run that left the reading to another: neither an error nor a look that found nothing.
SKIPPED = "Skipped"


@task(
    task_run_name="read what arrived",
    retries=3,
    retry_delay_seconds=[2, 10, 30],
    retry_condition_fn=is_worth_repeating,
    cache_policy=NO_CACHE,
)
def run_window(
    known: Settings, options: pipeline.Options, owner: str, *, may_skip: bool = False, spread: bool = False
) -> dict[str, Any] | State[None]:
    """Return the summary row of one run: everything that arrived since the checkpoint, judged and stored.

    Where another is at work, or takes over meanwhile, and `may_skip` says so, it ends in a state named SKIPPED instead
    of failing. `spread` has the flow's task runner read; it is this process that judges and stores.
    """
    reading = mapped(known) if spread else clients.reading(known)
    if spread:
        options = replace(options, chunk_bytes=CHUNK_BYTES)
    past = options.learn_until is not None
    geo, source = clients.geo(known), clients.log_source(known, since=options.since, until=options.until, past=past)
    with clients.case_store(known) as store:
        try:
            outcome = pipeline.run(store, source, geo, options, owner=owner, reading=reading)
        except LeaseHeldError as error:
            if may_skip:
                return Completed(name=SKIPPED, message=str(error))
            raise
    summary = summary_row(outcome.summary.row())
    get_run_logger().info("%s", " ".join(card.summary_lines(summary)))
    return summary
