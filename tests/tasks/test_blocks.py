"""The settings as a block; saved, loaded and given to a flow in tests/flows, on a server."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

import prefect_cloudtrail
from prefect_cloudtrail.settings import Settings, settings
from prefect_cloudtrail.tasks.blocks import CloudTrailSettings

URL = "postgresql://cloudtrail:secret@db.example.com/cases"


# Whoever may write a block could say who may decide, and with which keys: these are the host's alone.
OF_THE_HOST = ("rules", "signing_keys", "slack_app_token", "slack_signing_secret")
HELD = [name for name in Settings.model_fields if name not in OF_THE_HOST]


def test_the_block_holds_every_setting_described_as_it_is_there_but_for_the_host_s_own() -> None:
    there = {name: Settings.model_fields[name].description for name in HELD}
    assert {name: field.description for name, field in CloudTrailSettings.model_fields.items()} == there


def test_settings_go_into_a_task_as_prefect_hands_them_on() -> None:
    # A setting called `keys` would make them a mapping that cannot be read.
    assert set(dict(settings())) == set(Settings.model_fields)


@pytest.mark.parametrize("name", HELD)
def test_what_is_left_empty_is_left_to_the_environment(name: str) -> None:
    assert name not in CloudTrailSettings().held()
    assert not CloudTrailSettings.model_fields[name].is_required()


def test_what_it_holds_is_what_a_flow_is_given() -> None:
    block = CloudTrailSettings(
        source="s3://example-trail", city_db=Path("city.mmdb"), database=SecretStr(URL), region=""
    )
    assert block.held() == {"source": "s3://example-trail", "city_db": Path("city.mmdb"), "database": URL}


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(CloudTrailSettings(database=SecretStr(URL)))


def test_the_package_names_its_blocks_and_imports_them_only_when_asked() -> None:
    assert "CloudTrailSettings" in dir(prefect_cloudtrail)
    assert prefect_cloudtrail.CloudTrailSettings is CloudTrailSettings
    code = "import sys, prefect_cloudtrail; dir(prefect_cloudtrail); print('prefect' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "False\n"


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="'prefect_cloudtrail' has no attribute 'nothing'"):
        _ = prefect_cloudtrail.nothing
