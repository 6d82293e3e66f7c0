"""Telling people, through the outbox: a message is stored before it is shown, and confirmed after."""

import sys
from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from prefect_cloudtrail import card, clients
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import SlackError
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.cases import stored_incident

TERMINAL = "terminal"


@task(task_run_name="write the card for the {channel}", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def write_card(known: Settings, incident_id: str, channel: str) -> str:
    """Return the outbox id of the incident's newest card; written again, it is the same one."""
    with clients.case_store(known) as store:
        incident = stored_incident(store, incident_id)
        body = card.terminal(incident)
        return store.outbox_write(incident_id, incident.revision, channel, body, datetime.now(UTC))


@task(task_run_name="show on the terminal", cache_policy=NO_CACHE)
def show_on_terminal(known: Settings, incident_id: str) -> list[str]:
    """Return the outbox ids of what was shown now: this incident's cards that no run before confirmed, oldest first."""
    with clients.case_store(known) as store:
        cards = [row for row in store.outbox_pending(incident_id) if row.channel == TERMINAL]
        for row in cards:
            _print(row.body)
            store.outbox_confirm(row.outbox_id, datetime.now(UTC))
    return [row.outbox_id for row in cards]


@task(task_run_name="tell Slack", retries=2, retry_delay_seconds=5, cache_policy=NO_CACHE)
def tell_slack(known: Settings, incident_id: str, link: str | None = None) -> list[str]:
    """Return what Slack was told of an incident now, a line each; nothing where it knows everything already.

    Args:
        known: the settings, with Slack's.
        incident_id: whose card and thread.
        link: of the run in Prefect.

    Raises:
        SlackError: Slack does not take it. It stays written down, and is told as soon as Slack does.
        StateError: the case store does not hold the incident.
    """
    with clients.case_store(known) as store:
        stored_incident(store, incident_id)
        teller = clients.teller(known, store)
        return teller.tell(incident_id, link) if teller else []


@task(task_run_name="tell Slack what is left to tell", cache_policy=NO_CACHE)
def tell_due(known: Settings) -> list[str]:
    """Return what Slack was told now, of any incident: what it could not be told before, and what changed since.

    The responder does the same each second; this is for where it is away, or there is none.
    """
    log = get_run_logger()
    with clients.case_store(known) as store:
        teller = clients.teller(known, store)
        try:
            return teller.look() if teller else []
        except SlackError as error:
            # It stays due, and this run has done what it is for.
            log.warning("%s", error)
            return []


def show(store: Store, incident: Incident, channel: str, body: str) -> None:
    """Show a message on the terminal, through the outbox: a crash between shows it again rather than never."""
    written = store.outbox_write(incident.incident_id, incident.revision, channel, body, datetime.now(UTC))
    for row in store.outbox_pending(incident.incident_id):
        if row.outbox_id == written:
            _print(row.body)
            store.outbox_confirm(written, datetime.now(UTC))


def _print(body: str) -> None:
    """Print it whole, whatever letters the terminal lacks: a city's name must not keep a card from being seen."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(body.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()
