"""prefect.yaml, deployed from a clone onto a server of its own: one that schedules, which the harness's does not."""

import contextlib
import os
import pty
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
NAMES = {"detect", "respond", "backfill"}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_until(ready: Any, seconds: float, what: str) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.2)
    pytest.fail(f"{what} not within {seconds} seconds")


@contextmanager
def server(home: Path) -> Iterator[dict[str, str]]:
    """Run a real server; give the environment to reach it."""
    api = f"http://127.0.0.1:{free_port()}/api"
    port = api.split(":")[2].removesuffix("/api")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {
        **kept,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "false",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", port]
    log = home / "server.log"
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            wait_until(lambda: process.poll() is None and is_healthy(api), 60, f"a healthy server, see {log}:")
            yield environment
        finally:
            process.terminate()
            process.wait(30)


def is_healthy(api: str) -> bool:
    try:
        return httpx.get(f"{api}/health").status_code == 200
    except httpx.TransportError:
        return False


def deploy_at_a_terminal(environment: dict[str, str]) -> None:
    """Deploy as a person does; a question would find nobody to answer it, and run out of time."""
    leader, terminal = pty.openpty()
    command = [sys.executable, "-m", "prefect", "deploy", "--all"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        shown: list[bytes] = []
        said = threading.Thread(target=drain, args=(leader, shown), daemon=True)
        said.start()
        try:
            assert process.wait(60) == 0, b"".join(shown).decode()
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(b"".join(shown).decode())
        finally:
            said.join(5)
            os.close(leader)


def drain(leader: int, shown: list[bytes]) -> None:
    """Take what is shown, until the other end is closed."""
    with contextlib.suppress(OSError):
        while part := os.read(leader, 4096):
            shown.append(part)


def post(environment: dict[str, str], path: str, **body: Any) -> Any:
    return httpx.post(f"{environment['PREFECT_API_URL']}/{path}", json=body).raise_for_status().json()


def test_a_clone_deploys_without_a_question_and_detect_is_scheduled(tmp_path: Path) -> None:
    with server(tmp_path) as environment:
        post(environment, "work_pools/", name="cloudtrail", type="process")
        deploy_at_a_terminal(environment)
        deployments = {each["name"]: each for each in post(environment, "deployments/filter")}
        runs = wait_until(
            lambda: post(environment, "flow_runs/filter", flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}),
            30,
            "scheduled runs",
        )

    assert set(deployments) == NAMES
    assert {each["work_pool_name"] for each in deployments.values()} == {"cloudtrail"}
    assert {name: each["entrypoint"] for name, each in deployments.items()} == {
        name: f"prefect_cloudtrail.flows.{name}.{name}" for name in NAMES
    }
    assert all(each["pull_steps"] == [] for each in deployments.values())
    detect = deployments["detect"]
    [schedule] = detect["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("*/15 * * * *", "UTC")
    # Never two at once: the later one is cancelled, and what it would have read is read by the next.
    assert detect["global_concurrency_limit"]["limit"] == 1
    assert detect["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert deployments["respond"]["schedules"] == deployments["backfill"]["schedules"] == []
    assert {run["deployment_id"] for run in runs} == {detect["id"]}
    assert {run["expected_start_time"][14:16] for run in runs} == {"00", "15", "30", "45"}
