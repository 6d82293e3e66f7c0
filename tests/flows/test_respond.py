"""A response to one incident, on a real server."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from stolen_key import Trail

from prefect_cloudtrail import playbooks
from prefect_cloudtrail.flows.respond import respond
from prefect_cloudtrail.playbooks.notify_slack import PLAYBOOK
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.channels import TERMINAL

pytestmark = pytest.mark.usefixtures("_server")


@pytest.fixture
def incident_id(trail: Trail, state: Path) -> str:
    with Store.open(state) as store:
        trail.run(store)
        return store.to_tell()[0][0]


def run_respond(state: Path, incident_id: str, revision: int = 1) -> State[list[str]]:
    # Prefect unwraps a returned state; its types do not know.
    return cast("State[list[str]]", respond(incident_id, revision, str(state), return_state=True))


def test_a_card_is_shown_once_however_often_a_response_runs(
    state: Path, incident_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    proposing = ["disable_access_keys", "fence_principal", "quarantine_principal", "revoke_sessions"]
    ran = run_respond(state, incident_id).result()
    assert (ran[0], sorted(ran[1:])) == ("notify_slack", sorted(["gather_context", *proposing]))
    assert run_respond(state, incident_id).is_completed()
    shown = capsys.readouterr().out
    assert shown.count("likely stolen") == 1
    assert [line for line in shown.splitlines() if line.startswith("ASKED")] == [
        "ASKED · disable_access_keys against alice, by 2 different people",
        "ASKED · fence_principal against alice, by 2 different people",
    ]


def test_a_card_that_a_crash_left_unconfirmed_is_shown_first(
    state: Path, incident_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(state) as store:
        store.outbox_write(incident_id, 0, TERMINAL, "the card before", datetime.now(UTC))
    assert run_respond(state, incident_id).is_completed()
    shown = capsys.readouterr().out
    assert shown.index("the card before") < shown.index("likely stolen")


def test_below_what_is_told_nobody_is_woken_and_the_reviewer_sees_why(
    state: Path, incident_id: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_TELL_FROM", "0.99")
    assert run_respond(state, incident_id).message == "no playbook at 98%"
    assert "likely stolen" not in capsys.readouterr().out


def test_a_revision_that_the_store_does_not_hold_fails(state: Path, incident_id: str) -> None:
    ended = run_respond(state, incident_id, revision=2)
    assert ended.is_failed()
    assert f"StateError: incident {incident_id} in {state} is at revision 1, not 2" in str(ended.message)


def test_a_playbook_that_fails_fails_the_response_after_the_others(
    state: Path,
    incident_id: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    prefect_client: SyncPrefectClient,
) -> None:
    @flow(name="broken")
    def broken(
        incident_id: str,  # noqa: ARG001
        state: str | None,  # noqa: ARG001
        database: str | None,  # noqa: ARG001
        settings_block: str | None,  # noqa: ARG001
    ) -> None:
        raise ConnectionError("nobody answers")

    both = (replace(PLAYBOOK, name="broken", run=broken), PLAYBOOK)
    monkeypatch.setattr(playbooks, "playbooks", lambda: both)
    ended = run_respond(state, incident_id)
    assert ended.is_failed()
    assert "broken: Flow run encountered an exception: ConnectionError: nobody answers" in str(ended.message)
    assert capsys.readouterr().out.count("likely stolen") == 1
    assert ended.state_details.flow_run_id
    assert prefect_client.read_flow_run(ended.state_details.flow_run_id).name == "respond alice from Milton, US"
