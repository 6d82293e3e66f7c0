"""A principal followed through the index and its credentials through their trades; objects that are gone are said."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from asking import ACCOUNT, KEY, KYIV, an_alert, an_incident
from builders import log_file, record
from frames import NOON, call, days, placed, user

from prefect_cloudtrail import context, schema
from prefect_cloudtrail.cloudtrail import FolderSource, parse
from prefect_cloudtrail.context.chains import sessions
from prefect_cloudtrail.context.making import made
from prefect_cloudtrail.context.records import Reader
from prefect_cloudtrail.context.shown import report, terminal
from prefect_cloudtrail.context.trace import Session, Trace, trace
from prefect_cloudtrail.errors import SourceError, StateError
from prefect_cloudtrail.history import presences
from prefect_cloudtrail.principal import name
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.store import OBJECT, Change, Store

OTHER = "999999999999"
ROLE, FURTHER = f"arn:aws:iam::{OTHER}:role/admin", "arn:aws:iam::555555555555:role/vault"


@dataclass
class Objects:
    """Log objects in memory, and which were read."""

    held: dict[str, bytes]
    read_keys: list[str] = field(default_factory=list)

    def list(self, since: datetime | None = None) -> Any:
        raise AssertionError(f"nothing is listed (since {since})")

    def read(self, key: str) -> bytes:
        self.read_keys.append(key)
        if key not in self.held:
            raise SourceError(f"{key} is gone")
        return self.held[key]


def at(minutes: float) -> str:
    return f"{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def ana(minutes: float, command: str = "iam:CreateUser", **fields: Any) -> dict[str, Any]:
    """Return a record of ana's, or of a session of hers."""
    service, action = command.split(":")
    identity = {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLEANA",
        "arn": user("ana"),
        "accountId": ACCOUNT,
        "accessKeyId": KEY,
        "userName": "ana",
    }
    return record(
        **{
            "userIdentity": identity,
            "eventID": f"{command} {minutes}",
            "eventSource": f"{service}.amazonaws.com",
            "eventName": action,
            "eventTime": at(minutes),
            "sourceIPAddress": KYIV,
        }
        | fields
    )


def session(minutes: float, command: str, key: str, role: str, **fields: Any) -> dict[str, Any]:
    account = role.split(":")[4]
    identity = {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:x",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/x",
        "accountId": account,
        "accessKeyId": key,
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}},
    }
    return ana(minutes, command, userIdentity=identity, recipientAccountId=account, **fields)


def assumes(role: str, key: str) -> dict[str, Any]:
    credentials = {"accessKeyId": key, "sessionToken": "SECRET", "expiration": "Mar 20, 2026 1:00:00 PM"}
    assumed = {"assumedRoleId": "AROAEXAMPLE:x", "arn": "arn:aws:sts::1:assumed-role/admin/x"}
    return {
        "requestParameters": {"roleArn": role, "roleSessionName": "x"},
        "responseElements": {"credentials": credentials, "assumedRoleUser": assumed},
        "readOnly": True,
    }


def kept(store: Store, objects: Objects, past: Sequence[dict[str, Any]] = ()) -> None:
    """Store the index of these objects, and what the past teaches, as a run does."""
    events = name(parse(sorted(objects.held.items())).events)
    rows = [call("Kyiv") | row for row in events.iter_rows(named=True)]
    here = placed([{**row, "network": "50.0.5.0/24", "source.ip": row["source.address"]} for row in rows])
    index = placed([*here.iter_rows(named=True), *past]).select(list(schema.INDEX))
    raised = pl.col("event.id") == "iam:CreateUser 0"
    index = index.with_columns(pl.when(raised).then("event.id"))
    change = Change(
        run_id="run-1",
        window=(NOON, NOON),
        checkpoint=NOON,
        objects=schema.empty(OBJECT),
        rejected=schema.empty(schema.REJECTED),
        seen=schema.empty(schema.SEEN),
        presences=presences(placed([*past, *rows])),
        index=index,
        places=schema.empty(schema.PLACES),
        incidents=[],
        tell=[],
        summary={},
    )
    with store.lease("detect", "tests", minutes=10, now=NOON) as lease:
        store.commit(change, lease)


def traced(
    tmp_path: Path, objects: Objects, past: Sequence[dict[str, Any]] = (), lost: Sequence[str] = (), **options: Any
) -> Trace:
    incident = an_incident(an_alert(*options.pop("alerts", ("iam:CreateUser 0",))))
    with Store.open(tmp_path / "state") as store:
        kept(store, objects, past)
        for key in lost:
            del objects.held[key]
        return trace(store, objects, incident, **options)


def test_credentials_are_followed_from_hop_to_hop_into_other_accounts(tmp_path: Path) -> None:
    objects = Objects(
        {
            "a.json": log_file(ana(0), ana(1, "sts:AssumeRole", **assumes(ROLE, "ASIAONE"))),
            "b.json": log_file(
                session(2, "sts:AssumeRole", "ASIAONE", ROLE, **assumes(FURTHER, "ASIATWO")),
                session(3, "iam:CreateUser", "ASIATWO", FURTHER, requestParameters={"userName": "back; door"}),
            ),
            "c.json": log_file(ana(4, "ec2:DescribeInstances", userIdentity={"type": "Root", "accountId": "1"})),
        }
    )
    found = traced(tmp_path, objects)
    assert set(found.calls["event.id"]) == {each["eventID"] for each in found.records}
    assert found.sessions == (
        Session(
            ROLE, "x", OTHER, "ASIAONE", KEY, NOON + timedelta(minutes=1), NOON + timedelta(hours=1), "AROAEXAMPLE:x"
        ),
        Session(
            FURTHER,
            "x",
            "555555555555",
            "ASIATWO",
            "ASIAONE",
            NOON + timedelta(minutes=2),
            NOON + timedelta(hours=1),
            "AROAEXAMPLE:x",
        ),
    )
    assert [(each.command, each.target, each.account_id, each.undo) for each in found.made] == [
        ("iam:CreateUser", "bob", ACCOUNT, "aws iam delete-user --user-name bob; its keys, login and policies first"),
        (
            "iam:CreateUser",
            "back; door",
            "555555555555",
            "aws iam delete-user --user-name 'back; door'; its keys, login and policies first",
        ),
    ]
    assert found.calls.height == 4
    assert found.incomplete is None
    assert sorted(set(objects.read_keys)) == ["a.json", "b.json"]
    assert "SECRET" not in json.dumps([dict(each) for each in found.records])


def test_a_trade_that_only_the_other_account_recorded_is_followed_all_the_same(tmp_path: Path) -> None:
    theirs = {"type": "AWSAccount", "principalId": "AIDAEXAMPLEANA", "accountId": ACCOUNT}
    copy = ana(1, "sts:AssumeRole", userIdentity=theirs, recipientAccountId=OTHER, **assumes(ROLE, "ASIAONE"))
    used = session(2, "s3:ListBuckets", "ASIAONE", ROLE)
    found = traced(tmp_path, Objects({"a.json": log_file(ana(0)), "b.json": log_file(copy, used)}))
    assert [(each.access_key_id, each.started_by) for each in found.sessions] == [("ASIAONE", None)]
    assert found.calls.height == 3


def test_what_was_refused_made_nothing_and_gave_no_session(tmp_path: Path) -> None:
    refused: dict[str, Any] = {"errorCode": "AccessDenied", "responseElements": None}
    found = traced(tmp_path, Objects({"a.json": log_file(ana(0, **refused), ana(1, "sts:AssumeRole", **refused))}))
    assert (found.made, found.sessions) == ((), ())
    assert len(found.records) == 2


def test_what_is_gone_or_damaged_or_past_the_cap_is_said(tmp_path: Path) -> None:
    held = {f"{number}.json": log_file(ana(number)) for number in range(4)}
    found = traced(tmp_path, Objects(held), lost=["1.json"], most_objects=3)
    assert found.incomplete == (
        "1 object could not be read: 1.json: 1.json is gone. 1 object past the first 3 were not read."
    )
    assert [each["eventID"] for each in found.records] == ["iam:CreateUser 0", "iam:CreateUser 2"]


def test_alerts_that_left_the_index_are_said(tmp_path: Path) -> None:
    found = traced(tmp_path, Objects({"a.json": log_file(ana(0))}), alerts=("iam:CreateUser 0", "long ago"))
    assert found.incomplete == "1 of its alerts' events are not in the event index, which keeps 14 days."


def test_an_object_that_holds_something_else_now_is_said(tmp_path: Path) -> None:
    objects = Objects({"a.json": log_file(ana(0))})
    with Store.open(tmp_path / "state") as store:
        kept(store, objects)
        objects.held["a.json"] = log_file(ana(9))
        found = trace(store, objects, an_incident(an_alert("iam:CreateUser 0")))
    assert found.incomplete == "1 of its events were not found again in their objects."
    assert found.records == ()


def test_usual_networks_are_those_of_two_days_without_the_incidents_own(tmp_path: Path) -> None:
    past = [*days(3), *days(3, "Kyiv"), *days(1, "Munich"), *days(4, who="bob", city="Austin")]
    past[-1] |= {"event.id": "x"}
    morning = call(at=NOON - timedelta(hours=2))
    found = traced(tmp_path, Objects({"a.json": log_file(ana(0))}), [*past, morning])
    assert found.usual_networks == ("50.0.1.0/24",)
    assert found.usual_calls_at == NOON - timedelta(hours=2)


def test_a_context_is_stored_and_read_again_and_shown_harmless(tmp_path: Path) -> None:
    hostile = ana(0, userAgent="x\x1b[2J[click](https://x.example)", requestParameters={"userName": "a|b\x1b[2J"})
    objects = Objects({"a.json": log_file(hostile)})
    with Store.open(tmp_path / "state") as store:
        kept(store, objects)
        incident = an_incident(an_alert("iam:CreateUser 0"))
        gathered = context.gather(store, objects, None, incident, Rules(), NOON + timedelta(hours=1))
    assert context.read(context.document(gathered)) == gathered
    assert (gathered.calls, gathered.records, len(gathered.answers)) == (1, 1, 22)
    assert "\x1b" not in terminal(gathered) + report(gathered)
    assert "](https" not in report(gathered)
    assert [each.name for each in gathered.stamps if each.at] == ["event", "seen", "alerted"]


def test_a_context_that_is_none_is_refused() -> None:
    with pytest.raises(StateError, match=r"cannot be read: .*; run respond again"):
        context.read('{"incident_id": 3}')


def test_real_trades_and_what_real_attacks_made_are_found(real_records: Path) -> None:
    path = real_records / "invictus" / "cloudtrail.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    found = sessions(records)
    used = {each["userIdentity"].get("accessKeyId") for each in records}
    assert len([each for each in found if each.access_key_id in used and each.started_by]) == 5
    assert all(each.expires_at and each.expires_at > each.started_at for each in found)
    counted = [each.command for each in made(records)]
    assert (counted.count("iam:CreateUser"), counted.count("iam:CreateLoginProfile")) == (4, 2)
    assert (counted.count("iam:CreateAccessKey"), counted.count("iam:CreateRole")) == (2, 13)
    assert not [each.undo for each in made(records) if "USERNAME" in each.undo]


def test_real_records_are_found_again_by_their_place(real_records: Path, tmp_path: Path) -> None:
    (tmp_path / "trail").mkdir()
    (tmp_path / "trail" / "a.jsonl").symlink_to(real_records / "invictus" / "cloudtrail.jsonl")
    source = FolderSource(tmp_path / "trail")
    events = parse([(each.key, source.read(each.key)) for each in source.list()]).events
    reader = Reader(source)
    reader.read(events)
    assert (len(reader.found), reader.incomplete) == (2900, None)
