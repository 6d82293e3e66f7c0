"""Asks to give back what was applied: a request like any other. Served by the responder, on its host."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.responses import ask_to_undo


@flow(name="undo")
def undo(receipt_ids: list[str]) -> State[Any]:
    """Ask people whether receipts of one incident may be undone; nothing is undone before they say so.

    Args:
        receipt_ids: whose changes are to be given back.

    Returns:
        A state named Asked, with the request's id.
    """
    request = ask_to_undo(known_settings(), receipt_ids)
    return Completed(name="Asked", message=f"asked as {request.request_id}", data=request.request_id)
