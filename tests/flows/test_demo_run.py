"""The demo: the two flows in a process of their own, on a server that is gone afterwards."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from prefect_cloudtrail.demo import DEMO
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.flows.demo import run_demo

SHORT = replace(DEMO, days=14)


def processes_of(folder: Path) -> list[str]:
    """Return the processes that were started for this folder: its name is in what they inherited."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if os.fsencode(folder) in environment.read_bytes():
                found.append((environment.parent / "cmdline").read_text().replace("\0", " "))
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.production
def test_the_demo_finds_the_thief_shows_the_card_and_leaves_no_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a user has set is for their own work.
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_DATABASE", "sqlite:////nowhere/cases.db")
    said: list[str] = []
    incident = run_demo(tmp_path / "demo", said.append, organisation=SHORT)

    assert incident.risk >= 0.6
    shown = capsys.readouterr().out
    assert shown.count(f"incident  {incident.incident_id}, revision") == 1
    assert "14 days" in said[0]
    key = incident.access_key_ids[0]
    read_back = [line for line in said if line.startswith("Read back")]
    assert read_back == [f"Read back: access key {key} is Inactive.", f"Read back: access key {key} is Active."]
    assert sum("demo-colleague approves: Approved" in line for line in said) == 2
    assert (tmp_path / "demo" / "prefect.log").read_text() == ""
    if Path("/proc").is_dir():
        assert processes_of(tmp_path) == []


def test_a_folder_that_holds_a_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with pytest.raises(CloudTrailResponseError, match="it holds one already; name another folder"):
        run_demo(tmp_path, print)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
