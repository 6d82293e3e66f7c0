"""prefect.yaml, deployed from a clone onto a server of its own: one that schedules, which the harness's does not."""

from prefect_server import POOL, PrefectServer, wait_until

NAMES = {"detect", "respond", "backfill"}


def test_a_clone_deploys_without_a_question_and_detect_is_scheduled(production: PrefectServer) -> None:
    deployments = production.deployments()
    runs = wait_until(lambda: production.runs(state={"type": {"any_": ["SCHEDULED"]}}), "scheduled runs")

    assert set(deployments) == NAMES
    assert {each["work_pool_name"] for each in deployments.values()} == {POOL}
    assert {name: each["entrypoint"] for name, each in deployments.items()} == {
        name: f"prefect_cloudtrail.flows.{name}.{name}" for name in NAMES
    }
    assert all(each["pull_steps"] == [] for each in deployments.values())
    # As often as Prefect can: deploy/automations/crashed.yaml counts on it.
    heartbeats = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}}
    assert all(each["job_variables"] == heartbeats for each in deployments.values())
    detect = deployments["detect"]
    [schedule] = detect["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("*/15 * * * *", "UTC")
    # Never two at once: the later one is cancelled, and what it would have read is read by the next.
    assert detect["global_concurrency_limit"]["limit"] == 1
    assert detect["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert deployments["respond"]["schedules"] == deployments["backfill"]["schedules"] == []
    assert {run["deployment_id"] for run in runs} == {detect["id"]}
    assert {run["expected_start_time"][14:16] for run in runs} == {"00", "15", "30", "45"}
