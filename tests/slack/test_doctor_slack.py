"""Each thing that can be wrong with Slack, of docs/troubleshooting.md, made for real: doctor finds it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from store.case_builders import NOW

from prefect_cloudtrail import doctor
from prefect_cloudtrail.checks import Check
from prefect_cloudtrail.demo.slack import LocalSlack, Team, local_slack
from prefect_cloudtrail.demo.slack.team import BOT, DORA, GENERAL, GUS, LEADS, MAYA, RESPONDERS, STEN, Group, Person
from prefect_cloudtrail.doctor.responder import LISTEN
from prefect_cloudtrail.doctor.slack import SCOPES, STRANGE
from prefect_cloudtrail.settings import Settings, settings
from prefect_cloudtrail.slack import members
from prefect_cloudtrail.slack.message import LISTENER
from prefect_cloudtrail.store import Store

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
EMPTY = Group("S0EMPTY0001", "nobody", "Nobody", ())
RIGHT = Team(groups=(RESPONDERS, LEADS, EMPTY), scopes=SCOPES)


@dataclass
class Place:
    """What doctor is asked about: right to begin with, then made wrong in one thing."""

    folder: Path
    slack: LocalSlack
    given: dict[str, Any] = field(default_factory=dict)
    approvers: tuple[str, ...] = (f"slack:{MAYA.user_id}", f"slack-group:{RESPONDERS.group_id}", "system:maria")
    beats: bool = True
    answers: dict[str, Any] = field(default_factory=dict)

    def known(self) -> Settings:
        path = self.folder / "rules.toml"
        path.write_text(f"approvers = {list(self.approvers)}\n", encoding="utf-8")
        path.chmod(0o600)
        with Store.open(self.folder / "state") as store:
            if self.beats:
                store.responses.beat(LISTENER, NOW - timedelta(seconds=59))
        right = {
            "state": str(self.folder / "state"),
            "slack_channel": self.slack.channel,
            "slack_token": self.slack.bot_token,
            "slack_app_token": self.slack.app_token,
            "slack_groups": LEADS.group_id,
            "slack_url": self.slack.api_url,
            "rules": path,
        }
        return settings(**right | self.given)

    def checks(self) -> list[Check]:
        names = {"slack", "scopes", "channel", "groups", "approvers", "app_token", "listener"}
        if not self.answers:
            return [each for each in doctor.check(self.known(), NOW) if each.name in names]
        with answering(self.answers) as url:
            self.given["slack_url"] = url
            return [each for each in doctor.check(self.known(), NOW) if each.name in names]


@contextmanager
def answering(answers: Mapping[str, Any]) -> Iterator[str]:
    """Give the URL of what answers these methods so, and no other: what the local Slack cannot be."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            answer = answers.get(self.path.rpartition("/")[2], {"ok": False, "error": "unknown_method"})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api/"
        server.shutdown()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with local_slack(RIGHT) as slack:
        yield Place(tmp_path, slack)


def no_token(place: Place) -> None:
    place.given["slack_token"] = None


def another_token(place: Place) -> None:
    place.given["slack_token"] = "xoxb-another"  # noqa: S105


def a_persons_token(place: Place) -> None:
    place.answers = {"auth.test": {"ok": True, "user": "maya", "team": "Local", "team_id": "T1", "user_id": "U1"}}


def slack_is_down(place: Place) -> None:
    place.slack.faults.down()


def too_many_questions(place: Place) -> None:
    place.slack.faults.rate_limited(30, calls=None)


def an_app_without_a_scope(place: Place) -> None:
    place.slack.workspace.team = replace(RIGHT, scopes=tuple(each for each in SCOPES if each != "im:write"))


def another_channel(place: Place) -> None:
    place.given["slack_channel"] = "C0NOTTHERE"


def a_channel_without_the_app(place: Place) -> None:
    place.given["slack_channel"] = GENERAL.channel_id


def a_channel_that_is_archived(place: Place) -> None:
    place.answers = {
        "auth.test": {"ok": True, "user": "cloudtrail", "team": "Local", "team_id": "T1", "bot_id": "B1"},
        "conversations.info": {"ok": True, "channel": {"name": "old", "is_archived": True, "is_member": True}},
    }


def a_history_that_may_not_be_read(place: Place) -> None:
    place.slack.faults.error("missing_scope", "conversations.history")


def no_such_group(place: Place) -> None:
    place.given["slack_groups"] = "S0NOTTHERE"


def an_empty_group(place: Place) -> None:
    place.approvers = (f"slack-group:{EMPTY.group_id}",)


def no_rules(place: Place) -> None:
    place.given["rules"] = None


def nobody_in_slack(place: Place) -> None:
    place.approvers = ("system:maria",)


def no_such_member(place: Place) -> None:
    place.approvers = ("slack:U0NOTTHERE",)


def who_left(place: Place) -> None:
    place.approvers = (f"slack:{DORA.user_id}",)


def another_app_token(place: Place) -> None:
    place.given["slack_app_token"] = "xapp-another"  # noqa: S105


def nobody_listens(place: Place) -> None:
    place.beats = False


MADE: dict[str, Callable[[Place], None]] = {
    "no Slack token: set PREFECT_CLOUDTRAIL_SLACK_TOKEN": no_token,
    "cannot sign in to Slack, invalid_auth": another_token,
    "is a person's, not the app's": a_persons_token,
    "cannot sign in to Slack, no answer": slack_is_down,
    "wait a minute, and look again": too_many_questions,
    "the app may not do all it has to": an_app_without_a_scope,
    "channel_not_found": another_channel,
    "the app is not in": a_channel_without_the_app,
    "is archived": a_channel_that_is_archived,
    "install it anew": a_history_that_may_not_be_read,
    "no_such_subteam": no_such_group,
    "nobody is in the group": an_empty_group,
    "no rules are set, so nobody may decide": no_rules,
    "the rules let nobody decide in Slack": nobody_in_slack,
    "user_not_found": no_such_member,
    "and may not decide": who_left,
    "cannot open Socket Mode": another_app_token,
    "what is clicked there is lost": nobody_listens,
}


def found(checks: list[Check], said: str) -> list[Check]:
    return [each for each in checks if said in f"{each.said} {each.fix}" and each.status == "fail"]


@pytest.mark.parametrize("said", MADE)
def test_doctor_finds_it(said: str, place: Place) -> None:
    MADE[said](place)
    assert found(place.checks(), said), place.checks()


def test_the_page_has_a_row_for_each_and_no_other() -> None:
    (rows,) = re.findall(r"^\| doctor says of Slack \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    assert [row.split("|")[1].strip().strip("`") for row in rows.splitlines()] == list(MADE)


def test_where_all_is_right_it_says_who_and_where_and_posts_nothing(place: Place) -> None:
    assert place.checks() == [
        Check("listener", "ok", "it last heard of Slack just now"),
        Check("slack", "ok", f"{BOT.name} in Local"),
        Check("scopes", "ok", "the app may do what it has to"),
        Check("channel", "ok", "#security: the app is in it, and reads what it posted"),
        Check("groups", "ok", f"{LEADS.group_id} is called: 1 member"),
        Check("approvers", "ok", f"{RESPONDERS.group_id} may decide: {len(RESPONDERS.members)} members"),
        Check("approvers", "ok", f"{MAYA.user_id} may decide"),
        Check("app_token", "ok", "it opens Socket Mode"),
    ]
    assert place.slack.workspace.history(place.slack.channel) == []


def test_without_a_channel_incidents_are_told_on_the_terminal_and_slack_is_not_asked(place: Place) -> None:
    place.given["slack_channel"] = None
    assert place.checks() == [Check("slack", "ok", "not set up: incidents are told on the terminal")]
    assert place.slack.faults.counts() == {}


def test_a_worker_without_the_responders_token_is_not_asked_for_it(place: Place) -> None:
    place.given["slack_app_token"] = None
    assert [each.name for each in place.checks() if each.name == "app_token" or each.status == "fail"] == []


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (DORA, "deactivated"),
        (BOT, "a bot"),
        (GUS, "a guest"),
        (STEN, "of another organisation"),
    ],
)
def test_who_may_not_decide_is_told_apart(member: Person, why: str, place: Place) -> None:
    place.approvers = (f"slack:{MAYA.user_id}", f"slack:{member.user_id}")
    said = f"{member.user_id} is {why}, and may not decide: take them out of the rules' approvers"
    assert [each for each in place.checks() if each.name == "approvers"] == [
        Check("approvers", "ok", f"{MAYA.user_id} may decide"),
        Check("approvers", "fail", said),
    ]


def test_doctor_lets_nobody_pass_whom_the_listener_refuses() -> None:
    assert list(STRANGE) == [name for name, _ in members.STRANGE]


def test_what_cannot_be_asked_is_no_pass(place: Place) -> None:
    for method in ("conversations.info", "usergroups.users.list", "users.info", "apps.connections.open"):
        place.slack.faults.down(method)
    silent = "no answer: see that this host reaches slack.com, and look again"
    assert [(each.name, each.said) for each in place.checks() if each.status == "fail"] == [
        ("channel", f"cannot look at the channel {place.slack.channel}, {silent}"),
        ("groups", f"cannot ask who is in the group {LEADS.group_id}, {silent}"),
        ("approvers", f"cannot ask who is in the group {RESPONDERS.group_id}, {silent}"),
        ("approvers", f"cannot ask who {MAYA.user_id} is, {silent}"),
        ("app_token", f"cannot open Socket Mode, {silent}"),
    ]


def test_rules_that_cannot_be_read_are_said_beside_the_rest(place: Place) -> None:
    place.given["rules"] = place.folder / "none.toml"
    failures = [(each.name, each.said) for each in place.checks() if each.status == "fail"]
    assert failures == [
        ("approvers", f"the rules {place.folder / 'none.toml'} cannot be read: No such file or directory")
    ]


@pytest.mark.parametrize(("seconds", "status"), [(60, "ok"), (61, "fail")])
def test_a_listener_is_missed_after_a_minute(seconds: int, status: str, place: Place) -> None:
    known = place.known()
    (check,) = [each for each in doctor.check(known, NOW + timedelta(seconds=seconds - 59)) if each.name == "listener"]
    assert (check.status, check.fix) == (status, LISTEN if status == "fail" else "")


def test_no_token_is_shown(place: Place) -> None:
    tokens = (place.slack.bot_token, place.slack.app_token)
    right = place.checks()
    place.slack.faults.down()
    for each in (*right, *place.checks()):
        assert not any(token in f"{each.said} {each.fix}" for token in tokens)
