"""The responder's steps, as a reviewer should see them; none is repeated by itself: writes answer with a receipt."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from prefect_cloudtrail import card, clients
from prefect_cloudtrail.errors import RefusedError
from prefect_cloudtrail.response.containing import Ending
from prefect_cloudtrail.response.decision import Request
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.receipt import Watch
from prefect_cloudtrail.response.requesting import ask_to_undo as asked_to_undo
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.artifacts import artifact_key
from prefect_cloudtrail.tasks.runs import name_run

# How an ending is called in Prefect's list; what was applied is watched until its quiet is proven.
STATES = {
    Ending.APPLIED: "Watching",
    Ending.PARTLY_APPLIED: "PartlyApplied",
    Ending.FAILED: "Failed",
    Ending.DRY_RUN: "DryRun",
    Ending.UNDONE: "Undone",
    Ending.REFUSED: "Refused",
}
FAILURES = (Ending.PARTLY_APPLIED, Ending.FAILED, Ending.REFUSED)


@dataclass(frozen=True)
class Done:
    """What a contain run did; `plan` is None where it was refused."""

    plan: Plan | None
    ending: Ending
    said: str


@task(task_run_name="carry out {decision_id}", cache_policy=NO_CACHE)
def carry_out(known: Settings, decision_id: str) -> Done:
    """Return what came of an approved plan, carried out now or before; a refusal is an answer, too."""
    with clients.plane(known) as plane:
        try:
            done = plane.contain(decision_id)
        except RefusedError as error:
            return Done(None, Ending.REFUSED, str(error))
        incident = plane.store.incidents(ids=[done.plan.incident_id])[0]
    verb = "undo" if done.ending == Ending.UNDONE else "contain"
    name_run(f"{verb} {card.principal_name(incident.principal)}", "cloudtrail", f"incident:{incident.incident_id}")
    return Done(done.plan, done.ending, done.said)


@task(task_run_name="look again at {decision_id}", cache_policy=NO_CACHE)
def look_again(known: Settings, decision_id: str) -> Watch:
    """Return how an applied plan stands now."""
    with clients.plane(known) as plane:
        found = plane.watch(decision_id)
        incident = plane.store.incidents(ids=[found.incident_id])[0]
    name_run(f"watch {card.principal_name(incident.principal)}", "cloudtrail", f"incident:{incident.incident_id}")
    return found


@task(task_run_name="ask to undo", cache_policy=NO_CACHE)
def ask_to_undo(known: Settings, receipt_ids: list[str]) -> Request:
    """Return the request that asks whether receipts of one incident may be undone."""
    with clients.plane(known) as plane:
        return asked_to_undo(plane.store, receipt_ids, plane.rules(), datetime.now(UTC))


@task(task_run_name="show the receipts", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def show_receipts(known: Settings, incident_id: str) -> str:
    """Return the key of the artifact that shows the incident's receipts, a row a step."""
    with clients.existing_store(known) as store:
        rows = [card.receipt_row(each) for each in store.responses.receipts(incident_id=incident_id)]
    key = artifact_key("receipts", incident_id)
    create_table_artifact(rows, key, "What was done, and what was before.")
    return key


def state_of(done: Done) -> State[Any]:
    """Return the state that a contain run ends in."""
    make = Failed if done.ending in FAILURES else Completed
    return make(name=STATES[done.ending], message=done.said)
