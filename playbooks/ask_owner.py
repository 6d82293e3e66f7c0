"""Asks the owner in Slack, "Was this you?", where a trusted mapping names one; the answer is evidence, no decision."""

from prefect import flow

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.playbooks import Playbook
from prefect_cloudtrail.playbooks.notify_slack import is_told
from prefect_cloudtrail.response.concerned import member_to_ask
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.owners import ask_the_owner


@flow(name="ask_owner", flow_run_name="ask the owner about {incident_id}")
def ask_owner(
    incident_id: str, state: str | None = None, database: str | None = None, settings_block: str | None = None
) -> str | None:
    """Return who is asked, `slack:U...`; None where no trusted mapping names one member of Slack.

    Args:
        incident_id: about whose principal.
        state: where history is kept; the setting where it is left out.
        database: the case store's URL; the setting where it is left out.
        settings_block: name of a saved CloudTrailSettings, for what is left out.

    Raises:
        SettingsError: the rules cannot be read, or there is no Slack to ask in.
        StateError: the case store does not hold the incident.
    """
    known = known_settings(settings_block, state=state, database=database)
    if known.slack_channel is None:
        raise SettingsError("no Slack to ask the owner in: set PREFECT_CLOUDTRAIL_SLACK_CHANNEL and its token")
    return ask_the_owner(known, incident_id)


def is_asked(incident: Incident, known: Settings) -> bool:
    """Return whether the incident is told in Slack, and its owner is a member there."""
    if known.slack_channel is None or not is_told(incident, known):
        return False
    try:
        return member_to_ask(incident, read_rules(known.rules)) is not None
    except SettingsError:
        return True  # its run fails of it and says so; here it would keep people from being told


PLAYBOOK = Playbook(
    name="ask_owner",
    applies="told in Slack, and the rules' `owners` name one member there",
    when=is_asked,
    run=ask_owner,
)
