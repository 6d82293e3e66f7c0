"""Looks whether what was applied holds and the credential is quiet. Served by the responder, on its host."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from prefect_cloudtrail.tasks.blocks import known_settings
from prefect_cloudtrail.tasks.responses import look_again


@flow(name="watch")
def watch(decision_id: str) -> State[Any]:
    """Read back what was applied under a decision, and look for calls since.

    Args:
        decision_id: of the decision that settled the request.

    Returns:
        A state named after how it stands: Watching, Contained, StillUsed, Reversed, Unproven, Undone or Failed.
    """
    found = look_again(known_settings(), decision_id)
    return Completed(name="".join(part.capitalize() for part in found.state.split("_")), message=found.said)
