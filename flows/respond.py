"""The response to one incident: its playbooks, and what a reviewer finds of it in Prefect."""

from typing import Any

from prefect import flow, tags
from prefect.client.schemas.objects import State
from prefect.states import Completed

from prefect_cloudtrail import card, clients
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.playbooks import named, routed
from prefect_cloudtrail.tasks.artifacts import show_context, show_evidence, show_report
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.cases import stored_incident
from prefect_cloudtrail.tasks.channels import tell_due
from prefect_cloudtrail.tasks.runs import name_run


@flow(name="respond")
def respond(
    incident_id: str,
    revision: int = 1,
    state: str | None = None,
    database: str | None = None,
    settings_block: str | None = None,
    playbook: str | None = None,
) -> State[list[str]]:
    """Run the playbooks of one incident, as it is now.

    Args:
        incident_id: which incident.
        revision: what the caller knew of it; a later one, if there is one, is what is told.
        state: where history is kept; the setting where it is left out.
        database: the case store's URL; the setting where it is left out.
        settings_block: name of a saved CloudTrailSettings, for what is left out.
        playbook: run this one alone, whether it applies or not.

    Returns:
        The names of the playbooks that ran.

    Raises:
        StateError: the case store does not hold the incident at this revision.
        CloudTrailResponseError: a playbook failed; the others ran.
    """
    known = known_settings(settings_block, state=state, database=database)
    with clients.existing_store(known) as store:
        incident = stored_incident(store, incident_id, at_least=revision)
    tag = f"incident:{incident_id}"
    name_run(f"respond {card.principal_name(incident.principal)} from {card.where(incident)}", "cloudtrail", tag)
    chosen = (named(playbook),) if playbook else routed(incident, known)
    with tags("cloudtrail", tag):
        # People first: what a reviewer looks at can wait.
        ended: dict[str, State[Any]] = {
            playbook.name: playbook.run(incident_id, state, database, settings_block, return_state=True)
            for playbook in chosen
        }
        show_report(known, incident_id)
        show_evidence(known, incident_id)
        show_context(known, incident_id)
        if known.slack_channel is not None:
            # The guide's answers belong into the thread.
            tell_due(known)
    failed = [f"{name}: {ending.message}" for name, ending in ended.items() if not ending.is_completed()]
    if failed:
        raise CloudTrailResponseError(f"a playbook of {incident_id} failed, {'; '.join(failed)}; run respond again")
    ran = list(ended)
    return Completed(message=f"ran {', '.join(ran)}" if ran else f"no playbook at {incident.risk:.0%}", data=ran)
