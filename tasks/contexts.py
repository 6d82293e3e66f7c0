"""The investigation guide, answered for an incident and stored with its revision."""

from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from prefect_cloudtrail import clients, context
from prefect_cloudtrail.cloudtrail import Source
from prefect_cloudtrail.context.records import Unreadable
from prefect_cloudtrail.errors import SettingsError, SourceError
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.cases import stored_incident


@task(task_run_name="answer the guide", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def gather_answers(known: Settings, incident_id: str) -> int:
    """Return how many of the guide's questions were answered in full; all answers are stored."""
    now = datetime.now(UTC)
    with clients.case_store(known) as store:
        incident = stored_incident(store, incident_id)
        found = context.gather(store, _source(known), clients.reader(known), incident, Rules(), now)
        store.responses.keep_context(incident_id, incident.revision, context.document(found), now)
    return sum(answer.undetermined is None for answer in found.answers)


def _source(known: Settings) -> Source:
    """Where the objects lie; without it, the answers that need no object are given all the same."""
    try:
        return clients.log_source(known)
    except (SettingsError, SourceError) as error:
        return Unreadable(str(error))
