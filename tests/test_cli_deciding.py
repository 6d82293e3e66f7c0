"""The commands of the responder's host: who acts is the process's user, and nothing happens without the key."""

import os
import pwd
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from response_cases import USER, a_plan, a_step
from store.case_builders import a_change, an_alert, an_incident, commit
from test_cli import cli, rows

from prefect_cloudtrail.response.decision import Choice, Request
from prefect_cloudtrail.response.plan import ManualStep
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import Store

ME = f"system:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A responder's host: this user may decide, in a state with one incident."""
    with Store.open(tmp_path / "state") as store:
        commit(store, a_change(incidents=[an_incident("incident-1", an_alert())]))
    rules = tmp_path / "rules.toml"
    rules.write_text(f'approvers = ["{ME}"]\n[owners]\n"{USER}" = "system:somebody-else"\n')
    rules.chmod(0o600)
    Keys.make(tmp_path / "keys")
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_RULES", str(rules))
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_SIGNING_KEYS", str(tmp_path / "keys"))
    return tmp_path / "state"


@pytest.fixture
def opened(state: Path) -> Iterator[Store]:
    with Store.open(state) as store:
        yield store


def ask(store: Store, playbook: str = "disable_access_keys", action: str = "disable_access_key") -> Request:
    now = datetime.now(UTC)
    plan = replace(a_plan(a_step(action)), playbook=playbook)
    return store.responses.ask(plan, now, now + timedelta(hours=4))


def test_an_incidents_one_request_is_answered_as_the_system_user(
    state: Path, opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(opened)
    # What getpass would believe.
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    (row,) = rows(cli("decide", "incident-1", "approve", "--why", "not her", "--state", state, "--json"))
    (decision,) = opened.responses.decisions(request.request_id)
    assert row == {
        "type": "decision",
        "request_id": request.request_id,
        "outcome": "approved",
        "said": "Approved. This is a dry run: everything is done but the change.",
        "decision_id": decision.decision_id,
    }
    assert (decision.by, decision.via, decision.choice, decision.why) == (ME, "terminal", Choice.APPROVE, "not her")
    delivered = opened.responses.request(request.request_id)
    assert delivered is not None
    assert delivered.delivered_at is not None


def test_a_no_is_one_line_and_exit_status_1(state: Path, opened: Store) -> None:
    request = ask(opened)
    assert cli("decide", request.request_id, "leave", "--state", state).stdout == "It is left on; nothing is changed.\n"
    again = cli("decide", request.request_id, "approve", "--state", state)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr.startswith("prefect-cloudtrail: You left it on at ")
    expected = cli("decide", "incident-1", "expected", "--state", state)
    assert expected.stderr == "prefect-cloudtrail: no open request of incident-1 here\n"


def test_of_several_open_requests_one_is_named(state: Path, opened: Store) -> None:
    fence, disable = ask(opened, "fence_principal", "fence_principal"), ask(opened)
    several = cli("decide", "incident-1", "approve", "--state", state)
    assert several.stderr == (
        "prefect-cloudtrail: incident-1 has several open requests; give --playbook or an id: "
        f"fence_principal {fence.request_id}, disable_access_keys {disable.request_id}\n"
    )
    cli("decide", "incident-1", "approve", "--playbook", "fence_principal", "--state", state)
    assert opened.responses.settlement(fence.request_id) is not None
    assert opened.responses.settlement(disable.request_id) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "SIGNING_KEYS",
            "no signing keys: set PREFECT_CLOUDTRAIL_SIGNING_KEYS to their folder on the responder's host",
        ),
        ("RULES", "Nothing was done: the rules name no approvers, so nobody may decide."),
    ],
)
def test_without_keys_or_rules_nothing_is_decided(
    state: Path, opened: Store, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    request = ask(opened)
    monkeypatch.delenv(f"PREFECT_CLOUDTRAIL_{name}")
    refused = cli("decide", "incident-1", "approve", "--state", state)
    assert (refused.exit_code, refused.stderr) == (1, f"prefect-cloudtrail: {said}\n")
    assert opened.responses.settlement(request.request_id) is None


def test_steps_by_hand_are_listed_and_done_once(state: Path, opened: Store) -> None:
    ask(opened)
    (row,) = rows(cli("decide", "incident-1", "approve", "--state", state, "--json"))
    opened.responses.add_manual_steps(row["decision_id"], "incident-1", [ManualStep("call", "Call\x07 her.")])
    assert cli("steps", "incident-1", "--state", state).stdout == "call, open: Call� her.\n"
    assert cli("steps", "incident-1", "--done", "call", "--state", state).exit_code == 2
    (done,) = rows(cli("steps", "incident-1", "--done", "call", "--why", "called", "--state", state, "--json"))
    assert (done["name"], done["done_by"], done["why"]) == ("call", ME, "called")
    again = cli("steps", "incident-1", "--done", "call", "--why", "called", "--state", state)
    assert again.stderr == (
        "prefect-cloudtrail: no open step call in incident-1: `prefect-cloudtrail steps` lists them\n"
    )


def test_the_breaker_is_tripped_and_reset_by_an_approver_alone(
    state: Path, opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(opened)
    assert cli("breaker", "--state", state).stdout == "not tripped; it never was\n"
    (tripped,) = rows(cli("breaker", "trip", "--why", "stop", "--state", state, "--json"))
    assert (tripped["tripped"], tripped["by"], tripped["why"]) == (True, ME, "stop")
    stopped = cli("decide", request.request_id, "approve", "--state", state)
    assert stopped.stderr == f"prefect-cloudtrail: Nothing was done: the breaker is tripped, by {ME}: stop.\n"
    rules = Path(os.environ["PREFECT_CLOUDTRAIL_RULES"])
    monkeypatch.delenv("PREFECT_CLOUDTRAIL_RULES")
    refused = cli("breaker", "reset", "--why", "over", "--state", state)
    assert refused.stderr == (
        f"prefect-cloudtrail: {ME} is not among those who may decide, so may not reset the breaker\n"
    )
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_RULES", str(rules))
    assert cli("breaker", "reset", "--state", state).exit_code == 2
    assert cli("breaker", "reset", "--why", "over", "--state", state).exit_code == 0
    assert opened.responses.breaker().tripped is False


def test_keys_are_made_shown_and_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_SIGNING_KEYS", str(tmp_path / "keys"))
    missing = cli("keys")
    assert missing.stderr == (
        f"prefect-cloudtrail: no signing keys in {tmp_path / 'keys'}: make one with `prefect-cloudtrail keys make`\n"
    )
    (made,) = rows(cli("keys", "make", "--json"))
    assert made == {"type": "key", "key_id": made["key_id"], "stops_at": None}
    assert cli("keys").stdout == f"{made['key_id']} signs\n"
    new, old = rows(cli("keys", "rotate", "--json"))
    assert (new["stops_at"], old["key_id"]) == (None, made["key_id"])
    assert old["stops_at"] is not None
