"""Carries out what people approved, and refuses all else. Served by the responder, on its host."""

from typing import Any

from prefect import flow, tags
from prefect.client.schemas.objects import State

from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.responses import carry_out, show_receipts, state_of


@flow(name="contain")
def contain(decision_id: str) -> State[Any]:
    """Carry out one approved plan: each step once, with a receipt.

    What it may do, and with which role, is in the responder's file and environment; no parameter changes it.

    Args:
        decision_id: of the decision that settled the request.

    Returns:
        A state named Watching, PartlyApplied, Failed, DryRun, Undone or Refused.
    """
    known = known_settings()
    done = carry_out(known, decision_id)
    if done.plan is not None:
        with tags("cloudtrail", f"incident:{done.plan.incident_id}"):
            show_receipts(known, done.plan.incident_id)
    return state_of(done)
