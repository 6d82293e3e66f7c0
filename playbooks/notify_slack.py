"""Tells people of an incident, once for each revision. Where no Slack is set up, they are told on the terminal."""

from prefect import flow

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.playbooks import Playbook
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.channels import TERMINAL, show_on_terminal, write_card


@flow(name="notify_slack", flow_run_name="notify of {incident_id}")
def notify_slack(
    incident_id: str, state: str | None = None, database: str | None = None, settings_block: str | None = None
) -> list[str]:
    """Return the outbox ids of the cards shown now: the newest, and before it what a crash kept from being shown.

    Args:
        incident_id: whose newest revision is told.
        state: where history is kept; the setting where it is left out.
        database: the case store's URL; the setting where it is left out.
        settings_block: name of a saved CloudTrailSettings, for what is left out.

    Raises:
        StateError: the case store does not hold the incident.
    """
    known = known_settings(settings_block, state=state, database=database)
    write_card(known, incident_id, TERMINAL)
    return show_on_terminal(known, incident_id)


def is_told(incident: Incident, known: Settings) -> bool:
    """Return whether the incident is likely enough to wake somebody."""
    return incident.risk >= known.tell_from


PLAYBOOK = Playbook(
    name="notify_slack", applies="risk from 20 % (`tell_from`)", when=is_told, run=notify_slack, tells=True
)
