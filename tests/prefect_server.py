"""A real Prefect server and worker, each a process, as an operator starts them."""

import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

ROOT = Path(__file__).parents[1]
POOL = "cloudtrail"
# A machine that is busy with other things takes its time.
PATIENCE_SECONDS = 120
BUSY = 10  # tries

Found = TypeVar("Found")


def wait_until(ready: Callable[[], Found], what: str, seconds: float = PATIENCE_SECONDS, every: float = 0.2) -> Found:
    """Return the first answer that is not empty."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(every)
    return pytest.fail(f"{what} not within {seconds} seconds")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def descendants(pid: int) -> list[int]:
    """Return the processes below this one."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, []))
    for each in found:
        found += children.get(each, [])
    return found


def lives(pid: int) -> bool:
    """Return whether a process is there, and not only its exit status, which nobody may ever ask for."""
    listed = subprocess.run(["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True, check=False).stdout
    return bool(listed.strip()) and not listed.startswith("Z")


@dataclass
class Process:
    """One process that may be started again; what it says is kept."""

    arguments: list[str]
    environment: Mapping[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        command = [sys.executable, "-m", "prefect", *self.arguments]
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output, cwd=ROOT)

    def is_running(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self.running is None:
            return
        self.running.terminate()
        try:
            self.running.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        self.running = None

    def kill(self) -> None:
        """Kill it together with everything it started, itself first: it must not see its children die."""
        if self.running is None:
            return
        below = descendants(self.running.pid)
        for pid in (self.running.pid, *below):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.running.wait(30)
        self.running = None


@dataclass
class PrefectServer:
    """A server with a home of its own, and what its API answers."""

    home: Path
    process: Process
    environment: dict[str, str]

    def start(self) -> None:
        self.process.start()

    def wait(self) -> None:
        wait_until(self.is_healthy, f"a healthy server, see {self.process.log}:")

    def stop(self) -> None:
        self.process.stop()

    def is_healthy(self) -> bool:
        if not self.process.is_running():
            pytest.fail(f"the server ended: {self.process.said()[-2_000:]}")
        try:
            return httpx.get(f"{self.environment['PREFECT_API_URL']}/health").is_success
        except httpx.TransportError:
            return False

    def get(self, path: str) -> Any:
        return self._asked("GET", path).json()

    def post(self, path: str, /, **body: Any) -> Any:
        return self._asked("POST", path, body).json()

    def patch(self, path: str, **body: Any) -> None:
        self._asked("PATCH", path, body)

    def delete(self, path: str) -> None:
        self._asked("DELETE", path)

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """The server's answer; asked again, as Prefect's own clients do, while its SQLite is taken."""
        url = f"{self.environment['PREFECT_API_URL']}/{path}"
        answer = httpx.request(method, url, json=body, timeout=PATIENCE_SECONDS)
        for _ in range(BUSY):
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
            answer = httpx.request(method, url, json=body, timeout=PATIENCE_SECONDS)
        return answer.raise_for_status()

    def save_block(self, type_slug: str, block_name: str, **fields: Any) -> str:
        """Return the id of a block of one of Prefect's own types."""
        block_type = self.get(f"block_types/slug/{type_slug}")
        [schema, *_] = self.post("block_schemas/filter", block_schemas={"block_type_id": {"any_": [block_type["id"]]}})
        ids = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
        return str(self.post("block_documents/", name=block_name, data=fields, **ids)["id"])

    def deployments(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.post("deployments/filter")}

    def runs(self, **of: Any) -> list[dict[str, Any]]:
        """Return the flow runs, those expected first first."""
        found: list[dict[str, Any]] = self.post("flow_runs/filter", flow_runs=of, sort="EXPECTED_START_TIME_ASC")
        return found

    def command(self, *arguments: str) -> str:
        """Return what a command of Prefect's says."""
        command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def worker(self, **environment: str) -> Process:
        """Return a worker of the pool, not started."""
        arguments = ["worker", "start", "--pool", POOL, "--name", "example"]
        return Process(arguments, self.environment | environment, self.home / "worker.log")


@contextmanager
def prefect_server(home: Path, **settings: str) -> Iterator[PrefectServer]:
    """Give a healthy server; it is gone afterwards."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {
        **kept,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "false",
        **settings,
    }
    started = PrefectServer(
        home, Process(["server", "start", "--port", str(port)], environment, home / "server.log"), environment
    )
    started.start()
    try:
        started.wait()
        yield started
    finally:
        started.stop()


def deploy_at_a_terminal(environment: Mapping[str, str], *arguments: str) -> None:
    """Deploy as a person does; a question would find nobody to answer it, and run out of time."""
    leader, terminal = pty.openpty()
    command = [sys.executable, "-m", "prefect", "deploy", "--all", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        shown: list[bytes] = []
        said = threading.Thread(target=_drain, args=(leader, shown), daemon=True)
        said.start()
        try:
            assert process.wait(PATIENCE_SECONDS) == 0, b"".join(shown).decode()
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(b"".join(shown).decode())
        finally:
            said.join(5)
            os.close(leader)


def _drain(leader: int, shown: list[bytes]) -> None:
    """Take what is shown, until the other end is closed."""
    with contextlib.suppress(OSError):
        while part := os.read(leader, 4096):
            shown.append(part)
