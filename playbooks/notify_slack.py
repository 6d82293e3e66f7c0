"""Tells people of an incident: in Slack one card that is kept current; without Slack on the terminal, each revision."""

from prefect import flow
from prefect.runtime import flow_run
from prefect.utilities.urls import url_for

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.playbooks import Playbook
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.channels import TERMINAL, show_on_terminal, tell_slack, write_card


@flow(name="notify_slack", flow_run_name="notify of {incident_id}")
def notify_slack(
    incident_id: str, state: str | None = None, database: str | None = None, settings_block: str | None = None
) -> list[str]:
    """Return what people were told now; nothing where they know it already.

    On the terminal, the outbox ids of the cards: the newest, and before it what a crash kept from being shown.

    Args:
        incident_id: whose newest revision is told.
        state: where history is kept; the setting where it is left out.
        database: the case store's URL; the setting where it is left out.
        settings_block: name of a saved CloudTrailSettings, for what is left out.

    Raises:
        StateError: the case store does not hold the incident.
        SlackError: Slack does not take it; it is told as soon as Slack does.
        SettingsError: a channel is set, and no token.
    """
    known = known_settings(settings_block, state=state, database=database)
    if known.slack_channel is not None:
        return tell_slack(known, incident_id, link=_seen_at())
    write_card(known, incident_id, TERMINAL)
    return show_on_terminal(known, incident_id)


def _seen_at() -> str | None:
    """Return where a reviewer finds the response in Prefect; None where its server has no page."""
    return url_for("flow-run", obj_id=flow_run.parent_flow_run_id or flow_run.id)


def is_told(incident: Incident, known: Settings) -> bool:
    """Return whether the incident is likely enough to wake somebody."""
    return incident.risk >= known.tell_from


PLAYBOOK = Playbook(
    name="notify_slack", applies="risk from 20 % (`tell_from`)", when=is_told, run=notify_slack, tells=True
)
