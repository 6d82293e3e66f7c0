"""What doctor asks Prefect's server: whether detect will run, and who runs it. Reads only."""

from collections.abc import Iterator
from datetime import datetime

import httpx
from packaging.version import Version
from prefect.client.base import ServerType
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus, WorkPoolStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import get_current_settings

from prefect_cloudtrail.checks import Check

POOL = "cloudtrail"
DETECT = "detect/detect"
DEPLOYMENTS = (DETECT, "respond/respond", "backfill/backfill")
DEPLOY = "run `prefect deploy --all` in a clone of this repository"
ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED)
HEARTBEAT = "prefect.flow-run.heartbeat"
COMPLETED = "prefect.flow-run.Completed"
# As many as Prefect answers with at once, and twice as many as it schedules ahead: all of them may be late.
MOST_RUNS = 200


def check_server(now: datetime) -> list[Check]:
    """Return what is to be said of the server, the work pool, its workers, the deployments and the automation."""
    api = get_current_settings().api.url
    if not api:
        fix = "set PREFECT_API_URL where Prefect shall schedule detect"
        return [Check("prefect", "skipped", "PREFECT_API_URL names no server: nothing is scheduled from here", fix)]
    checks: list[Check] = []
    where = httpx.URL(api).copy_with(userinfo=b"")
    try:
        with get_client(sync_client=True) as client:
            checks.extend(_checks(client, str(where), now))
    except (PrefectHTTPStatusError, httpx.HTTPError) as error:
        checks.append(Check("prefect", "fail", f"{where}: {_said(error)}", "check PREFECT_API_URL and PREFECT_API_KEY"))
    return checks


def _checks(client: SyncPrefectClient, where: str, now: datetime) -> Iterator[Check]:
    failure = client.api_healthcheck()
    if failure:
        fix = "check PREFECT_API_URL and PREFECT_API_KEY, and that the server runs"
        yield Check("prefect", "fail", f"{where} does not answer: {_said(failure)}", fix)
        return
    yield _version(client, where)
    yield from _pool(client)
    deployments: dict[str, DeploymentResponse] = {}
    for name in DEPLOYMENTS:
        try:
            deployments[name] = client.read_deployment_by_name(name)
        except ObjectNotFound:
            yield Check("deployments", "fail", f"{name} is not deployed", DEPLOY)
    if len(deployments) == len(DEPLOYMENTS):
        yield Check("deployments", "ok", ", ".join(DEPLOYMENTS))
    yield from _pools(deployments)
    if DETECT in deployments:
        yield _schedule(client, deployments[DETECT], now)
        yield _concurrency(deployments[DETECT])
        yield from _last_run(client, deployments[DETECT])
    yield _automation(client)
    yield _silence(client)


def _version(client: SyncPrefectClient, where: str) -> Check:
    if client.server_type == ServerType.CLOUD:
        return Check("prefect", "ok", f"{where} answers: Prefect Cloud")  # which has no version of its own
    there, here = str(client.api_version()), client.client_version()
    said = f"{where} answers: Prefect {there}, here {here}"
    if Version(there) < Version(here):
        return Check("prefect", "warn", said, "update the server: an older one may not understand what is sent")
    return Check("prefect", "ok", said)


def _pool(client: SyncPrefectClient) -> Iterator[Check]:
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        fix = f"run `prefect work-pool create {POOL} --type process`"
        yield Check("work pool", "fail", f"there is no work pool {POOL}", fix)
        return
    if pool.is_paused or pool.status == WorkPoolStatus.PAUSED:
        yield Check("work pool", "fail", f"{POOL} is paused", f"run `prefect work-pool resume {POOL}`")
    else:
        yield Check("work pool", "ok", f"{POOL}, {pool.type}")
    workers = client.read_workers_for_work_pool(POOL)
    online = sorted(worker.name for worker in workers if worker.status == WorkerStatus.ONLINE)
    if online:
        yield Check("worker", "ok", f"online: {', '.join(online)}")
    else:
        fix = f"run `prefect worker start --pool {POOL}`, as a service that is started again"
        yield Check("worker", "fail", f"no worker of {POOL} is online, so nothing runs", fix)


def _pools(deployments: dict[str, DeploymentResponse]) -> Iterator[Check]:
    elsewhere = [
        f"{name} in {each.work_pool_name}" for name, each in deployments.items() if each.work_pool_name != POOL
    ]
    if elsewhere:
        said = f"deployed elsewhere than in {POOL}: {', '.join(elsewhere)}"
        yield Check("deployments", "warn", said, f"see that a worker serves it, or {DEPLOY}")


def _schedule(client: SyncPrefectClient, detect: DeploymentResponse, now: datetime) -> Check:
    if detect.paused or not any(schedule.active for schedule in detect.schedules):
        fix = (
            f"run `prefect deployment schedule ls {DETECT}`, and resume the one it shows; where it shows none, {DEPLOY}"
        )
        return Check("schedule", "fail", "detect's schedule is paused or missing, so nothing runs", fix)
    scheduled = _runs(client, detect, (StateType.SCHEDULED,), FlowRunSort.EXPECTED_START_TIME_ASC)
    ahead = [run.expected_start_time for run in scheduled if run.expected_start_time and run.expected_start_time > now]
    late = len(scheduled) - len(ahead)
    if not ahead:
        fix = "see the server's log: its scheduler does not work"
        return Check("schedule", "fail", "detect has a schedule, but no run is ahead", fix)
    said = f"the next detect is at {ahead[0]:%H:%M} UTC"
    if late:
        return Check("schedule", "warn", f"{said}, and {late} late", "see that a worker is online and takes them")
    return Check("schedule", "ok", said)


def _concurrency(detect: DeploymentResponse) -> Check:
    limit = detect.global_concurrency_limit
    strategy = detect.concurrency_options and detect.concurrency_options.collision_strategy
    if limit and limit.limit == 1 and strategy == "CANCEL_NEW":
        return Check("concurrency", "ok", "one detect at a time, a second is cancelled")
    said = f"detect is limited to {limit.limit if limit else 'no number'}, {strategy or 'with no strategy'}"
    return Check("concurrency", "warn", f"{said}: runs pile up instead of giving way", DEPLOY)


def _last_run(client: SyncPrefectClient, detect: DeploymentResponse) -> Iterator[Check]:
    ended = _runs(client, detect, ENDED, FlowRunSort.END_TIME_DESC)
    if ended and ended[0].state:
        state = ended[0].state
        said = f"{ended[0].name}: {state.name}"
        if state.type == StateType.COMPLETED:
            yield Check("last run", "ok", said)
        else:
            fix = "mend what it says; the next run goes on from the checkpoint"
            yield Check("last run", "fail", f"{said}: {state.message or 'it said nothing'}", fix)


def _automation(client: SyncPrefectClient) -> Check:
    for each in client.read_automations():
        written = each.model_dump_json()
        if each.enabled and HEARTBEAT in written and "change-flow-run-state" in written:
            return Check("automation", "ok", f"{each.name}: a run without a heartbeat is marked Crashed")
    said = "none marks a run without a heartbeat Crashed: a killed worker's run keeps detect's slot"
    return Check("automation", "warn", said, "apply those in deploy/automations, as docs/production.md says")


def _silence(client: SyncPrefectClient) -> Check:
    """Whether somebody is told when detect completes no more."""
    fix = "apply those in deploy/automations, as docs/production.md says"
    for each in client.read_automations():
        trigger = each.trigger
        if not each.enabled or not isinstance(trigger, EventTrigger) or COMPLETED not in trigger.expect:
            continue
        if trigger.posture != Posture.Proactive:
            continue
        for action in each.actions:
            if not isinstance(action, SendNotification):
                continue
            try:
                client.read_block_document(action.block_document_id)
            except ObjectNotFound:
                said = f"{each.name}: nobody is told that detect stopped, the block it tells through is gone"
                return Check("automation", "fail", said, f"delete it, and {fix}")
            return Check("automation", "ok", f"{each.name}: tells when detect completes no more")
    return Check("automation", "warn", "none tells when detect completes no more", fix)


def _runs(
    client: SyncPrefectClient, detect: DeploymentResponse, states: tuple[StateType, ...], sort: FlowRunSort
) -> list[FlowRun]:
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[detect.id])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
        sort=sort,
        limit=MOST_RUNS,
    )


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
