"""Proposes a fence: what does not come from the user's usual networks is denied, its work goes on."""

from prefect import flow

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.playbooks import Playbook
from prefect_cloudtrail.routes import proposes
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.plans import propose, show_requests

KINDS = ("iam_user",)


@flow(name="fence_principal", flow_run_name="propose a fence for {incident_id}")
def fence_principal(
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
    asked = propose(known, incident_id, "fence_principal")
    show_requests(known, asked)
    return asked


def is_proposed(incident: Incident, known: Settings) -> bool:
    """Return whether the incident is likely enough, and of a kind that this answers."""
    return proposes(incident, known, KINDS)


PLAYBOOK = Playbook(
    name="fence_principal",
    applies="an IAM user, risk from 60 %",
    when=is_proposed,
    run=fence_principal,
    needs_approval=True,
)
