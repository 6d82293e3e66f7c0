"""Each misconfiguration of Prefect in docs/troubleshooting.md, made on a real server: doctor finds it."""

import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, PREFECT_CLOUD_API_URL, temporary_settings
from prefect.states import Failed, Scheduled

from prefect_cloudtrail.checks import Check
from prefect_cloudtrail.tasks.prefect_server import check_server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
CRASHED = ROOT / "deploy" / "automations" / "crashed.yaml"
SILENT = ROOT / "deploy" / "automations" / "silent.yaml"
NAMES = ("detect", "respond", "backfill")


class Deployed:
    """Prefect as docs/production.md leaves it, as far as a server that schedules nothing can be brought."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client = client
        self.ids: dict[str, UUID] = {}
        self.automation: UUID | None = None
        self.silent: UUID | None = None
        self.block: UUID | None = None

    def set_up(self) -> None:
        self.client.create_work_pool(WorkPoolCreate(name="cloudtrail", type="process"))
        self.post("/work_pools/cloudtrail/workers/heartbeat", name="example-worker", heartbeat_interval_seconds=30)
        for name in NAMES:
            self.deploy(name)
        self.run(Scheduled(scheduled_time=datetime.now(UTC) + timedelta(minutes=15)))
        written = yaml.safe_load(CRASHED.read_text(encoding="utf-8"))
        self.automation = UUID(self.post("/automations/", **written)["id"])
        self.block = self.a_block()
        silent = SILENT.read_text(encoding="utf-8").replace("NOTIFICATION_BLOCK_ID", str(self.block))
        self.silent = UUID(self.post("/automations/", **yaml.safe_load(silent))["id"])

    def a_block(self) -> UUID:
        """Return the id of a block that tells somebody."""
        block_type = self.client.read_block_type_by_slug("custom-webhook")
        schema = self.client.get_most_recent_block_schema_for_block_type(block_type.id)
        assert schema
        ids = {"block_type_id": str(block_type.id), "block_schema_id": str(schema.id)}
        data = {"name": "tells", "url": "http://127.0.0.1:9/"}
        return UUID(self.post("/block_documents/", name="tells", data=data, **ids)["id"])

    def deploy(self, name: str, **changed: Any) -> None:
        flow = self.client.create_flow_from_name(name)
        detect: dict[str, Any] = {
            "schedules": [{"schedule": CronSchedule(cron="*/15 * * * *").model_dump(), "active": True}],
            "concurrency_limit": 1,
            "concurrency_options": {"collision_strategy": "CANCEL_NEW"},
        }
        body: dict[str, Any] = {"name": name, "flow_id": str(flow), "work_pool_name": "cloudtrail"}
        made = self.post("/deployments/", **body | (detect if name == "detect" else {}) | changed)
        self.ids[name] = UUID(made["id"])

    def run(self, state: Any) -> None:
        self.client.create_flow_run_from_deployment(self.ids["detect"], state=state)

    def post(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{str(self.client.api_url).rstrip('/')}{path}", json=body).raise_for_status()
        return answer.json() if answer.content else None

    def take_down(self) -> None:
        for each in self.ids.values():
            self.client.request("DELETE", "/deployments/{id}", path_params={"id": each})
        for automation in self.client.read_automations():
            self.client.delete_automation(automation.id)
        if self.block:
            self.client.delete_block_document(self.block)
        for pool in self.client.read_work_pools():
            if pool.name in {"cloudtrail", "other"}:
                self.client.delete_work_pool(pool.name)


@pytest.fixture
def deployed(prefect_client: SyncPrefectClient) -> Iterator[Deployed]:
    made = Deployed(prefect_client)
    made.set_up()
    yield made
    made.take_down()


def no_server(_: Deployed) -> str:
    return ""


def a_server_that_does_not_run(_: Deployed) -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/api"


def no_work_pool(made: Deployed) -> None:
    made.client.delete_work_pool("cloudtrail")


def a_paused_pool(made: Deployed) -> None:
    made.client.update_work_pool("cloudtrail", WorkPoolUpdate(is_paused=True))


def no_worker(made: Deployed) -> None:
    path = {"work_pool_name": "cloudtrail", "name": "example-worker"}
    made.client.request("DELETE", "/work_pools/{work_pool_name}/workers/{name}", path_params=path)


def not_deployed(made: Deployed) -> None:
    made.client.request("DELETE", "/deployments/{id}", path_params={"id": made.ids.pop("respond")})


def deployed_elsewhere(made: Deployed) -> None:
    made.client.create_work_pool(WorkPoolCreate(name="other", type="process"))
    made.deploy("respond", work_pool_name="other")


def a_paused_schedule(made: Deployed) -> None:
    made.client.request("POST", "/deployments/{id}/pause_deployment", path_params={"id": made.ids["detect"]})


def no_scheduler(made: Deployed) -> None:
    for each in made.client.read_flow_runs():
        made.client.delete_flow_run(each.id)


def a_run_that_nobody_takes(made: Deployed) -> None:
    made.run(Scheduled(scheduled_time=datetime.now(UTC) - timedelta(minutes=15)))


def any_number_at_once(made: Deployed) -> None:
    made.deploy("detect", concurrency_limit=None, concurrency_options=None)


def a_run_that_failed(made: Deployed) -> None:
    made.run(Failed(message="there is no bucket trail"))


def no_automation(made: Deployed) -> None:
    assert made.automation
    made.client.delete_automation(made.automation)


def nobody_told_of_silence(made: Deployed) -> None:
    assert made.silent
    made.client.delete_automation(made.silent)


def a_block_that_is_gone(made: Deployed) -> None:
    assert made.block
    made.client.delete_block_document(made.block)
    made.block = None


MADE: dict[str, Callable[[Deployed], str | None]] = {
    "PREFECT_API_URL names no server": no_server,
    "does not answer": a_server_that_does_not_run,
    "there is no work pool cloudtrail": no_work_pool,
    "cloudtrail is paused": a_paused_pool,
    "no worker of cloudtrail is online": no_worker,
    "is not deployed": not_deployed,
    "deployed elsewhere than in cloudtrail": deployed_elsewhere,
    "schedule is paused or missing": a_paused_schedule,
    "no run is ahead": no_scheduler,
    "late": a_run_that_nobody_takes,
    "runs pile up instead of giving way": any_number_at_once,
    "mend what it says": a_run_that_failed,
    "none marks a run without a heartbeat Crashed": no_automation,
    "none tells when detect completes no more": nobody_told_of_silence,
    "the block it tells through is gone": a_block_that_is_gone,
}


def found(checks: list[Check], said: str) -> list[Check]:
    return [each for each in checks if said in f"{each.said} {each.fix}" and each.status != "ok"]


@pytest.mark.parametrize("said", MADE)
def test_doctor_finds_it(said: str, deployed: Deployed) -> None:
    assert not found(check_server(datetime.now(UTC)), said)
    api = MADE[said](deployed)
    with temporary_settings({PREFECT_API_URL: str(deployed.client.api_url) if api is None else api or None}):
        assert found(check_server(datetime.now(UTC)), said)


def test_a_server_that_is_right_has_nothing_to_see_to(deployed: Deployed) -> None:
    assert deployed.ids
    checks = {each.name: each.status for each in check_server(datetime.now(UTC))}
    names = ("prefect", "work pool", "worker", "deployments", "schedule", "concurrency", "automation")
    assert checks == dict.fromkeys(names, "ok")


def test_the_page_has_a_row_for_each_and_no_other() -> None:
    (rows,) = re.findall(r"^\| doctor says of Prefect \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    assert [row.split("|")[1].strip().strip("`") for row in rows.splitlines()] == list(MADE)


def test_prefect_cloud_is_not_asked_for_a_version(deployed: Deployed) -> None:
    with temporary_settings({PREFECT_CLOUD_API_URL: str(deployed.client.api_url).rstrip("/")}):
        prefect, *_ = check_server(datetime.now(UTC))
    assert (prefect.status, prefect.said.endswith("/api answers: Prefect Cloud")) == ("ok", True)


def test_nothing_is_started_where_no_server_is_named() -> None:
    with temporary_settings({PREFECT_API_URL: None}):
        assert [each.status for each in check_server(datetime.now(UTC))] == ["skipped"]
