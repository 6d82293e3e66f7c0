"""deploy/automations, applied to a real server by the commands that the files say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from prefect_server import ROOT, PrefectServer, wait_until

from prefect_cloudtrail.tasks.windows import SKIPPED

AUTOMATIONS = ROOT / "deploy" / "automations"
HEARTBEAT = "prefect.flow-run.heartbeat"


def shipped(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((AUTOMATIONS / name).read_text(encoding="utf-8"))
    return found


def created(server: PrefectServer, file: Path) -> dict[str, Any]:
    """Return the automation as the server has it after the command that the file names; it is deleted again."""
    server.command("automation", "create", "--from-file", str(file))
    name = yaml.safe_load(file.read_text(encoding="utf-8"))["name"]
    [found] = [each for each in server.post("automations/filter") if each["name"] == name]
    server.command("automation", "delete", name)
    return dict(found)


def test_the_automation_for_crashed_runs_is_what_the_file_says(production: PrefectServer) -> None:
    there = created(production, AUTOMATIONS / "crashed.yaml")

    assert there["enabled"]
    trigger, [action] = there["trigger"], there["actions"]
    assert (trigger["type"], trigger["posture"], trigger["within"]) == ("event", "Proactive", 90.0)
    assert trigger["after"] == [HEARTBEAT]
    assert trigger["for_each"] == ["prefect.resource.id"]
    assert trigger["match_related"]["prefect.resource.id"] == "prefect.tag.cloudtrail"
    assert (action["type"], action["state"]) == ("change-flow-run-state", "CRASHED")


def test_the_automation_for_silence_is_what_the_file_says(production: PrefectServer, tmp_path: Path) -> None:
    block = production.save_block("custom-webhook", "example", name="example", url="http://127.0.0.1:9/")
    filled_in = tmp_path / "silent.yaml"
    text = (AUTOMATIONS / "silent.yaml").read_text(encoding="utf-8")
    filled_in.write_text(text.replace("NOTIFICATION_BLOCK_ID", block))

    there = created(production, filled_in)

    trigger, [action] = there["trigger"], there["actions"]
    assert (trigger["posture"], trigger["within"]) == ("Proactive", 45 * 60.0)
    assert trigger["expect"] == ["prefect.flow-run.Completed"]
    assert (action["type"], action["block_document_id"]) == ("send-notification", block)


@contextmanager
def hearing() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a webhook, and the subjects of what it was sent."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["subject"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ended(server: PrefectServer, flow: str, state: str, name: str) -> None:
    """Have a run of a flow end, as a worker does."""
    flow_id = server.post("flows/", name=flow)["id"]
    run = server.post("flow_runs/", flow_id=flow_id, state={"type": "RUNNING"})["id"]
    server.post(f"flow_runs/{run}/set_state", state={"type": state, "name": name})


def test_the_automation_for_silence_fires_and_hears_a_detect_that_completed_alone(
    production: PrefectServer,
) -> None:
    with hearing() as (url, heard):
        message = {"subject": "{{subject}}"}
        fields = {"name": "hears", "url": url, "json_data": message, "allow_private_urls": True}
        block = production.save_block("custom-webhook", "hears", **fields)
        text = (AUTOMATIONS / "silent.yaml").read_text(encoding="utf-8").replace("NOTIFICATION_BLOCK_ID", block)
        silent = yaml.safe_load(text)
        # Whether it hears: the same in reverse, which fires as soon as what it expects is there.
        reverse = silent["trigger"] | {"posture": "Reactive", "within": 0}
        [action] = silent["actions"]
        hears = {
            "name": "hears",
            "trigger": reverse,
            "actions": [action | {"subject": "{{ flow.name }}: {{ event.event }}"}],
        }
        # As soon as Prefect takes: no shorter one may be asked for.
        soon = silent | {"trigger": silent["trigger"] | {"within": 10}}
        made = [production.post("automations/", **each)["id"] for each in (soon, hears)]
        try:
            for flow, state, name in (
                ("respond", "COMPLETED", "Completed"),
                ("detect", "FAILED", "Failed"),
                ("detect", "COMPLETED", SKIPPED),
                ("detect", "COMPLETED", "Completed"),
            ):
                ended(production, flow, state, name)
            wait_until(lambda: [said for said in heard if ": " in said], "a detect that completed was heard")
            wait_until(lambda: action["subject"] in heard, "silence was told")
        finally:
            for each in made:
                production.delete(f"automations/{each}")
        assert {said for said in heard if ": " in said} == {"detect: prefect.flow-run.Completed"}
        assert len([said for said in heard if ": " in said]) == 1


def test_three_heartbeats_fit_before_a_run_is_taken_for_crashed() -> None:
    detect = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"][0]
    seconds = int(detect["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert shipped("crashed.yaml")["trigger"]["within"] == 3 * seconds


@pytest.mark.parametrize("ending", ["Completed", "Failed", "Cancelled", "Crashed", SKIPPED])
def test_a_run_that_ended_is_not_taken_for_crashed(ending: str) -> None:
    assert f"prefect.flow-run.{ending}" in shipped("crashed.yaml")["trigger"]["expect"]
