"""Asking the owner of a principal whether it was them, in Slack: the question is stored, and delivered as the rest."""

from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from prefect_cloudtrail import clients
from prefect_cloudtrail.response.concerned import member_to_ask
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.cases import stored_incident


@task(task_run_name="ask the owner", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def ask_the_owner(known: Settings, incident_id: str) -> str | None:
    """Return who is asked, `slack:U...`, the same however often it is run; None where no trusted mapping names one."""
    rules, now = read_rules(known.rules), datetime.now(UTC)
    with clients.case_store(known) as store:
        member = member_to_ask(stored_incident(store, incident_id), rules)
        if member is None:
            get_run_logger().info("the rules' owners name no one member of Slack: nobody is asked")
            return None
        asked = store.slack.ask_owner(incident_id, member, now)
        store.slack.look_at(incident_id, now)
    return asked.member
