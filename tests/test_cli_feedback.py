"""What people enter at a terminal: checked, stored, listed, ended, and replayed."""

import getpass
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from organisations import learn_until, robbed
from store.case_builders import a_change, an_alert, an_incident, commit
from test_cli import cli, inputs, rows

from prefect_cloudtrail.store import Store

SPAN = ("--since", "2026-04-01", "--until", "2026-05-01")
WHY = ("--why", "moved", "--by", "maria", "--at", "2026-03-30T09:00:00Z")
SUPPRESS = ("suppress", "add", "--person", "user ana", "--country", "UA", *SPAN, *WHY)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with one incident, of the user deploy."""
    with Store.open(tmp_path / "state") as store:
        commit(store, a_change(incidents=[an_incident("incident-1", an_alert())]))
    return tmp_path / "state"


def test_a_suppression_is_added_listed_and_ended(state: Path) -> None:
    (added,) = rows(cli(*SUPPRESS, "--state", state, "--json"))
    assert added == {
        "type": "suppression",
        "entry_id": added["entry_id"],
        "scope": {"person": "user ana", "country": "UA"},
        "since": "2026-04-01T00:00:00Z",
        "until": "2026-05-01T00:00:00Z",
        "who": "",
        "why": "moved",
        "by": "maria",
        "effective_at": "2026-03-30T09:00:00Z",
        "end": None,
    }
    assert rows(cli("suppress", "list", "--state", state, "--json")) == [added]
    ended = ("--why", "over", "--by", "bo", "--at", "2026-04-02T00:00:00Z")
    (last,) = rows(cli("suppress", "end", added["entry_id"], *ended, "--state", state, "--json"))
    assert last == added | {"end": {"by": "bo", "why": "over", "effective_at": "2026-04-02T00:00:00Z"}}
    assert rows(cli("suppress", "list", "--state", state, "--json")) == [last]
    assert rows(cli("calendar", "list", "--state", state, "--json")) == []


def test_people_read_what_was_entered_and_by_whom(state: Path) -> None:
    shown = cli(*SUPPRESS, "--state", state).stdout.splitlines()
    assert shown[0].startswith("suppression suppression_")
    assert shown[0].endswith(": person user ana, country UA")
    assert shown[1:] == [
        "  2026-04-01 00:00 UTC to 2026-05-01 00:00 UTC; counts from 2026-03-30 09:00 UTC",
        "  maria: moved",
    ]


def test_what_counts_already_is_not_added_again(state: Path) -> None:
    cli(*SUPPRESS, "--state", state)
    again = cli(*SUPPRESS, "--state", state)
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "entered already: nothing was added\n")


def test_work_and_travel_are_announced_and_imported(state: Path, tmp_path: Path) -> None:
    account = ("--account", "111122223333", "--command", "ec2:*", "--who", "bo")
    (work,) = rows(cli("calendar", "add-work", *account, *SPAN, *WHY, "--state", state, "--json"))
    person = ("--person", "user ana", "--place", "Lisbon, PT")
    (trip,) = rows(cli("calendar", "add-travel", *person, *SPAN, *WHY, "--state", state, "--json"))
    assert (work["type"], work["who"], trip["type"]) == ("work", "bo", "travel")
    row = {"kind": "travel", "since": "2026-04-01", "until": "2026-05-01", **trip["scope"], "why": "the same"}
    (tmp_path / "a.json").write_text(json.dumps([row, row | {"person": "user bo"}]))
    (new,) = rows(cli("calendar", "import", tmp_path / "a.json", "--by", "maria", "--state", state, "--json"))
    assert new["scope"]["person"] == "user bo"
    assert rows(cli("calendar", "list", "--state", state, "--json")) == [work, trip, new]
    assert cli("calendar", "import", tmp_path / "a.json", "--state", state).stdout == (
        f"0 entered from {tmp_path / 'a.json'}\n"
    )


def test_a_verdict_is_the_status_of_its_incident(state: Path) -> None:
    (said,) = rows(cli("verdict", "incident-1", "expected", *WHY, "--state", state, "--json"))
    assert (said["verdict"], said["by"], said["places"]) == ("expected", "maria", ["Kyiv, 30, UA"])
    assert [row["status"] for row in rows(cli("incidents", "--state", state, "--json"))] == ["expected"]
    assert cli("incidents", "--state", state).stdout.endswith(", from Kyiv, UA, expected\n")
    shown = cli("verdict", "incident-1", "compromised", *WHY, "--state", state).stdout
    assert shown == "incident-1 is compromised, says maria; it counts from 2026-03-30 09:00 UTC\n"


def test_the_system_user_says_so_where_no_name_is_given(state: Path) -> None:
    (said,) = rows(cli("verdict", "incident-1", "expected", "--why", "moved", "--state", state, "--json"))
    assert said["by"] == getpass.getuser()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verdict", "incident-1", "expected", "--why", "me", "--by", "deploy"), "deploy cannot judge an incident"),
        (("verdict", "incident-9", "expected", "--why", "moved"), "no incident incident-9 here"),
        (("suppress", "add", "--country", "UA", *SPAN, *WHY), "that would be about everybody"),
        (("suppress", "add", "--person", "maria", *SPAN, *WHY), "maria cannot suppress alerts about maria"),
        (("suppress", "add", "--person", "user ana", "--until", "2036-01-01", *WHY), "at most 90 days ahead"),
        (("suppress", "end", "suppression_1", "--why", "over"), "no entry suppression_1 here"),
        (("calendar", "add-travel", "--person", "user ana", *SPAN, *WHY), "a travel notice says who is where"),
        (("calendar", "import", "nothing.csv"), "nothing.csv cannot be read"),
    ],
)
def test_what_cannot_be_recorded_is_one_line_and_nothing_stored(
    state: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = cli(*arguments, "--state", state)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("prefect-cloudtrail: ")
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert cli("suppress", "list", "--state", state, "--json").stdout == ""
    assert cli("calendar", "list", "--state", state, "--json").stdout == ""


@pytest.mark.parametrize("missing", ["--until", "--why"])
def test_an_entry_without_an_end_or_a_reason_is_wrong_usage(state: Path, missing: str) -> None:
    words: list[str] = list(SUPPRESS)
    del words[words.index(missing) : words.index(missing) + 2]
    assert cli(*words, "--state", state).exit_code == 2


def test_a_backtest_replays_with_what_was_entered(tmp_path: Path) -> None:
    organisation = robbed(tmp_path / "organisation")
    bounds = ("--learn-until", learn_until(organisation).isoformat(), "--until", organisation.end.isoformat())
    command = ("backtest", *inputs(organisation, tmp_path / "backtest"), *bounds, "--json")
    plain = rows(cli(*command))
    worst: dict[str, Any] = max(plain[:-1], key=lambda row: row["risk"])
    begins = learn_until(organisation)
    span = ("--since", begins.isoformat(), "--until", (begins + timedelta(days=9)).isoformat())
    at = ("--at", begins.isoformat())
    Store.open(tmp_path / "live").close()
    live = ("--state", tmp_path / "live")
    cli("suppress", "add", "--principal", worst["principal"], *span, *at, "--why", "known", "--by", "maria", *live)
    replayed = rows(cli(*command, "--feedback", tmp_path / "live"))
    theirs = [row for row in plain[:-1] if row["principal"] == worst["principal"]]
    quiet = [row for row in replayed[:-1] if row["status"] == "suppressed"]
    assert [row["incident_id"] for row in quiet] == [row["incident_id"] for row in theirs]
    assert replayed[-1]["suppressed"] == sum(len(row["alerts"]) for row in theirs)
    assert rows(cli(*command))[:-1] == plain[:-1]
    refused = cli(*command, "--feedback", tmp_path / "nothing")
    assert (refused.exit_code, "nothing was entered there" in refused.stderr) == (1, True)
