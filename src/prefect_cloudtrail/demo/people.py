"""The people of the demo: it plays both who approve, on a responder's host of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prefect_cloudtrail import card
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.demo.cloud import RESPONDER_ROLE
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.response.deciding import Answer, Member, decide
from prefect_cloudtrail.response.decision import Choice, Request
from prefect_cloudtrail.response.receipt import Outcome
from prefect_cloudtrail.response.requesting import ask_to_undo
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import Store

APPROVERS = ("system:demo-responder", "system:demo-colleague")
RULES = f"""# The demo's own: it changes an AWS that moto plays.
dry_run = false
approvers = {json.dumps(APPROVERS)}
responder_role = "{RESPONDER_ROLE}"
"""
RESPONDER = "from prefect_cloudtrail.cli import main; main(['responder', '--once'])"
PLAYBOOK = "disable_access_keys"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Host:
    """A responder's host: its file and its keys lie in `folder`, its environment names them."""

    folder: Path
    environment: Mapping[str, str]
    file: str = RULES

    @property
    def rules(self) -> Path:
        """The responder's file."""
        return self.folder / "responder.toml"

    def prepare(self) -> None:
        """Write the file, and make the signing key."""
        self.folder.mkdir(mode=0o700)
        self.rules.write_text(self.file, encoding="utf-8")
        self.rules.chmod(0o600)
        Keys.make(self.folder / "keys")

    def named(self) -> dict[str, str]:
        """Return the settings that name the file and the keys."""
        return {
            "PREFECT_CLOUDTRAIL_RULES": str(self.rules.absolute()),
            "PREFECT_CLOUDTRAIL_SIGNING_KEYS": str((self.folder / "keys").absolute()),
        }


def requested(store: Store, incident: Incident) -> Request:
    """Return the request that the respond flow made to disable the incident's keys.

    Raises:
        CloudTrailResponseError: it made none.
    """
    found = [each for each in store.responses.requests(incident.incident_id) if each.plan.playbook == PLAYBOOK]
    if not found:
        raise CloudTrailResponseError(f"nobody asked to disable the keys of {incident.incident_id}")
    return found[-1]


def approve(store: Store, request: Request, host: Host, say: Say, why: str) -> None:
    """Have both people approve what is asked.

    Raises:
        CloudTrailResponseError: it was not settled by that.
    """
    answer = Answer("refused", "nobody answered")
    for each in APPROVERS:
        answer = decide(
            store,
            request.request_id,
            request.plan.digest,
            Choice.APPROVE,
            Member(each),
            "terminal",
            why,
            rules=read_rules(host.rules),
            keys=Keys.open(host.folder / "keys"),
            now=datetime.now(UTC),
        )
        say(f"{each.removeprefix('system:')} approves: {answer.said}")
    if answer.outcome != "approved":
        raise CloudTrailResponseError(f"the demo's people could not approve {request.request_id}: {answer.said}")


def carry_out(host: Host, say: Say) -> None:
    """Have the responder do what was approved: the real command, in a process of its own.

    Raises:
        CloudTrailResponseError: it failed.
    """
    ended = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", RESPONDER],
        env={**host.environment, **host.named()},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise CloudTrailResponseError(f"the demo's responder failed: {ended.stderr.strip()}")
    for line in ended.stdout.splitlines():
        say(f"responder: {line.partition(': ')[2] or line}")


def contain(state: Path, incident: Incident, host: Host, say: Say) -> None:
    """Approve that the incident's keys are disabled, and have it done."""
    with Store.open(state) as store:
        approve(store, requested(store, incident), host, say, "stolen, says the demo")
    carry_out(host, say)


def undo(state: Path, incident: Incident, host: Host, say: Say) -> None:
    """Ask to give back what was done, approve it, and have it done."""
    with Store.open(state) as store:
        applied = [
            each.receipt_id
            for each in store.responses.receipts(incident_id=incident.incident_id)
            if each.outcome == Outcome.APPLIED
        ]
        request = ask_to_undo(store, applied, read_rules(host.rules), datetime.now(UTC))
        approve(store, request, host, say, "the demo is over")
    carry_out(host, say)


def plan_shown(state: Path, incident: Incident) -> str:
    """Return the plan as it is put before people on a terminal."""
    with Store.open(state) as store:
        return card.asked(requested(store, incident))
