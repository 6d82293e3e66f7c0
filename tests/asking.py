"""One incident of ana's, whose key was used from Kyiv at noon, and what a question is asked about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import boto3
import polars as pl
from botocore.stub import Stubber
from builders import record
from frames import NOON, call, placed, user

from prefect_cloudtrail import schema
from prefect_cloudtrail.cases import Alert, Incident, Network, Place, Severity
from prefect_cloudtrail.context.asked import Answered, Asked
from prefect_cloudtrail.context.lookups import Lookups
from prefect_cloudtrail.context.questions import questions
from prefect_cloudtrail.context.trace import Trace
from prefect_cloudtrail.feedback import Feedback
from prefect_cloudtrail.history import presences
from prefect_cloudtrail.response.actions import Aws
from prefect_cloudtrail.response.rules import Rules

ACCOUNT = "111122223333"
KEY = "AKIAEXAMPLE"
KYIV = "50.0.5.7"
NO_READER = "no reader role is set (reader_role)"


def an_alert(*event_ids: str, command: str = "iam:CreateUser", **fields: Any) -> Alert:
    return replace(
        Alert(
            alert_id=f"alr_{command}",
            incident_id="inc_1",
            rule="unusual_city_for_command",
            severity=Severity.LOW,
            risk_score=21,
            principal=user("ana"),
            principal_kind="iam_user",
            person="user ana",
            account_id=ACCOUNT,
            command=command,
            outcome="Kyiv, 30, UA",
            level="place",
            hour=NOON,
            raised_at=NOON + timedelta(minutes=15),
            surprise=40.0,
            score=53.0,
            counts="{}",
            late=False,
            over_limit=False,
            events=len(event_ids),
            event_ids=event_ids,
        ),
        **fields,
    )


def an_incident(*alerts: Alert, **fields: Any) -> Incident:
    return replace(
        Incident(
            incident_id="inc_1",
            revision=1,
            kind="principal",
            principal=user("ana"),
            principal_kind="iam_user",
            person="user ana",
            account_id=ACCOUNT,
            access_key_ids=(KEY,),
            places=(Place("Kyiv", "UA", 50.45, 30.52),),
            networks=(Network(KYIV, 3320, "Example Broadband"),),
            first_event=NOON,
            last_event=NOON + timedelta(minutes=10),
            opened_at=NOON + timedelta(minutes=15),
            closes_at=NOON + timedelta(hours=48),
            risk=0.9,
            peak_risk=0.9,
            severity=Severity.HIGH,
            status="open",
            summary="Calls from Kyiv.",
            evidence=(),
            links=(),
            alerts=alerts or (an_alert(),),
        ),
        **fields,
    )


def stolen(command: str = "iam:CreateUser", minutes: float = 0, **fields: Any) -> dict[str, Any]:
    """Return one of the incident's own calls."""
    return (
        call("Kyiv", at=NOON + timedelta(minutes=minutes), command=command) | {"cloud.region": "eu-central-1"} | fields
    )


def record_of(row: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the record of a call."""
    service, name = row["command"].split(":")
    return record(
        eventID=row["event.id"],
        eventSource=f"{service}.amazonaws.com",
        eventName=name,
        eventTime=f"{row['@timestamp']:%Y-%m-%dT%H:%M:%SZ}",
        **fields,
    )


def a_case(
    *here: dict[str, Any],
    past: Sequence[dict[str, Any]] = (),
    peers: Sequence[tuple[str, str, str]] = (),
    clients: Sequence[tuple[str, Any]] = (),
    incident: Incident | None = None,
    aws: Aws | None = None,
    rules: Rules | None = None,
    **fields: Any,
) -> Asked:
    """Return what questions are asked about; `fields` are Asked's or Trace's.

    Args:
        here: the calls around the incident; one from Kyiv where none is given.
        past: the calls of the 90 days before.
        peers: principal, command and place of peers.
        clients: client and since when the organisation uses it.
        incident: whose; ana's.
        aws: what answers look-ups.
        rules: what people set.
        fields: other fields.
    """
    calls = placed(here or [stolen()]).select(list(schema.INDEX))
    own_fields = {name: fields.pop(name) for name in list(fields) if name in Asked.__dataclass_fields__}
    peer_names: schema.Schema = {"principal": pl.String, "command": pl.String, "place": pl.String}
    case = Asked(
        incident=incident or an_incident(),
        trace=Trace(calls, **fields),
        rules=rules or Rules(),
        now=NOON + timedelta(hours=1),
        lookups=Lookups(aws, wait=lambda _: None),
        own=presences(placed(past)),
        peers=pl.DataFrame(list(peers), schema=peer_names, orient="row"),
        agents=pl.DataFrame(list(clients), schema={"agent": pl.String, "hour": schema.UTC_MICROSECONDS}, orient="row"),
        others=(),
        feedback=Feedback(),
        stamps=(),
    )
    return replace(case, **own_fields)


def answer(name: str, case: Asked) -> Answered:
    return questions()[name].answer(case)


class Stubbed:
    """AWS as botocore's Stubber plays it: these answers and no others, each of the shape that AWS documents."""

    def __init__(self, *answers: tuple[str, str, Any]) -> None:
        """Take service, operation, and its answer; an error's code where AWS refuses."""
        make = cast("Callable[..., Any]", boto3.client)
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "eu-central-1"}
        self.clients: dict[str, Any] = {service: make(service, **keys) for service, _, _ in answers}
        stubbers = {service: Stubber(client) for service, client in self.clients.items()}
        for service, operation, answered in answers:
            if isinstance(answered, str):
                stubbers[service].add_client_error(operation, answered)
            else:
                stubbers[service].add_response(operation, answered)
        for stubber in stubbers.values():
            stubber.activate()
        self.asked: list[tuple[str, str, str | None]] = []

    def client(self, service: str, account_id: str, region: str | None = None) -> Any:
        self.asked.append((service, account_id, region))
        return self.clients[service]
