"""Which failures of a step may pass by themselves."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from prefect_cloudtrail.errors import FeedbackError, GeoError, ResponseError, SettingsError, StateError


def is_worth_repeating(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Return whether a failure may pass by itself; a wrong setting, database or lease does not within a minute."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, (SettingsError, GeoError, FeedbackError, ResponseError, StateError))
