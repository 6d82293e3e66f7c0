"""The whole walk on a real server: read, judge, tell once, whatever happens in between."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Crashed, Running
from stolen_key import END, LAST_DAY, Trail

from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.flows.backfill import backfill
from prefect_cloudtrail.flows.detect import as_utc, detect
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.parts import Asked
from prefect_cloudtrail.settings import settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks import reading
from prefect_cloudtrail.tasks.reading import mapped

CARD = "likely stolen: alice, from Milton, US"
READ = "60 events in 9 objects, 0 duplicates, 0 rejected; 18 alerts, 1 incident."
READ_NOTHING = "0 events in 0 objects, 0 duplicates, 0 rejected; 0 alerts, 0 incidents."


def run_detect(trail: Trail, state: Path, **given: Any) -> State[dict[str, Any]]:
    # Prefect unwraps a returned state; its types do not know.
    return cast("State[dict[str, Any]]", detect(**trail.given(state) | {"until": END} | given, return_state=True))


def run_of(client: SyncPrefectClient, ended: State[Any]) -> FlowRun:
    assert ended.state_details.flow_run_id
    return client.read_flow_run(ended.state_details.flow_run_id)


def runs_about(client: SyncPrefectClient, incident_id: str, since: datetime) -> list[FlowRun]:
    """Return the respond runs of the incident that began in this test; others find the same thief."""
    tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=[f"incident:{incident_id}"]))
    return [
        run
        for run in client.read_flow_runs(flow_run_filter=tagged)
        if run.name.startswith("respond") and run.created and run.created >= since
    ]


def artifacts_of(client: SyncPrefectClient, run: FlowRun) -> dict[str | None, str | None]:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    return {artifact.key: artifact.type for artifact in client.read_artifacts(artifact_filter=of_run)}


def find_incident(trail: Trail, state: Path) -> str:
    """Find it as a run does that is killed right after its commit."""
    with Store.open(state) as store:
        trail.run(store)
        return store.to_tell()[0][0]


def left_to_tell(state: Path) -> list[tuple[str, int]]:
    with Store.read_only(state) as store:
        return store.to_tell()


@pytest.fixture
def began() -> datetime:
    return datetime.now(UTC)


@pytest.mark.usefixtures("_server")
def test_parts_read_by_the_task_runner_hold_what_one_process_reads(
    trail: Trail, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reading, "PART_BYTES", 1_000)
    here = tmp_path / "here"
    shutil.copytree(state, here)
    find_incident(trail, here)
    ended = run_detect(trail, state, spread=True)
    assert ended.message == READ
    with Store.read_only(here) as one, Store.read_only(state) as spread:
        assert spread.incidents() == one.incidents()
    assert len([said for said in caplog.messages if re.fullmatch(r"read \d objects, 0 MB of JSON", said)]) > 2


@pytest.mark.usefixtures("_server")
def test_a_long_past_is_learned_by_the_task_runner_as_by_one_process(
    trail: Trail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PART_BYTES", 1_000)
    learned = []
    for spread in (False, True):
        state = tmp_path / f"spread-{spread}"
        backfill(LAST_DAY, **trail.given(state), spread=spread)
        find_incident(trail, state)
        with Store.read_only(state) as store:
            learned.append(store.incidents())
    assert learned[0] == learned[1] != []


@pytest.mark.usefixtures("_server")
def test_what_a_worker_cannot_reach_is_read_here(trail: Trail, state: Path, tmp_path: Path) -> None:
    elsewhere = settings(**trail.given(state) | {"source": str(tmp_path / "not there")})
    source, geo = FolderSource(trail.source), Geo.open(trail.city_db)
    objects = source.list()

    @flow
    def read() -> list[tuple[int, int]]:
        parts = mapped(elsewhere)(source, objects, Asked(geo, END, None, None, timedelta(hours=2), {}))
        return [(size, part.rejected.height) for size, part in parts]

    assert read() == [(len(objects), 0)]


def test_a_thief_is_found_told_once_and_shown_to_the_reviewer(
    trail: Trail, state: Path, prefect_client: SyncPrefectClient, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = run_detect(trail, state)

    assert (ended.is_completed(), ended.message) == (True, READ)
    assert ended.result()["events"] == 60
    run = run_of(prefect_client, ended)
    assert (run.name, run.tags) == ("detect until 2026-03-14 00:00", ["cloudtrail"])
    # The thief stops a trail, too.
    assert artifacts_of(prefect_client, run) == {"detect-summary": "table", "trail-notices": "table"}
    with Store.read_only(state) as store:
        incident_id = store.incidents()[0].incident_id
    [response] = runs_about(prefect_client, incident_id, began)
    assert response.name == "respond alice from Milton, US"
    assert response.state
    assert response.state.is_completed()
    assert "notify_slack" in str(response.state.message)
    key = incident_id.replace("_", "-")
    assert artifacts_of(prefect_client, response) == {
        f"context-{key}": "markdown",
        f"incident-{key}": "markdown",
        f"evidence-{key}": "table",
    }
    assert capsys.readouterr().out.count(CARD) == 1

    again = run_detect(trail, state)

    assert again.message == READ_NOTHING
    assert runs_about(prefect_client, incident_id, began) == [response]
    assert CARD not in capsys.readouterr().out


def test_what_was_found_and_not_told_is_told_by_the_next_run(
    trail: Trail, state: Path, prefect_client: SyncPrefectClient, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    incident_id = find_incident(trail, state)

    ended = run_detect(trail, state)

    assert ended.message == READ_NOTHING
    assert len(runs_about(prefect_client, incident_id, began)) == 1
    assert capsys.readouterr().out.count(CARD) == 1
    assert left_to_tell(state) == []


def test_a_run_that_finds_another_at_work_is_named_skipped_and_tells_all_the_same(
    trail: Trail, state: Path, prefect_client: SyncPrefectClient, capsys: pytest.CaptureFixture[str]
) -> None:
    find_incident(trail, state)
    with Store.open(state) as store, store.lease("detect", "somebody else", 5, datetime.now(UTC)):
        ended = run_detect(trail, state)

    assert (ended.name, ended.is_completed()) == ("Skipped", True)
    assert str(ended.message).startswith(f"another detector is at work on {state / 'cases.db'}: somebody else holds it")
    assert artifacts_of(prefect_client, run_of(prefect_client, ended)) == {}
    assert capsys.readouterr().out.count(CARD) == 1


def test_a_missing_city_database_fails_the_run_and_says_what_to_do(trail: Trail, state: Path, tmp_path: Path) -> None:
    ended = run_detect(trail, state, city_db=tmp_path / "none.mmdb")

    assert ended.is_failed()
    assert f"GeoError: no such city database: {tmp_path / 'none.mmdb'}; pass the .mmdb file" in str(ended.message)


def test_no_source_at_all_fails_the_run(trail: Trail, state: Path) -> None:
    ended = run_detect(trail, state, source=None)

    assert ended.is_failed()
    assert "SettingsError: no source" in str(ended.message)


@contextmanager
def respond_deployed(client: SyncPrefectClient) -> Iterator[Callable[[], list[FlowRun]]]:
    """Deploy respond to where nobody takes its runs; give what returns those that were started."""

    @flow(name="respond")
    def elsewhere() -> None: ...

    deployment_id = client.create_deployment(client.create_flow(elsewhere), "respond", enforce_parameter_schema=False)
    of_deployment = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]))
    try:
        yield lambda: client.read_flow_runs(flow_run_filter=of_deployment)
    finally:
        client.delete_deployment(deployment_id)


def test_a_deployed_response_is_started_once_whatever_crashed_in_between(
    trail: Trail, state: Path, prefect_client: SyncPrefectClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    incident_id = find_incident(trail, state)
    # The second state is the first as a crash before marking would leave it.
    shutil.copytree(state, tmp_path / "copy")

    with respond_deployed(prefect_client) as started:
        assert run_detect(trail, state).is_completed()
        assert run_detect(trail, tmp_path / "copy").is_completed()
        [response] = started()

    assert str(response.idempotency_key).startswith(f"{incident_id}:1:")
    assert response.parameters == {
        "incident_id": incident_id,
        "revision": 1,
        "state": str(state),
        "database": None,
        "settings_block": None,
    }
    assert response.parent_task_run_id
    assert CARD not in capsys.readouterr().out
    assert left_to_tell(state) == left_to_tell(tmp_path / "copy") == []


def test_a_state_made_anew_on_the_same_server_is_told_of_again(
    trail: Trail, prefect_client: SyncPrefectClient, tmp_path: Path
) -> None:
    incident_ids = []
    with respond_deployed(prefect_client) as started:
        for state in (tmp_path / "first", tmp_path / "second"):
            with Store.open(state) as store:
                trail.run(store, LAST_DAY, learn=True)
            incident_ids.append(find_incident(trail, state))
            assert run_detect(trail, state).is_completed()
        responses = started()

    assert incident_ids[0] == incident_ids[1]
    assert {run.parameters["state"] for run in responses} == {str(tmp_path / "first"), str(tmp_path / "second")}


def crash(client: SyncPrefectClient, run_id: UUID) -> None:
    """Leave the run as a worker leaves it that is killed with its child."""
    client.set_flow_run_state(run_id, Running(), force=True)
    client.set_flow_run_state(run_id, Crashed(), force=True)


def test_a_response_that_was_killed_is_started_again_a_limited_number_of_times(
    trail: Trail, state: Path, prefect_client: SyncPrefectClient
) -> None:
    find_incident(trail, state)
    with respond_deployed(prefect_client) as started:
        seen = []
        run_detect(trail, state)
        for _ in range(3):
            crash(prefect_client, started()[0].id)
            run_detect(trail, state)
            seen += [run.state_name for run in started()]

    assert seen == ["AwaitingRetry", "AwaitingRetry", "Crashed"]


def test_backfill_learns_and_raises_nothing(trail: Trail, tmp_path: Path, prefect_client: SyncPrefectClient) -> None:
    state = tmp_path / "new"
    ended: State[Any] = backfill(until=END.replace(tzinfo=None), **trail.given(state), return_state=True)

    assert ended.message == "learned from 654 events until 2026-03-14 00:00"
    run = run_of(prefect_client, ended)
    assert run.name == "backfill until 2026-03-14 00:00"
    assert artifacts_of(prefect_client, run) == {"backfill-summary": "table"}
    with Store.read_only(state) as store:
        assert store.incidents() == []


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        (None, None),
        (datetime(2026, 3, 14), datetime(2026, 3, 14, tzinfo=UTC)),  # noqa: DTZ001 - what a person types into Prefect
        (datetime.fromisoformat("2026-03-14T02:00+02:00"), datetime(2026, 3, 14, tzinfo=UTC)),
    ],
)
def test_a_moment_is_utc(given: datetime | None, moment: datetime | None) -> None:
    assert as_utc(given) == moment
