"""The responder beside a real Prefect server: its runs are seen there, and it needs none of them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prefect_server import PrefectServer, descendants, lives, prefect_server, wait_until

from bench.drills.robbery import Robbery, aws, robbed

pytestmark = pytest.mark.production

RESPONDER = "from prefect_cloudtrail.cli import main; main(['responder', '--port', '0'])"


@contextmanager
def responder(robbery: Robbery, server: PrefectServer) -> Iterator[Path]:
    """Run the command as a service manager does; give what it says."""
    log = server.home / "responder.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", RESPONDER],
            env=server.environment | robbery.environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield log
    finally:
        below = descendants(process.pid)
        process.terminate()
        assert process.wait(60) == 0, log.read_text()
        assert not any(map(lives, below)), "what it served is still there"


def served(server: PrefectServer) -> dict[str, str]:
    """Return the ids of the responder's deployments, by their flows."""
    found = server.post("deployments/filter")
    flows = {each["id"]: each["name"] for each in server.post("flows/filter")}
    return {flows[each["flow_id"]]: each["id"] for each in found if each["name"] == "responder"}


def ended(server: PrefectServer, name: str) -> list[dict[str, Any]]:
    return [run for run in server.runs() if run["state"] and run["state"]["name"] == name]


def test_what_was_approved_is_a_run_that_a_reviewer_sees_and_a_run_without_a_decision_is_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "home").mkdir()
    with aws() as endpoint, prefect_server(tmp_path / "home") as server:
        robbery = robbed(tmp_path / "site", endpoint)
        with responder(robbery, server) as log:
            wait_until(lambda: set(served(server)) == {"contain", "undo", "watch"}, "its flows")
            flows = served(server)
            with robbery.open() as store:
                decision_id = robbery.approve(store, robbery.ask(store)).decision_id
            wait_until(lambda: robbery.key_status() == "Inactive", f"the key Inactive, see {log}:")

            (run,) = wait_until(lambda: ended(server, "Watching"), "a run named Watching")[:1]
            assert run["tags"] == ["cloudtrail", f"incident:{robbery.incident.incident_id}"]
            assert run["parameters"] == {"decision_id": decision_id}
            assert run["name"].endswith(robbery.user_name)

            # Whoever may start runs may start this one; no decision stands behind it.
            server.post(f"deployments/{flows['contain']}/create_flow_run", parameters={"decision_id": "dec_made_up"})
            (refused,) = wait_until(lambda: ended(server, "Refused"), "a run named Refused")
            assert refused["state"]["type"] == "FAILED"
            assert "no decision dec_made_up" in refused["state"]["message"]
        with robbery.open() as store:
            assert [each.outcome for each in store.responses.receipts()] == ["applied", "applied"]
            assert store.responses.verify_audit() == []
