"""The flow run itself, as it stands in Prefect's list."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run


def name_run(name: str, *tags: str) -> None:
    """Name the running flow run, and add the tags to those it has."""
    # From inside, however it was started: a schedule, another flow, a person.
    run_id = UUID(flow_run.id)
    with get_client(sync_client=True) as client:
        client.update_flow_run(run_id, name=name, tags=sorted({*flow_run.tags, *tags}))
