"""The responder's own deployments: contain, undo and watch, served from its host alone. Not deployed to a worker."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from prefect.deployments import run_deployment
from prefect.exceptions import TerminationSignal
from prefect.runner import Runner

from prefect_cloudtrail.flows.contain import contain
from prefect_cloudtrail.flows.undo import undo
from prefect_cloudtrail.flows.watch import watch

NAME = "responder"
SERVED = (contain, undo, watch)
SERVE = "from prefect_cloudtrail.flows.responder import serve_flows; serve_flows()"
# A server that was away comes back; what is to be done meanwhile, the responder does itself.
AGAIN_AFTER_SECONDS = 10.0
ENDS_WITHIN_SECONDS = 10.0


def serve_flows() -> None:
    """Serve the flows for as long as the process that started this one lives."""
    parent = os.getppid()

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=end_with_parent, name="ends with the responder", daemon=True).start()
    # Kept scheduled over a restart: what was approved meanwhile is found by the responder itself anyway.
    runner = Runner(name=NAME, pause_on_shutdown=False)
    for each in SERVED:
        # The flow itself. Given a deployment, as `serve` gives it, the runner asks Prefect before each run where the
        # code is and what to run first, and whoever may use Prefect can have this host run what they like.
        runner.add_flow(each, NAME)
    with suppress(KeyboardInterrupt, TerminationSignal):
        asyncio.run(runner.start())


@contextmanager
def flows_served() -> Iterator[None]:
    """Serve the flows from a process beside this one, started again whenever it ends, until the end."""
    stop, running = Event(), list[subprocess.Popen[bytes]]()

    def keep_serving() -> None:
        while not stop.is_set():
            child = subprocess.Popen([sys.executable, "-c", SERVE])  # noqa: S603 - our own interpreter and text
            running[:] = [child]
            child.wait()
            stop.wait(AGAIN_AFTER_SECONDS)

    thread = Thread(target=keep_serving, name="serves the flows", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        for child in running:
            child.terminate()
            try:
                child.wait(ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
        thread.join(ENDS_WITHIN_SECONDS)


def start_run(flow: str, parameters: Mapping[str, Any], key: str) -> None:
    """Start a run of a served flow, once for each key.

    Raises:
        Exception: whatever keeps Prefect from it.
    """
    run_deployment(f"{flow}/{NAME}", parameters=dict(parameters), timeout=0, idempotency_key=key, tags=["cloudtrail"])
