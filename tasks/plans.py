"""What a playbook proposes against an incident's principal: the case is made, its plans are asked for, and shown."""

from dataclasses import replace
from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from prefect_cloudtrail import card, clients
from prefect_cloudtrail.context.trace import trace
from prefect_cloudtrail.errors import SlackError
from prefect_cloudtrail.response.concerned import concerned
from prefect_cloudtrail.response.containing import Ending
from prefect_cloudtrail.response.course import course
from prefect_cloudtrail.response.guards import approvers_needed
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.planning import proposal
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.receipt import Outcome
from prefect_cloudtrail.response.rules import Rules, read_rules
from prefect_cloudtrail.response.standing import SEEN_WITHIN, sessions_seen, stand
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.slack.teller import Teller
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.cases import records_of, stored_incident
from prefect_cloudtrail.tasks.channels import TERMINAL, show


@task(task_run_name="propose {playbook}", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def propose(known: Settings, incident_id: str, playbook: str) -> list[str]:
    """Return the ids of the open requests for this playbook's plans; what people answered already is not asked again.

    Args:
        known: the settings; its rules say what is refused, and how long a request is open.
        incident_id: whose principal.
        playbook: whose plans.

    Raises:
        StateError: the case store does not hold the incident.
        SettingsError: the rules cannot be read.
    """
    rules, now, log = read_rules(known.rules), datetime.now(UTC), get_run_logger()
    with clients.case_store(known) as store:
        found = proposal(made_case(store, known, incident_id, rules), rules)
        for refused in found.refused:
            if refused.plan.playbook == playbook:
                log.warning(card.not_asked(refused.plan, refused.why))
        wanted = [plan for plan in found.plans if plan.playbook == playbook and not is_answered(store, plan)]
        return [store.responses.ask(plan, now, now + rules.expires_after).request_id for plan in wanted]


@task(task_run_name="show what is asked", cache_policy=NO_CACHE)
def show_requests(known: Settings, request_ids: list[str]) -> list[str]:
    """Return the ids of the requests that were shown now: those that nobody was shown before."""
    rules, now, shown = read_rules(known.rules), datetime.now(UTC), []
    with clients.case_store(known) as store:
        teller = clients.teller(known, store)
        if teller is not None:
            return _told(store, teller, request_ids)
        for request_id in request_ids:
            request = store.responses.request(request_id)
            if request is None or request.delivered_at is not None:
                continue
            # Its end is counted from now, when people can first see it.
            ends = now + rules.expires_after
            incident = stored_incident(store, request.plan.incident_id)
            count, why = approvers_needed(request.plan, 0, rules, concerned(incident, rules))
            body = card.asked(
                replace(request, expires_at=ends, plan=replace(request.plan, approvers=count, why_two=why))
            )
            show(store, incident, f"{TERMINAL} {request_id}", body)
            store.responses.delivered(request_id, now, ends)
            shown.append(request_id)
    return shown


def _told(store: Store, teller: Teller, request_ids: list[str]) -> list[str]:
    """Put the requests' buttons on their incidents' cards, and return those that were not there before."""
    asked = [request for each in request_ids if (request := store.responses.request(each)) is not None]
    new = [request for request in asked if request.delivered_at is None]
    for incident_id in dict.fromkeys(request.plan.incident_id for request in new):
        try:
            teller.tell(incident_id)
        except SlackError as error:
            # They are stored, and told as soon as Slack takes them.
            get_run_logger().warning("%s", error)
    delivered = {each.request_id for each in new if is_delivered(store, each.request_id)}
    return [each.request_id for each in new if each.request_id in delivered]


def is_delivered(store: Store, request_id: str) -> bool:
    """Return whether people could see the request."""
    found = store.responses.request(request_id)
    return found is not None and found.delivered_at is not None


def made_case(store: Store, known: Settings, incident_id: str, rules: Rules) -> Case:
    """Return what plans are made from: the incident, what its principal did, and how it stands in AWS now."""
    incident = stored_incident(store, incident_id)
    traced = trace(store, records_of(known), incident)
    stands = stand(clients.reader(known), incident, traced, rules)
    if stands.arn and ":role/" in stands.arn:
        index = store.scan("index", incident.last_event - SEEN_WITHIN)
        stands = replace(stands, role_sessions_seen=sessions_seen(index, stands.arn, incident.last_event))
    return Case(incident, traced, stands)


def is_answered(store: Store, plan: Plan) -> bool:
    """Return whether people settled a request for the same plan; what they allowed and failed is asked anew."""
    done = course(store.responses, plan.incident_id)
    failed = {each.decision_id for each in done.receipts if each.outcome == Outcome.FAILED}
    failed |= {each.decision_id for each in done.watches if each.state in {Ending.FAILED, Ending.REFUSED}}
    same = [each.settlement for each in done.asked if each.request.plan.digest == plan.digest and each.settlement]
    return any(settled.decision_id not in failed for settled in same)
