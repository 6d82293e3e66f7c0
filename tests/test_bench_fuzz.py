"""Each way in, fuzzed for a moment; and what fuzzing found there."""

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from builders import KEY, lines, log_file, packed
from cloudtrail.test_trail_agreement import agree

from bench.fuzz.records import record
from bench.fuzz.run import fuzz
from bench.fuzz.targets import TARGETS, check_database, databases
from prefect_cloudtrail.calendar_file import read as read_calendar
from prefect_cloudtrail.cloudtrail import FolderSource, parse
from prefect_cloudtrail.errors import FeedbackError, SettingsError, SourceError
from prefect_cloudtrail.networks import Networks
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.routes import read_routes

NOW = datetime(2026, 3, 20, tzinfo=UTC)
DIGITS = "9" * 5_000
DEEP = "[" * 3_000 + "]" * 3_000


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("decoder", 60),
        ("identities", 40),
        ("addresses", 40),
        ("databases", 60),
        ("files", 40),
        ("notices", 300),
        ("keys", 300),
        ("payloads", 300),
    ],
)
def test_a_moment_of_fuzzing_finds_nothing(name: str, inputs: int) -> None:
    done = fuzz(TARGETS[name], seed=7, goes_on=lambda made: made < inputs)
    assert (done.inputs, done.findings) == (inputs, {})


def test_every_target_is_fuzzed_here() -> None:
    assert sorted(TARGETS) == [
        *("addresses", "databases", "decoder", "files", "identities", "keys", "notices", "payloads"),
    ]


def test_1500_odd_records_are_read_as_the_reference_reads_them() -> None:
    chance = Random(8)  # noqa: S311 - not for secrets
    for layout in (log_file, lines, lambda *records: packed(json.dumps(list(records), indent=2).encode())):
        for _ in range(5):
            content = layout(*[record(chance, odd=chance.randint(1, 6)) for _ in range(100)])
            agree(parse([(KEY, content)]), KEY, content)


def test_a_database_whose_tree_leads_back_into_itself_does_not_end_the_process() -> None:
    owners = databases()[1]
    # A node is two branches of three bytes each: of the first fifty nodes both lead to the second.
    check_database(b"\0\0\1" * 100 + owners[300:])


@pytest.mark.parametrize("text", [f"approvers = {DEEP}", f"expires_after_hours = {DIGITS}"])
def test_rules_nobody_can_read_are_refused_in_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    (tmp_path / "rules.toml").chmod(0o600)
    with pytest.raises(SettingsError, match="are not TOML"):
        read_rules(tmp_path / "rules.toml")


@pytest.mark.parametrize("text", [f"route = {DEEP}", f"route = {DIGITS}"])
def test_routes_nobody_can_read_are_refused_in_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "routes.toml").write_text(text)
    with pytest.raises(SettingsError, match="cannot read the routes"):
        read_routes(tmp_path / "routes.toml")


def test_a_list_of_networks_with_an_endless_field_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "networks.csv").write_text('network,kind\n"' + "a" * 200_000)
    with pytest.raises(SettingsError, match="cannot read the list of networks"):
        Networks.read(tmp_path / "networks.csv")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (DEEP, "cannot be read"),
        ('[{"kind":"work","since":"0001-01-01T00:00:00+14:00","until":"2026-01-02","why":"x"}]', "is not ISO 8601"),
        ('[{"kind":"work","since":"2026-01-01","until":"2026-01-02","why":"\\ud800"}]', "half of a character"),
    ],
)
def test_a_calendar_nobody_can_read_is_refused_in_a_line(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "calendar.json").write_text(text)
    with pytest.raises(FeedbackError, match=why):
        read_calendar(tmp_path / "calendar.json", by="ana", effective_at=NOW)


def test_a_key_that_no_file_can_have_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a log object of the folder"):
        FolderSource(tmp_path).read("a\0b.json")
