"""deploy/automations, applied to a real server by the commands that the files say."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect_server import ROOT, PrefectServer

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


def test_three_heartbeats_fit_before_a_run_is_taken_for_crashed() -> None:
    detect = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"][0]
    seconds = int(detect["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert shipped("crashed.yaml")["trigger"]["within"] == 3 * seconds


@pytest.mark.parametrize("ending", ["Completed", "Failed", "Cancelled", "Crashed", SKIPPED])
def test_a_run_that_ended_is_not_taken_for_crashed(ending: str) -> None:
    assert f"prefect.flow-run.{ending}" in shipped("crashed.yaml")["trigger"]["expect"]
