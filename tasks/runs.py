"""Flow runs, as they stand in Prefect's list."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.runtime import flow_run
from prefect.states import AwaitingRetry

# A run that crashes as often as this crashes for a reason that does not pass.
STARTS = 3
YOUNG = timedelta(days=1)


def name_run(name: str, *tags: str) -> None:
    """Name the running flow run, and add the tags to those it has."""
    # From inside, however it was started: a schedule, another flow, a person.
    run_id = UUID(flow_run.id)
    with get_client(sync_client=True) as client:
        client.update_flow_run(run_id, name=name, tags=sorted({*flow_run.tags, *tags}))


def restart_crashed(deployment: str, now: datetime | None = None) -> list[UUID]:
    """Return the ids of the deployment's runs that crashed within a day and were scheduled again, each the same run.

    Args:
        deployment: `flow/deployment`; of a run that its worker took along when it was killed, nobody else knows.
        now: the clock's by default.
    """
    flow_name, _, name = deployment.partition("/")
    since = (now or datetime.now(UTC)) - YOUNG
    with get_client(sync_client=True) as client:
        crashed = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name])),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CRASHED])),
                expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"after_": since}),
            ),
        )
        again = [run.id for run in crashed if run.run_count < STARTS]
        for run_id in again:
            client.set_flow_run_state(run_id, AwaitingRetry(), force=True)
    return again
