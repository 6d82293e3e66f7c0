"""Answers the investigation guide's questions about an incident, from its records, history, and AWS."""

from prefect import flow

from prefect_cloudtrail.playbooks import Playbook
from prefect_cloudtrail.playbooks.notify_slack import is_told
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.contexts import gather_answers


@flow(name="gather_context", flow_run_name="gather context of {incident_id}")
def gather_context(
    incident_id: str, state: str | None = None, database: str | None = None, settings_block: str | None = None
) -> int:
    """Return how many of the guide's questions could be answered in full; all are stored, with why not.

    Args:
        incident_id: whose newest revision is asked about.
        state: where history is kept; the setting where it is left out.
        database: the case store's URL; the setting where it is left out.
        settings_block: name of a saved CloudTrailSettings, for what is left out.

    Raises:
        StateError: the case store does not hold the incident.
    """
    return gather_answers(known_settings(settings_block, state=state, database=database), incident_id)


PLAYBOOK = Playbook(
    name="gather_context", applies="every incident that is told (`tell_from`)", when=is_told, run=gather_context
)
