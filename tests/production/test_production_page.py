"""docs/production.md: its commands, run to the letter against stand-ins for AWS, end in a scheduled run."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Timer
from typing import Any

import postgresql
import pytest
from builders import log_file, packed, record
from prefect_server import ROOT, PrefectServer, descendants, prefect_server, wait_until
from production.recorded_s3 import Asked, RecordedS3, recorded_s3

from bench.drills.s3_server import ENVIRONMENT
from prefect_cloudtrail.demo import Generated, generate, small

PAGE = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
NOT_RUN = "Not run by CI"
TRAIL, STATE = "example-trail", "example-cloudtrail-state"
DONE = "--- block done ---"
PATIENCE_SECONDS = 240
BROKEN = ("FAILED", "CRASHED")


@dataclass(frozen=True)
class Block:
    """One block of commands, and whether the page says that CI leaves it out."""

    text: str
    run: bool


def blocks() -> Iterator[Block]:
    before = ""
    for part in re.split(r"^(```\w+\n.*?^```)$", PAGE, flags=re.MULTILINE | re.DOTALL):
        if part.startswith("```sh\n"):
            yield Block(part.removeprefix("```sh\n").removesuffix("```"), NOT_RUN not in before)
        before = part.strip().rpartition("\n\n")[2]


def names() -> set[str]:
    """Return what the page tells to export first of all."""
    return set(re.findall(r"^export (\w+)=", next(blocks()).text, flags=re.MULTILINE))


class Shell:
    """One bash, given a block at a time."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "-e", "-u", "-o", "pipefail"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, text: str) -> str:
        """Return what a block prints; it fails as soon as one of its commands does."""
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.write(f"{text}\necho '{DONE}'\n")
        self._bash.stdin.flush()
        said: list[str] = []
        timer = Timer(PATIENCE_SECONDS, self._bash.kill)
        timer.start()
        try:
            for line in self._bash.stdout:
                if line.strip() == DONE:
                    return "".join(said)
                said.append(line)
        finally:
            timer.cancel()
        return pytest.fail(f"this block fails:\n{text}\n{''.join(said)}")

    def close(self) -> None:
        """End it, and what it left in the background."""
        for pid in (*descendants(self._bash.pid), self._bash.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._bash.communicate()


@contextmanager
def shell(folder: Path, environment: dict[str, str]) -> Iterator[Shell]:
    started = Shell(folder, environment)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
def s3() -> Iterator[RecordedS3]:
    with recorded_s3(TRAIL, STATE) as server:
        yield server


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the page uses of a clone, where its own files cannot be in anybody's way."""
    folder = tmp_path / "clone"
    folder.mkdir()
    shutil.copy(ROOT / "prefect.yaml", folder)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def organisation(tmp_path: Path) -> Generated:
    """Two weeks until last midnight, with a theft on the last day."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    two_weeks = replace(small(seed=5, thefts=("far_new_city",)), theft_days=1)
    return generate(replace(two_weeks, start=midnight - timedelta(days=two_weeks.days)), tmp_path / "generated")


def objects(organisation: Generated) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return what lies in the trail's bucket to begin with, and what is delivered while the worker runs."""
    last_day = f"{organisation.end - timedelta(days=1):%Y/%m/%d}"
    written = {str(path.relative_to(organisation.root)): path for path in organisation.root.rglob("*.json.gz")}
    usual = {key: path.read_bytes() for key, path in written.items() if last_day not in key}
    new = {key: path.read_bytes() for key, path in written.items() if last_day in key}
    now = datetime.now(UTC) - timedelta(minutes=5)
    folder = f"AWSLogs/111122223333/CloudTrail/eu-central-1/{now:%Y/%m/%d}"
    fresh = f"{folder}/111122223333_CloudTrail_eu-central-1_{now:%Y%m%dT%H%MZ}_a.json.gz"
    return usual, new | {fresh: packed(log_file(record(eventTime=f"{now:%Y-%m-%dT%H:%M:%SZ}")))}


@pytest.mark.usefixtures("_no_settings")
@pytest.mark.production
def test_the_page_leads_from_a_bucket_to_a_scheduled_run(
    s3: RecordedS3, clone: Path, organisation: Generated, tmp_path: Path
) -> None:
    geo = tmp_path / "geo"
    geo.mkdir()
    shutil.copy(organisation.city_db, geo / "GeoLite2-City.mmdb")
    shutil.copy(organisation.asn_db, geo / "GeoLite2-ASN.mmdb")
    usual, new = objects(organisation)
    s3.put(TRAIL, usual)
    of_server = dict(re.findall(r"^(PREFECT_SERVER_\w+)=(\S+)$", PAGE, flags=re.MULTILINE))
    with postgresql.server() as cases, prefect_server(tmp_path, **of_server) as prefect:
        yours = {
            "BUCKET": TRAIL,
            "STATE_BUCKET": STATE,
            "DATABASE_URL": cases.url("cloudtrail"),
            "GEO": str(geo),
            "PREFECT_API_URL": prefect.environment["PREFECT_API_URL"],
        }
        assert yours.keys() == names()
        with shell(clone, environment(prefect, cases, s3) | yours) as bash:
            for block in (each.text for each in blocks() if each.run):
                said = bash.run(block)
                if "backfill" in block:
                    assert "0 alerts, 0 incidents." in said
                if "prefect worker start" in block:
                    s3.put(TRAIL, new)
                if "prefect-cloudtrail doctor" in block:
                    assert " 0 failed" in said
                if "prefect flow-run ls" in block:
                    assert "SCHEDULED" in said
                    a_scheduled_run_finds_the_theft(prefect)
                    assert "inc_" in bash.run("prefect-cloudtrail incidents")
                if "prefect-cloudtrail restore" in block:
                    assert "inc_" in said
    assert_the_policy_grants(s3.asked)
    assert (tmp_path / "concurrency_leases").is_dir()  # the server's leases, as the page has them


def environment(prefect: PrefectServer, cases: postgresql.Server, s3: RecordedS3) -> dict[str, str]:
    """Whoever follows the page has an AWS, a PostgreSQL to administer, and nothing of ours on their PATH."""
    ours = str(Path(sys.prefix) / "bin")
    path = [each for each in os.environ["PATH"].split(os.pathsep) if each != ours]
    administered = {"PGHOST": "127.0.0.1", "PGPORT": str(cases.port), "PGUSER": postgresql.USER}
    return {
        **{name: value for name, value in prefect.environment.items() if name != "VIRTUAL_ENV"},
        **ENVIRONMENT,
        "AWS_ENDPOINT_URL": s3.endpoint,
        "COLUMNS": "200",
        "PATH": os.pathsep.join([*path, str(postgresql.programs())]),
        "PGPASSWORD": postgresql.PASSWORD,
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        **administered,
    }


def a_scheduled_run_finds_the_theft(prefect: PrefectServer) -> None:
    """A run that the schedule made completes; it is brought forward where the quarter of an hour is not yet full."""
    detect, respond = (prefect.deployments()[name]["id"] for name in ("detect", "respond"))

    def runs(deployment: str, *states: str) -> list[dict[str, Any]]:
        found = prefect.runs(state={"type": {"any_": list(states)}})
        return [run for run in found if run["deployment_id"] == deployment]

    if not runs(detect, "PENDING", "RUNNING", "COMPLETED"):
        ahead = runs(detect, "SCHEDULED")[0]
        now = {"type": "SCHEDULED", "state_details": {"scheduled_time": datetime.now(UTC).isoformat()}}
        prefect.post(f"flow_runs/{ahead['id']}/set_state", state=now, force=True)

    def told() -> list[dict[str, Any]]:
        broken = [run["state"] for run in (*runs(detect, *BROKEN), *runs(respond, *BROKEN))]
        assert not broken
        return runs(respond, "COMPLETED")

    [response, *_] = wait_until(told, "a response", every=1)
    assert any(tag.startswith("incident:inc_") for tag in response["tags"])
    completed = wait_until(lambda: runs(detect, "COMPLETED"), "the scheduled run's end", every=1)
    assert completed[0]["auto_scheduled"]
    assert completed[0]["state"]["name"] == "Completed"


@pytest.fixture
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "PREFECT_", "PG"))]:
        monkeypatch.delenv(name)


def assert_the_policy_grants(asked: set[Asked]) -> None:
    """Everything that was asked of S3 is granted by the page's policy, and nothing is granted that was not asked."""
    (policy,) = re.findall(r"^```json\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    grants = {
        (action, resource)
        for statement in json.loads(policy)["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
    used = set()
    for each in asked:
        fitting = {
            (action, resource)
            for action, resource in grants
            if action == each.action and fnmatchcase(each.resource, resource)
        }
        assert fitting, f"{each} is not granted"
        used |= fitting
    assert used == grants


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_what_is_not_run_says_so_above_it() -> None:
    left_out = [block.text.splitlines()[0] for block in blocks() if not block.run]
    assert len(left_out) == PAGE.count(NOT_RUN)
    assert [line.split()[0] for line in left_out] == ["export", "uv", "geoipupdate", "prefect", "prefect"]


def test_the_settings_of_the_page_are_those_there_are() -> None:
    from prefect_cloudtrail.settings import PREFIX, Settings  # noqa: PLC0415

    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(rf"{PREFIX}\w+", PAGE)) <= known
