"""A theft put into S3, told in Slack, and answered there: each part as it runs in production, all on this machine."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends
from prefect_server import POOL, PrefectServer, deploy_at_a_terminal, prefect_server, wait_until
from production_site import AWS_SET, AWS_UNSET, FIRST_THEFT, S3, TRAIL, between, objects_of, s3_served
from security import canaries
from stolen_key import ACCOUNT, Trail

from prefect_cloudtrail.demo.slack import LocalSlack, local_slack
from prefect_cloudtrail.demo.slack.team import JONAS, MAYA, ROSA
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import Store

pytestmark = pytest.mark.production

PEOPLE = [each.user_id for each in (MAYA, JONAS, ROSA)]
ALICE, KEY = f"arn:aws:iam::{ACCOUNT}:user/alice", "AKIAEXAMPLEALICE"
RESPONDER = "from prefect_cloudtrail.cli import main; main(['responder', '--port', '0'])"
RULES = f"""dry_run = false
approvers = ["slack:{MAYA.user_id}", "slack:{JONAS.user_id}"]
responder_role = "responder"
[owners]
"{ALICE}" = "slack:{ROSA.user_id}"
"""


@pytest.fixture
def s3() -> Iterator[S3]:
    with s3_served() as served:
        made = iam_backends[ACCOUNT]["aws"]
        made.create_user("us-east-1", "alice")
        key = made.create_access_key("alice")
        # The trail says which key it was; moto would draw one of its own.
        del made.access_keys[key.physical_resource_id]
        key.access_key_id = KEY
        made.access_keys[KEY] = key
        yield served
        iam_backends.reset()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrefectServer]:
    """A server of its own: where a test before killed a run of detect, its place would still be taken."""
    (tmp_path / "home").mkdir()
    with prefect_server(tmp_path / "home", PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS="10") as started:
        started.post("work_pools/", name=POOL, type="process")
        deploy_at_a_terminal(started.environment)
        yield started


@pytest.fixture
def environment(s3: S3, trail: Trail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in AWS_UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in AWS_SET.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "rules.toml").chmod(0o600)
    Keys.make(tmp_path / "keys")
    return AWS_SET | {
        **canaries.IN_ENVIRONMENT,
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PREFECT_CLOUDTRAIL_SOURCE": f"s3://{TRAIL}",
        "PREFECT_CLOUDTRAIL_STATE": str(tmp_path / "state"),
        "PREFECT_CLOUDTRAIL_CITY_DB": str(trail.city_db),
        "PREFECT_CLOUDTRAIL_ENDPOINT_URL": s3.endpoint,
        "PREFECT_CLOUDTRAIL_READER_ROLE": "reader",
        "PREFECT_CLOUDTRAIL_RULES": str(tmp_path / "rules.toml"),
        "PREFECT_CLOUDTRAIL_SIGNING_KEYS": str(tmp_path / "keys"),
    }


def in_slack(slack: LocalSlack) -> dict[str, str]:
    """What both planes find in their environment; the app's token is the responder's own."""
    return {
        "PREFECT_CLOUDTRAIL_SLACK_CHANNEL": slack.channel,
        "PREFECT_CLOUDTRAIL_SLACK_TOKEN": slack.bot_token,
        "PREFECT_CLOUDTRAIL_SLACK_URL": slack.api_url,
    }


@contextmanager
def responder(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", RESPONDER], env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: "Socket Mode" in log.read_text(), f"a responder that listens, see {log}:")
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0, log.read_text()


def key_status(endpoint: str) -> str:
    sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1")
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/reader", RoleSessionName="test")["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    iam = session.client("iam", endpoint_url=endpoint, region_name="us-east-1")
    return str(iam.list_access_keys(UserName="alice")["AccessKeyMetadata"][0].get("Status"))


def card(slack: LocalSlack) -> dict[str, Any] | None:
    # The thief stopped the trail, which is told beside.
    found = [each for each in slack.workspace.history(slack.channel) if "notice_id" not in json.dumps(each)]
    assert len(found) <= 1, "one card an incident"
    return found[0] if found else None


def says(message: dict[str, Any] | None, words: str) -> bool:
    return message is not None and words in json.dumps(message, ensure_ascii=False)


def thread(slack: LocalSlack) -> list[dict[str, Any]]:
    found = card(slack)
    return slack.workspace.thread(slack.channel, found["ts"])[1:] if found else []


def tap(slack: LocalSlack, user: str, ts: str, action_id: str) -> str:
    """Click, wait for the dialog, submit it, and return how it is headed then."""
    assert slack.people.click(user, slack.channel, ts, action_id), "it was not acknowledged"
    view = wait_until(lambda: shown(slack, user, submits=True), "a dialog to submit")
    ticks = any(each.get("block_id") == "ack_outage" for each in view["blocks"])
    slack.people.fill_and_submit(user, {"ack_outage": {"ack": ["accept"]}} if ticks else {})
    answered = wait_until(lambda: shown(slack, user, submits=False), "an answer in the dialog")
    slack.people.close(user)
    return str(answered["title"]["text"])


def shown(slack: LocalSlack, user: str, *, submits: bool) -> dict[str, Any]:
    """Return the dialog before somebody, filled in by the app; empty where it is not yet."""
    view = slack.people.view(user) or {}
    is_waiting = any(word in json.dumps(view) for word in ("Recording", "Looking at"))
    return view if view and not is_waiting and bool(view.get("submit")) == submits else {}


def test_a_theft_is_told_in_slack_answered_with_two_taps_and_given_back(
    server: PrefectServer, s3: S3, trail: Trail, environment: dict[str, str], tmp_path: Path
) -> None:
    objects = objects_of(trail)
    first = {key: canaries.with_secrets(body) for key, body in between(objects, "1130", "1230").items()}
    usual = {key: body for key, body in objects.items() if key.split("_")[3] <= f"{FIRST_THEFT:%Y%m%dT%H%M}Z"}
    with local_slack() as slack:
        known = server.environment | environment | in_slack(slack)
        s3.put(usual)
        program = str(Path(sys.executable).with_name("prefect-cloudtrail"))
        command = [program, "backfill", "--until", f"{FIRST_THEFT:%Y-%m-%dT%H:%M:%SZ}"]
        done = subprocess.run(command, env=known, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        (tmp_path / "backfill.log").write_text(done.stdout + done.stderr)
        worker = server.worker(**environment, **in_slack(slack), PREFECT_WORKER_QUERY_SECONDS="2")
        worker.start()
        host = known | {"PREFECT_CLOUDTRAIL_SLACK_APP_TOKEN": slack.app_token}
        try:
            with responder(host, tmp_path / "responder.log"):
                s3.put(first)
                detect = server.deployments()["detect"]["id"]
                server.post(f"deployments/{detect}/create_flow_run", state={"type": "SCHEDULED"})
                wait_until(lambda: says(card(slack), "approve.disable_access_keys"), "a card with its buttons")
                assert key_status(s3.endpoint) == "Active"
                wait_until(lambda: any(says(each, "What else we looked at") for each in thread(slack)), "the guide")

                ts = str((card(slack) or {})["ts"])
                assert tap(slack, MAYA.user_id, ts, "approve.disable_access_keys") == "Approved"
                wait_until(lambda: key_status(s3.endpoint) == "Inactive", "the key Inactive")
                wait_until(lambda: says(card(slack), "applied, watching"), "a card that says so")
                wait_until(lambda: any(says(each, "undo.request") for each in thread(slack)), "the receipt")
                assert not says(card(slack), "approve.disable_access_keys")

                receipt = next(each for each in thread(slack) if says(each, "undo.request"))
                assert tap(slack, MAYA.user_id, receipt["ts"], "undo.request") == "One more must approve"
                wait_until(lambda: says(card(slack), "approve.undo"), "a button for another person")
                assert tap(slack, JONAS.user_id, ts, "approve.undo") == "Approved"
                wait_until(lambda: key_status(s3.endpoint) == "Active", "the key Active again")
                wait_until(lambda: says(card(slack), "Disable key: undone"), "a card that says so")
                wait_until(lambda: not any(says(each, "undo.request") for each in thread(slack)), "no Undo any more")
        finally:
            worker.kill()
        with Store.read_only(tmp_path / "state") as store:
            assert store.responses.verify_audit() == []
            assert {
                each.by
                for each in store.responses.decisions(
                    store.responses.requests(store.incidents()[0].incident_id)[0].request_id
                )
            } <= {
                f"slack:{MAYA.user_id}",
                f"slack:{JONAS.user_id}",
            }
        # Each thing was said once.
        said = [each["metadata"]["event_payload"]["message_id"] for each in [*thread(slack), card(slack) or {}]]
        assert len(said) == len(set(said))
        require_no_secret_was_told(server, slack, tmp_path)


def require_no_secret_was_told(server: PrefectServer, slack: LocalSlack, folder: Path) -> None:
    """Look for each secret in all that came of it: logs, states, Prefect's and our own databases and files, Slack."""
    lines = [line for pem in (folder / "keys").glob("*.pem") for line in pem.read_text().splitlines()[1:-1]]
    roles = [role for each in sts_backends.values() for sts in each.values() for role in sts.assumed_roles]
    of_aws = [secret for role in roles for secret in (role.secret_access_key, role.session_token)]
    assert lines
    assert of_aws
    secrets = [*canaries.planted(), slack.bot_token, slack.app_token, *lines, *of_aws]
    assert canaries.found_below(secrets, folder, but=[folder / "keys"]) == []
    said = json.dumps([card(slack), thread(slack), [slack.workspace.direct_messages(each) for each in PEOPLE]])
    told = {kind: json.dumps(server.post(f"{kind}/filter")) for kind in ("artifacts", "logs", "flow_runs", "task_runs")}
    assert canaries.found_in(secrets, told | {"Slack": said}) == []
    # They were met on the way: what held them is shown without them.
    assert "redacted" in said + told["artifacts"]
