"""Secrets do not show: in what an object prints, in errors with all that led to them, in what is kept of a record.

A whole run with secrets planted everywhere is tests/flows/test_slack_site.py.
"""

import dataclasses
import importlib
import json
import pkgutil
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from security import canaries
from slack_sdk import WebClient

import prefect_cloudtrail
from prefect_cloudtrail import clients
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.response.accounts import Accounts
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.settings import Settings, settings
from prefect_cloudtrail.slack.asking import asking
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.blocks import CloudTrailSettings
from prefect_cloudtrail.text import redacted

SECRET = "canary0secret"  # noqa: S105 - nobody's
URL = f"postgresql://cloudtrail:{SECRET}@127.0.0.1:1/cases"
SECRETS = ("slack_token", "slack_app_token", "slack_signing_secret")
GIVEN: dict[str, Any] = dict.fromkeys(SECRETS, f"xoxb-{SECRET}") | {
    "database": URL,
    "pager_url": f"https://pager.example/{SECRET}",
}
# By what a field is called that holds a secret in clear; an AWS role's name or an endpoint is none.
HOLDS_SECRETS = ("token", "secret", "password", "pager", "private", "credentials")


def test_settings_show_no_secret_in_whatever_form_they_are_printed() -> None:
    known = Settings(**GIVEN)
    said = [repr(known), str(known), f"{known}", repr([known]), known.model_dump_json(exclude={"database"})]
    assert [each for each in said if SECRET in each] == []


def test_a_settings_block_shows_none_either() -> None:
    block = CloudTrailSettings(
        **{name: value for name, value in GIVEN.items() if name in CloudTrailSettings.model_fields}
    )
    assert SECRET not in repr(block) + str(block) + block.model_dump_json()


def modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(prefect_cloudtrail.__path__, "prefect_cloudtrail.")
    left_out = (".demo", ".migrations", ".flows", ".tasks", ".playbooks")
    return [importlib.import_module(each.name) for each in found if not any(part in each.name for part in left_out)]


def test_no_dataclass_prints_a_field_that_holds_a_secret() -> None:
    classes = {each for module in modules() for each in vars(module).values() if isinstance(each, type)}
    ours = [each for each in classes if dataclasses.is_dataclass(each) and each.__module__.startswith("prefect_")]
    shown = {
        f"{each.__module__}.{each.__qualname__}.{one.name}"
        for each in ours
        for one in dataclasses.fields(each)
        if one.repr and any(word in one.name for word in HOLDS_SECRETS)
    }
    # The number of a lease.
    assert shown == {"prefect_cloudtrail.store.leases.Lease.token"}
    assert len(ours) > 100


def test_keys_and_clients_do_not_print_what_they_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    keys = Keys.make(tmp_path / "keys")
    (pem,) = keys.folder.glob("*.pem")
    said = repr(keys) + repr(Accounts("role", SECRET)) + repr(WebClient(token=SECRET))
    assert [each for each in (SECRET, *pem.read_text().splitlines()[1:-1]) if each in said] == []


def _slack() -> None:
    client = clients.slack(settings(slack_channel="C0EXAMPLE", slack_url="http://127.0.0.1:1/api/", **GIVEN))
    assert client is not None
    with asking("ask Slack"):
        client.auth_test()


FAILURES: dict[str, Callable[[Path], object]] = {
    "a database out of reach": lambda folder: Store.open(folder, URL),
    "a database URL that is none": lambda folder: Store.open(folder, f"postgresql//x:{SECRET}@db"),
    "a database of another kind": lambda folder: Store.open(folder, f"mysql://x:{SECRET}@db/cases"),
    "a token for a channel": lambda _: settings(slack_channel=f"xoxb-{SECRET}"),
    "a secret for a number": lambda _: settings(tell_from=SECRET),
    "a Slack out of reach": lambda _: _slack(),
}


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_tells_no_secret_nor_does_anything_that_led_to_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(CloudTrailResponseError) as error:
        FAILURES[name](tmp_path / "state")
    said = "".join(traceback.format_exception(error.value)) + repr(error.value)
    # The line of the test that planted it is no part of what the program says.
    assert [line for line in said.splitlines() if SECRET in line] == []


def test_what_is_kept_of_a_record_holds_none_of_its_secrets() -> None:
    kept = json.dumps(redacted(canaries.IN_RECORDS))
    assert [each for each in canaries.planted() if each in kept] == []
    # Whose key it is, and what was asked for, stays.
    assert all(each in kept for each in ("AKIAEXAMPLE", "backup", "(redacted)"))
