"""Production on loopback: a scheduled run finds what is put into S3, and what breaks on the way changes nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import postgresql
import pytest
import yaml
from prefect_server import ROOT, PrefectServer, wait_until
from production_site import (
    AWS_SET,
    AWS_UNSET,
    FIRST_THEFT,
    S3,
    STATE,
    TRAIL,
    Inbox,
    Run,
    Site,
    between,
    objects_of,
    receiving,
    s3_served,
    undisturbed,
)
from stolen_key import Trail

from prefect_cloudtrail.settings import settings

# A run each so many seconds, instead of each 15 minutes.
EVERY_SECONDS = 10
# Instead of 90: a heartbeat comes every 30, and Prefect has it no shorter. And instead of 45 minutes.
CRASHED_SECONDS, SILENT_SECONDS = 40, 20
SILENT = "No detection for 45 minutes"


@pytest.fixture
def s3() -> Iterator[S3]:
    with s3_served() as served:
        yield served


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def worker_settings(s3: S3, trail: Trail, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Give the worker's environment beside Prefect's own; the test has it, too."""
    for name in AWS_UNSET:
        monkeypatch.delenv(name, raising=False)
    with postgresql.server() as server, server.database() as database:
        chosen = AWS_SET | {
            "PREFECT_CLOUDTRAIL_SOURCE": f"s3://{TRAIL}",
            "PREFECT_CLOUDTRAIL_STATE": f"s3://{STATE}/cloudtrail",
            "PREFECT_CLOUDTRAIL_DATABASE": database,
            "PREFECT_CLOUDTRAIL_CITY_DB": str(trail.city_db),
            "PREFECT_CLOUDTRAIL_ENDPOINT_URL": s3.endpoint,
        }
        for name, value in chosen.items():
            monkeypatch.setenv(name, value)
        yield chosen


@pytest.fixture
def site(production: PrefectServer, s3: S3, worker_settings: dict[str, str], inbox: Inbox) -> Iterator[Site]:
    """Schedule detect so that a test can wait for it, and apply the automations with as little patience."""
    detect = production.deployments()["detect"]
    often = [{"schedule": {"interval": EVERY_SECONDS, "timezone": "UTC"}, "active": True}]
    production.patch(f"deployments/{detect['id']}", schedules=often)
    created = [
        automate(production, "crashed.yaml", {"within": CRASHED_SECONDS}),
        automate(production, "silent.yaml", {"within": SILENT_SECONDS}, block=webhook(production, inbox)),
    ]
    worker = production.worker(**worker_settings, PREFECT_WORKER_QUERY_SECONDS="2")
    try:
        yield Site(production, s3, worker, settings(), inbox)
    finally:
        worker.kill()
        as_shipped = [{"schedule": each["schedule"], "active": each["active"]} for each in detect["schedules"]]
        production.patch(f"deployments/{detect['id']}", schedules=as_shipped)
        for each in created:
            production.delete(f"automations/{each}")


def automate(server: PrefectServer, name: str, trigger: dict[str, int], block: str = "") -> str:
    """Return the id of a shipped automation, created with another patience."""
    text = (ROOT / "deploy" / "automations" / name).read_text(encoding="utf-8")
    shipped = yaml.safe_load(text.replace("NOTIFICATION_BLOCK_ID", block))
    shipped["trigger"] |= trigger
    return str(server.post("automations/", **shipped)["id"])


def webhook(server: PrefectServer, inbox: Inbox) -> str:
    """Return the id of a notification block that tells the inbox."""
    message = {"subject": "{{subject}}", "body": "{{body}}"}
    return server.save_block("custom-webhook", "inbox", name="inbox", url=inbox.url, json_data=message)


def backfill(until: str) -> str:
    command = [str(Path(sys.executable).with_name("prefect-cloudtrail")), "backfill", "--until", until]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hold_a_run(site: Site, key: str) -> Run:
    """Return the run that reads this object and waits for S3; another that came later was cancelled meanwhile."""
    wait_until(site.s3.reached.is_set, f"a run that reads {key}")
    [held] = site.runs("detect", state="Running")
    wait_until(lambda: site.heartbeats(held), "a heartbeat")

    def cancelled() -> list[Run]:
        later = [run for run in site.runs("detect") if run["expected_start_time"] > held["expected_start_time"]]
        return [run for run in later if run["state_name"] == "Cancelled"]

    [first, *_] = wait_until(cancelled, "a cancelled run", every=1)
    assert first["state"]["message"] == "Deployment concurrency limit reached."
    assert site.run(held["id"])["state_type"] == "RUNNING"
    return held


def is_shown_to_the_reviewer(site: Site, incident_id: str) -> None:
    [response] = site.runs("respond")
    assert response["name"] == "respond alice from Milton, US"
    assert set(response["tags"]) == {"cloudtrail", f"incident:{incident_id}"}
    key = incident_id.replace("_", "-")
    assert site.artifacts(response) == {f"incident-{key}", f"evidence-{key}", f"context-{key}"}


@pytest.mark.production
def test_what_is_put_into_s3_is_told_once_whatever_breaks_on_the_way(
    site: Site, trail: Trail, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = objects_of(trail)
    first, second, rest = (between(objects, *hours) for hours in (("1130", "1230"), ("1230", "1330"), ("1330", "2359")))
    usual = {key: body for key, body in objects.items() if key not in {*first, *second, *rest}}
    incidents, [_, alice, everything] = undisturbed([usual, first, second | rest], trail, tmp_path)
    assert 1 == len(alice) < len(everything)

    site.s3.put(usual)
    with site.timed("learned"):
        assert "0 alerts, 0 incidents." in backfill(f"{FIRST_THEFT:%Y-%m-%dT%H:%M:%SZ}")
    with site.timed("worker started"):
        site.worker.start()
        wait_until(site.is_worker_online, "a worker that is online")
    with site.timed("server stopped, an object put, server started; found by a scheduled run, told"):
        site.prefect.stop()
        site.s3.put(first)
        site.prefect.start()
        site.prefect.wait()
        site.wait_for_told(alice)
    assert site.runs("detect", state="Scheduled")
    assert all(run["auto_scheduled"] for run in site.runs("detect"))
    is_shown_to_the_reviewer(site, alice[0][0])

    with site.store() as store:
        runs_before = len(store.runs())
    with site.timed("a run held, the next one cancelled"):
        site.s3.hold(max(second))
        site.s3.put(second)
        held = hold_a_run(site, max(second))
    with site.timed("worker killed with the run, server away, windows missed; caught up"):
        site.worker.kill()
        site.prefect.stop()
        site.s3.release()
        site.s3.put(rest)
        site.prefect.start()
        site.prefect.wait()
        assert site.run(held["id"])["state_type"] == "RUNNING"
        site.worker.start()
        site.wait_for_told(everything)

    killed = site.run(held["id"])
    assert (killed["state_type"], killed["state"]["message"][:12]) == ("CRASHED", "No heartbeat")
    with site.store() as store:
        [caught_up, *_] = runs = store.runs()
        assert store.incidents() == incidents
        assert (store.to_tell(), store.outbox_pending()) == ([], [])
    assert (len(runs), caught_up["summary"]["objects"]) == (runs_before + 1, len(second | rest))
    # Of each one run, one card, whoever was killed when.
    assert len(site.runs("respond")) == site.worker.said().count("likely stolen: ") == len(everything)
    assert SILENT in {message["subject"] for message in site.inbox.messages}
    with capsys.disabled():
        print(f"\nseconds: {site.took}")  # noqa: T201 - how long each step took
