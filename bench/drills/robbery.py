"""One stolen key in an AWS that moto plays, an incident about it, and two people who may answer."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import polars as pl
from moto.server import ThreadedMotoServer

from prefect_cloudtrail import schema
from prefect_cloudtrail.cases import Incident, Network, Place, Severity
from prefect_cloudtrail.response.deciding import Answer, Member, decide
from prefect_cloudtrail.response.decision import Choice, Request
from prefect_cloudtrail.response.plan import Plan, Step
from prefect_cloudtrail.response.receipt import Outcome
from prefect_cloudtrail.response.requesting import ask_to_undo
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import OBJECT, Change, Store

ACCOUNT = "123456789012"  # moto's own
APPROVERS = ("system:one", "system:two")
RULES = f"dry_run = false\napprovers = {json.dumps(APPROVERS)}\n"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Robbery:
    """A user whose key was stolen, the state that knows it, and what the responder needs.

    Attributes:
        folder: state, file and keys lie below it.
        database: the case store's URL; None is SQLite in the state folder.
        endpoint: where AWS answers.
        user_name: who was robbed.
        access_key_id: of what.
        incident: about it.
    """

    folder: Path
    database: str | None
    endpoint: str
    user_name: str
    access_key_id: str
    incident: Incident

    @property
    def environment(self) -> dict[str, str]:
        """What the responder finds in its environment."""
        given = {
            "PREFECT_CLOUDTRAIL_STATE": str(self.folder / "state"),
            "PREFECT_CLOUDTRAIL_RULES": str(self.folder / "rules.toml"),
            "PREFECT_CLOUDTRAIL_SIGNING_KEYS": str(self.folder / "keys"),
            "PREFECT_CLOUDTRAIL_ENDPOINT_URL": self.endpoint,
            "PREFECT_CLOUDTRAIL_READER_ROLE": "reader",
            **CREDENTIALS,
        }
        return given | ({"PREFECT_CLOUDTRAIL_DATABASE": self.database} if self.database else {})

    @property
    def iam(self) -> Any:  # noqa: ANN401 - boto3's own
        """A client of one's own, to look at AWS with."""
        return boto3.client(
            "iam",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - moto's
        )

    @property
    def keys(self) -> Keys:
        """The responder's signing keys."""
        return Keys.open(self.folder / "keys")

    @property
    def plan(self) -> Plan:
        """Deny the user everything, and disable its key."""
        target = self.incident.principal
        named = {"user_name": self.user_name, "access_key_id": self.access_key_id}
        return Plan(
            playbook="disable_access_keys",
            incident_id=self.incident.incident_id,
            principal=target,
            steps=(
                Step("deny_principal", ACCOUNT, target, {"kind": "user", "name": self.user_name}),
                Step("disable_access_key", ACCOUNT, target, named),
            ),
        )

    def open(self) -> Store:
        """Open the case store, as the responder may write it."""
        return Store.open(self.folder / "state", self.database)

    def ask(self, store: Store, plan: Plan | None = None, now: datetime | None = None) -> Request:
        """Return the request for a plan, delivered."""
        now = now or datetime.now(UTC)
        asked = store.responses.ask(plan or self.plan, now, now + timedelta(hours=4))
        return store.responses.delivered(asked.request_id, now, now + timedelta(hours=4))

    def approve(self, store: Store, request: Request) -> Answer:
        """Return the second of two people's approvals: both have it settled."""
        return [
            decide(
                store,
                request.request_id,
                request.plan.digest,
                Choice.APPROVE,
                Member(each),
                "terminal",
                "stolen",
                rules=read_rules(self.folder / "rules.toml"),
                keys=self.keys,
                now=datetime.now(UTC),
            )
            for each in APPROVERS
        ][-1]

    def approve_undo(self, store: Store) -> Answer:
        """Return the second of two people's approvals that all that was applied is given back."""
        applied = [each.receipt_id for each in store.responses.receipts() if each.outcome == Outcome.APPLIED]
        rules = read_rules(self.folder / "rules.toml")
        return self.approve(store, ask_to_undo(store, applied, rules, datetime.now(UTC)))

    def commit(self, store: Store, run_id: str, **fields: Any) -> None:  # noqa: ANN401 - of a change
        """Commit what a run of detect brought."""
        with store.lease("detect", "a drill", 10, datetime.now(UTC)) as lease:
            store.commit(replace(_change(run_id), **fields), lease)

    def key_status(self) -> str:
        """Return whether the key is Active, says AWS."""
        listed = self.iam.list_access_keys(UserName=self.user_name)["AccessKeyMetadata"]
        return str(next(each["Status"] for each in listed if each["AccessKeyId"] == self.access_key_id))

    def policies(self) -> list[str]:
        """Return the names of the user's inline policies."""
        return list(self.iam.list_user_policies(UserName=self.user_name)["PolicyNames"])


@contextmanager
def aws() -> Iterator[str]:
    """Give the URL at which moto answers for AWS."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # a line a request
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def robbed(folder: Path, endpoint: str, database: str | None = None, rules: str = RULES) -> Robbery:
    """Return a new user with a stolen key, an incident about it, the responder's file and keys."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.toml").write_text(rules)
    (folder / "rules.toml").chmod(0o600)
    Keys.make(folder / "keys")
    user_name = f"deploy-{uuid4().hex[:8]}"
    looks = Robbery(folder, database, endpoint, user_name, "", an_incident(user_name, ""))
    looks.iam.create_user(UserName=user_name)
    key = looks.iam.create_access_key(UserName=user_name)["AccessKey"]["AccessKeyId"]
    found = Robbery(folder, database, endpoint, user_name, key, an_incident(user_name, key))
    with found.open() as store:
        found.commit(store, "run-1", incidents=[found.incident])
    return found


def an_incident(user_name: str, access_key_id: str) -> Incident:
    """Return an incident of an IAM user's key, from Kyiv."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Incident(
        incident_id=f"inc_{user_name}",
        revision=1,
        kind="principal",
        principal=f"arn:aws:iam::{ACCOUNT}:user/{user_name}",
        principal_kind="iam_user",
        person=f"user {user_name}",
        account_id=ACCOUNT,
        access_key_ids=(access_key_id,),
        places=(Place("Kyiv", "UA", 50.45, 30.52),),
        networks=(Network("91.198.36.14", 3320, "Example Hosting"),),
        first_event=now - timedelta(minutes=20),
        last_event=now - timedelta(minutes=10),
        opened_at=now,
        closes_at=now + timedelta(hours=48),
        risk=0.97,
        peak_risk=0.97,
        severity=Severity.CRITICAL,
        status="open",
        summary="22 calls in 12 minutes from Kyiv, UA, 22 of them unusual.",
        evidence=(),
        links=(),
        alerts=(),
    )


def _change(run_id: str) -> Change:
    now = datetime.now(UTC)
    return Change(
        run_id=run_id,
        window=(now - timedelta(minutes=15), now),
        checkpoint=now,
        objects=pl.DataFrame(schema=OBJECT),
        rejected=schema.empty(schema.REJECTED),
        seen=schema.empty(schema.SEEN),
        presences=schema.empty(schema.PRESENCES),
        index=schema.empty(schema.INDEX),
        places=schema.empty(schema.PLACES),
        incidents=[],
        tell=[],
        summary={},
    )
