"""Proposes less than all, where who acts cannot be told apart; where nothing can be done in AWS, what people do."""

from prefect import flow

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.playbooks import Playbook
from prefect_cloudtrail.response.plans import planners
from prefect_cloudtrail.routes import proposes
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.plans import propose, show_requests


@flow(name="quarantine_principal", flow_run_name="propose a quarantine for {incident_id}")
def quarantine_principal(
    incident_id: str, state: str | None = None, database: str | None = None, settings_block: str | None = None
) -> list[str]:
    """Return the ids of the requests that are open for it; none where this is no answer to the incident.

    Args:
        incident_id: whose principal.
        state: where history is kept; the setting where it is left out.
        database: the case store's URL; the setting where it is left out.
        settings_block: name of a saved CloudTrailSettings, for what is left out.

    Raises:
        StateError: the case store does not hold the incident.
        SettingsError: the rules cannot be read.
    """
    known = known_settings(settings_block, state=state, database=database)
    asked = propose(known, incident_id, "quarantine_principal")
    show_requests(known, asked)
    return asked


def is_proposed(incident: Incident, known: Settings) -> bool:
    """Return whether the incident is likely enough, and of a kind that this answers."""
    return proposes(incident, known, planners())


PLAYBOOK = Playbook(
    name="quarantine_principal",
    applies="any principal, risk from 60 %",
    when=is_proposed,
    run=quarantine_principal,
    needs_approval=True,
)
