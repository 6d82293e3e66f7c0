"""The drill of the detect flow: killed after its commit, while it starts responses, on a real server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun

from bench.drills.detect import KILLED, DrillError, Round, Say, Tally
from bench.drills.organisation import Step
from prefect_cloudtrail.flows.demo import QUIET_SERVER
from prefect_cloudtrail.store import Store

SERVER_SECONDS = 120
FLOW_SECONDS = 300
# What a flow does between its commit and its end takes about this long.
TELLING_SECONDS = 1.0
LOOK_SECONDS = 0.01
COMMIT, LATER, RESPONSE = "the commit is there", "some time after it", "a response is there"
RUN_THE_FLOW = """
import json, sys
from datetime import datetime
from pathlib import Path
from prefect_cloudtrail.flows.detect import detect
given = json.loads(sys.argv[1])
detect(source=given["source"], city_db=Path(given["city_db"]), asn_db=Path(given["asn_db"]),
       state=given["state"], until=datetime.fromisoformat(given["until"]))
"""


@contextmanager
def real_server(home: Path) -> Iterator[str]:
    """Run a Prefect server in a folder of its own; give its API's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**kept, **QUIET_SERVER, "PREFECT_HOME": str(home), "PREFECT_UI_ENABLED": "false"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    api, log = f"http://127.0.0.1:{port}/api", home / "server.log"
    with log.open("w") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            _wait_for(api, process, log)
            yield api
        finally:
            process.terminate()
            process.wait(30)


def kill_flow(
    learned: Round, step: Step, told: Sequence[tuple[str, int]], api: str, kills: int, seed: int, say: Say
) -> Tally:
    """Return what came of killing the flow after its commit: before, while and after it starts responses.

    Args:
        learned: a state that has learned; each kill is of a run over a copy of it.
        step: what the killed run reads.
        told: the (incident, revision) that the step marks to tell where nobody disturbs it.
        api: of a server that knows nothing yet.
        kills: how many runs to kill.
        seed: of the moments.
        say: told after every kill.

    Raises:
        DrillError: a run failed that was not killed.
    """
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    expected = Counter(f"{incident_id}:{revision}" for incident_id, revision in told)
    learned.deliver(step)
    with SyncPrefectClient(api=api) as client:
        responses = _Responses(client)
        while tally.kills < kills:
            tally.rounds += 1
            state = learned.state.with_name(f"state-{tally.rounds}")
            shutil.copytree(learned.state, state)
            run = _Flow(learned, step, state, api)
            _kill_one(run, responses, len(told), chance, tally)
            if run.begin().wait(FLOW_SECONDS) != 0:
                raise DrillError(f"the run after a kill failed: {run.said()}")
            tally.steps += 1
            with Store.read_only(state) as store:
                left = store.to_tell()
            # A key ends with the state it belongs to.
            started = Counter(str(response.idempotency_key).rpartition(":")[0] for response in responses.started())
            if started != expected or left:
                tally.differences.append(
                    f"round {tally.rounds}: started {dict(started)}, not {dict(expected)}; left to tell: {left}"
                )
            responses.forget()
            say(f"round {tally.rounds}: {tally.kills} kills, {len(tally.differences)} differences")
    return tally


def _kill_one(run: "_Flow", responses: "_Responses", told: int, chance: Random, tally: Tally) -> None:
    """Kill one run once its commit is there."""
    aim = chance.choice((COMMIT, LATER, RESPONSE))
    before = run.committed()
    process = run.begin()
    while process.poll() is None and run.committed() == before:
        time.sleep(LOOK_SECONDS)
    if aim == LATER:
        time.sleep(chance.uniform(0, TELLING_SECONDS))
    while aim == RESPONSE and process.poll() is None and not responses.started():
        time.sleep(LOOK_SECONDS)
    process.kill()
    ended = process.wait(FLOW_SECONDS)
    if ended == 0:
        tally.survived += 1
        return
    if ended != KILLED:
        raise DrillError(f"a run that nobody killed failed: {run.said()}")
    tally.killed[aim] += 1
    count = len(responses.started())
    some = "with all responses started" if count == told else "with some responses started"
    tally.landed[some if count else "before any response"] += 1


class _Flow:
    """The flow as a worker runs it: in a process of its own, with the server's address in its environment."""

    def __init__(self, learned: Round, step: Step, state: Path, api: str) -> None:
        _, _, *words = learned.organisation.arguments(step, learned.trail, state, None)
        names = (word.removeprefix("--").replace("-", "_") for word in words[::2])
        given = dict(zip(names, words[1::2], strict=True))
        self.state = state
        self._command = [sys.executable, "-c", RUN_THE_FLOW, json.dumps(given)]
        self._environment = {**os.environ, "PREFECT_API_URL": api}
        self._log = state.with_suffix(".log")

    def begin(self) -> subprocess.Popen[bytes]:
        """Start it."""
        with self._log.open("wb") as log:
            return subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def committed(self) -> int:
        """Return how many runs its state holds by now."""
        with Store.read_only(self.state) as store:
            return len(store.runs())

    def said(self) -> str:
        """Return the end of what it said."""
        return self._log.read_text(errors="replace")[-2_000:]


class _Responses:
    """The runs of a deployment of respond that no worker takes."""

    def __init__(self, client: SyncPrefectClient) -> None:
        @flow(name="respond")
        def elsewhere() -> None: ...

        self._client = client
        deployment = client.create_deployment(client.create_flow(elsewhere), "respond", enforce_parameter_schema=False)
        self._filter = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))

    def started(self) -> list[FlowRun]:
        """Return the runs that were started."""
        return self._client.read_flow_runs(flow_run_filter=self._filter)

    def forget(self) -> None:
        """Delete them: what is started next has the same keys."""
        for run in self.started():
            self._client.delete_flow_run(run.id)


def _wait_for(api: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SERVER_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if httpx.get(f"{api}/health").is_success:
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.2)
    raise DrillError(f"no Prefect server at {api} within {SERVER_SECONDS} s: {log.read_text()[-2_000:]}")
