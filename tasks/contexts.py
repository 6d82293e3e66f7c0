"""The investigation guide, answered for an incident and stored with its revision."""

from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from prefect_cloudtrail import clients, context
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.cases import records_of, stored_incident


@task(task_run_name="answer the guide", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def gather_answers(known: Settings, incident_id: str) -> int:
    """Return how many of the guide's questions were answered in full; all answers are stored."""
    now = datetime.now(UTC)
    with clients.case_store(known) as store:
        incident = stored_incident(store, incident_id)
        found = context.gather(store, records_of(known), clients.reader(known), incident, read_rules(known.rules), now)
        store.responses.keep_context(incident_id, incident.revision, context.document(found), now)
    return sum(answer.undetermined is None for answer in found.answers)
