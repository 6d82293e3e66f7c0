"""The settings block on a real server: registered, saved, loaded, and given to a flow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from pydantic import SecretStr
from stolen_key import END, Trail

from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.flows.detect import detect
from prefect_cloudtrail.tasks.blocks import CloudTrailSettings, known_settings

SLUG = "cloudtrail-settings"


@pytest.fixture
def saved(trail: Trail, state: Path, prefect_client: SyncPrefectClient) -> str:
    """Save the settings of a state that has learned; return the block's name."""
    assert prefect_client
    database = SecretStr(f"sqlite:///{state / 'cases.db'}")
    block = CloudTrailSettings(source=str(trail.source), city_db=trail.city_db, state=str(state), database=database)
    block.save("example", overwrite=True)
    return "example"


def test_the_package_registers_its_block(prefect_client: SyncPrefectClient) -> None:
    command = [sys.executable, "-m", "prefect", "block", "register", "-m", "prefect_cloudtrail"]
    environment = os.environ | {"PREFECT_API_URL": str(prefect_client.api_url)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "CloudTrail Settings" in done.stdout) == (0, True), done.stdout + done.stderr

    there = prefect_client.read_block_type_by_slug(SLUG)
    assert str(there.logo_url).endswith(".png")
    assert str(there.description).startswith("What prefect-cloudtrail's flows need to know")
    assert 'run_deployment("detect/detect", parameters={"settings_block": "prod"})' in str(there.code_example)


def test_a_saved_password_is_hidden_from_whoever_asks_the_server(saved: str, prefect_client: SyncPrefectClient) -> None:
    answered = prefect_client.read_block_document_by_name(saved, SLUG, include_secrets=False)
    assert set(answered.data["database"]) == {"*"}
    held = known_settings(saved)
    assert str(held.database).startswith("sqlite:///")


def test_a_parameter_wins_over_the_block_and_the_block_over_the_environment(
    saved: str, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_SOURCE", "/environment")
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_REGION", "eu-central-1")
    known = known_settings(saved, state="/parameter", city_db=None)
    assert (known.state, known.source, known.region) == ("/parameter", str(trail.source), "eu-central-1")
    assert known.city_db == trail.city_db


def test_a_block_that_nobody_saved_says_what_to_do(prefect_client: SyncPrefectClient) -> None:
    assert prefect_client
    with pytest.raises(SettingsError, match=r"cannot load the block cloudtrail-settings/none: .*; save one, or leave"):
        known_settings("none")


def test_a_flow_and_all_it_starts_need_nothing_but_the_block(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    detect(settings_block=saved, until=END)

    assert capsys.readouterr().out.count("likely stolen: alice") == 1
