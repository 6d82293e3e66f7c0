import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from builders import record
from click.testing import CliRunner, Result
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from organisations import learn_until, robbed

from prefect_cloudtrail.cli import main
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.store import Store


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


def cli(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def inputs(organisation: Generated, state: Path) -> tuple[object, ...]:
    return (
        *("--source", organisation.root / "AWSLogs", "--city-db", organisation.city_db),
        *("--asn-db", organisation.asn_db, "--state", state),
    )


def learn(organisation: Generated) -> str:
    return learn_until(organisation).isoformat()


@pytest.fixture(scope="module")
def backtested(organisation: Generated, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    state = tmp_path_factory.mktemp("backtest")
    bounds = ("--learn-until", learn(organisation), "--until", organisation.end.isoformat(), "--json")
    return state, rows(cli("backtest", *inputs(organisation, state), *bounds))


def test_backtest_prints_incidents_then_the_summary(backtested: tuple[Path, list[dict[str, Any]]]) -> None:
    *incidents, summary = backtested[1]
    assert [row["type"] for row in incidents] == ["incident"] * summary["incidents"]
    assert summary["type"] == "summary"
    assert incidents == sorted(incidents, key=lambda row: row["opened_at"])


def test_rows_have_the_keys_that_scripts_rely_on(backtested: tuple[Path, list[dict[str, Any]]]) -> None:
    incident, *_, summary = backtested[1]
    assert set(incident) >= {
        *("type", "incident_id", "revision", "principal", "account_id", "access_key_ids", "places", "networks"),
        *("first_event", "last_event", "opened_at", "risk", "severity", "status", "alerts", "evidence", "event_ids"),
    }
    assert set(incident["alerts"][0]) >= {"alert_id", "rule", "score", "surprise", "raised_at", "event_ids"}
    assert set(incident["evidence"][0]) >= {"name", "decibans", "sentence"}
    assert set(incident["places"][0]) == {"city", "country", "latitude", "longitude"}
    assert set(incident["networks"][0]) == {"ip", "asn", "organisation"}
    assert set(summary) >= {
        *("window", "objects", "bytes", "events", "duplicates", "placed", "rejected", "alerts", "over_limit"),
        *("incidents", "learning", "seconds", "peak_rss_mb"),
    }
    assert set(summary["seconds"]) == {"read", "place", "count", "detect", "store"}
    datetime.fromisoformat(incident["opened_at"])


def test_a_backtest_says_what_it_would_have_told_and_raised(
    backtested: tuple[Path, list[dict[str, Any]]],
) -> None:
    *incidents, summary = backtested[1]
    tuned = summary["tuning"]
    as_run = [each for each in tuned["telling"] if each["tell_from"] == tuned["tell_from"]]
    assert as_run[0]["incidents"] == sum(each["peak_risk"] >= tuned["tell_from"] for each in incidents) > 0
    own = {each["rule"]: each for each in reversed(tuned["thresholds"]) if each["account"] is None}
    assert sum(each["alerts"] for each in own.values()) == summary["alerts"]
    assert {each["incidents"] for each in own.values()} == {summary["incidents"]}
    assert 3.5 < tuned["days"] <= 4


def test_only_a_backtest_says_what_other_thresholds_would_have_meant(organisation: Generated, tmp_path: Path) -> None:
    bounds = ("--until", learn(organisation), "--json")
    (learned,) = rows(cli("backfill", *inputs(organisation, tmp_path), *bounds))
    assert "tuning" not in learned
    nothing = ("--learn-until", organisation.end.isoformat(), "--until", organisation.end.isoformat())
    (summary,) = rows(cli("backtest", *inputs(organisation, tmp_path / "b"), *nothing, "--json"))
    assert (summary["tuning"]["days"], {each["alerts"] for each in summary["tuning"]["thresholds"]}) == (0, {0})
    assert "told" not in cli("backtest", *inputs(organisation, tmp_path / "b"), *nothing).stdout


def test_a_backtest_again_gives_the_same(
    organisation: Generated, backtested: tuple[Path, list[dict[str, Any]]]
) -> None:
    state, first = backtested
    bounds = ("--learn-until", learn(organisation), "--until", organisation.end.isoformat(), "--json")
    again = rows(cli("backtest", *inputs(organisation, state), *bounds))
    assert again[:-1] == first[:-1]


def test_backfill_then_detect_finds_what_a_backtest_finds(
    organisation: Generated, backtested: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    learned = rows(cli("backfill", *inputs(organisation, tmp_path), "--until", learn(organisation), "--json"))
    assert (learned[-1]["alerts"], len(learned)) == (0, 1)
    found = rows(cli("detect", *inputs(organisation, tmp_path), "--until", organisation.end.isoformat(), "--json"))
    assert {row["incident_id"] for row in found[:-1]} == {row["incident_id"] for row in backtested[1][:-1]}
    second = rows(cli("detect", *inputs(organisation, tmp_path), "--until", organisation.end.isoformat(), "--json"))
    assert (len(second), second[0]["objects"], second[0]["events"]) == (1, 0, 0)


def test_incidents_are_listed_and_shown(backtested: tuple[Path, list[dict[str, Any]]]) -> None:
    state, printed = backtested
    assert rows(cli("incidents", "--state", state, "--json")) == printed[:-1]
    shown = cli("incidents", printed[0]["incident_id"], "--state", state)
    assert printed[0]["summary"] in " ".join(shown.stdout.split())
    assert len(cli("incidents", "--state", state).stdout.splitlines()) == len(printed) - 1


def test_without_json_people_read_sentences(organisation: Generated, tmp_path: Path) -> None:
    bounds = ("--learn-until", learn(organisation), "--until", organisation.end.isoformat())
    shown = cli("backtest", *inputs(organisation, tmp_path), *bounds).stdout
    assert "likely stolen" in shown
    assert "Told from a risk of, a day" in shown
    assert "events in" in shown.splitlines()[-1]
    assert "\x1b" not in shown


def a_trail(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "a.json.gz").write_bytes(gzip.compress(json.dumps({"Records": [record()]}).encode()))
    return folder


def country_db(path: Path) -> Path:
    writer = MMDBWriter(6, "GeoLite2-Country", languages=["en"], ipv4_compatible=True)
    writer.insert_network(IPSet(["50.0.1.0/24"]), {"country": {"iso_code": "DE", "names": {"en": "Germany"}}})
    writer.to_db_file(str(path))
    return path


def fails(result: Result, *words: str) -> None:
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("prefect-cloudtrail: ")
    for word in words:
        assert word in line


def test_no_geo_database_says_what_to_pass(tmp_path: Path) -> None:
    fails(cli("detect", "--source", a_trail(tmp_path / "t"), "--state", tmp_path / "s"), "--city-db")
    assert not (tmp_path / "s").exists()


def test_a_geo_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.mmdb"
    fails(
        cli("detect", "--source", a_trail(tmp_path / "t"), "--city-db", missing, "--state", tmp_path / "s"),
        str(missing),
    )
    assert not (tmp_path / "s").exists()


def test_a_country_database_is_not_a_city_database(tmp_path: Path) -> None:
    wrong = country_db(tmp_path / "country.mmdb")
    result = cli("detect", "--source", a_trail(tmp_path / "t"), "--city-db", wrong, "--state", tmp_path / "s")
    fails(result, "GeoLite2-Country", "City")
    assert not (tmp_path / "s").exists()


def test_no_such_folder_is_named(organisation: Generated, tmp_path: Path) -> None:
    missing = tmp_path / "none"
    fails(
        cli("detect", "--source", missing, "--city-db", organisation.city_db, "--state", tmp_path / "s"), str(missing)
    )
    assert not (tmp_path / "s").exists()


def test_an_empty_folder_does_not_look_like_a_quiet_day(organisation: Generated, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    fails(cli("detect", "--source", tmp_path / "t", "--city-db", organisation.city_db, "--state", tmp_path / "s"), "t")
    assert not (tmp_path / "s").exists()


def test_a_state_of_a_newer_version_is_left_alone(organisation: Generated, tmp_path: Path) -> None:
    with Store.open(tmp_path / "s"):
        pass
    engine = sa.create_engine(f"sqlite:///{tmp_path}/s/cases.db")
    with engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    engine.dispose()
    before = (tmp_path / "s" / "cases.db").read_bytes()
    trail = a_trail(tmp_path / "t")
    fails(cli("detect", "--source", trail, "--city-db", organisation.city_db, "--state", tmp_path / "s"), "newer")
    assert (tmp_path / "s" / "cases.db").read_bytes() == before


def test_a_second_detect_at_the_same_moment_gives_way(organisation: Generated, tmp_path: Path) -> None:
    trail = a_trail(tmp_path / "t")
    with Store.open(tmp_path / "s") as store, store.lease("detect", "somebody else", 30, datetime.now(UTC)):
        result = cli("detect", "--source", trail, "--city-db", organisation.city_db, "--state", tmp_path / "s")
        fails(result, "somebody else")
        assert store.checkpoint() is None


def test_a_live_state_is_no_place_for_a_backtest(organisation: Generated, tmp_path: Path) -> None:
    with Store.open(tmp_path):
        pass
    bounds = ("--learn-until", learn(organisation), "--until", organisation.end.isoformat())
    fails(cli("backtest", *inputs(organisation, tmp_path), *bounds), "backtest")


def test_an_unknown_incident_is_named(backtested: tuple[Path, list[dict[str, Any]]]) -> None:
    fails(cli("incidents", "inc_none", "--state", backtested[0]), "inc_none")


def test_a_state_that_is_not_there_is_said(tmp_path: Path) -> None:
    fails(cli("incidents", "--state", tmp_path / "none"), "detect")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", ""])
def test_a_moment_that_is_none_is_wrong_usage(moment: str, tmp_path: Path) -> None:
    result = cli("detect", "--until", moment, "--state", tmp_path / "s")
    assert result.exit_code == 2
    assert "ISO 8601" in result.stderr


def test_settings_come_from_the_environment(
    organisation: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_SOURCE", str(a_trail(tmp_path / "t")))
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_CITY_DB", str(organisation.city_db))
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_STATE", str(tmp_path / "s"))
    assert rows(cli("detect", "--json"))[-1]["events"] == 1


def test_a_setting_that_does_not_fit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_CLOUDTRAIL_TELL_FROM", "often")
    fails(cli("incidents", "--state", tmp_path), "PREFECT_CLOUDTRAIL_TELL_FROM")


def test_the_command_exits_as_its_contract_says(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("prefect-cloudtrail"))]
    missing = subprocess.run(
        [*command, "incidents", "--state", str(tmp_path / "none")], capture_output=True, check=False
    )
    wrong = subprocess.run([*command, "detect", "--no-such-option"], capture_output=True, check=False)
    helped = subprocess.run([*command, "--help"], capture_output=True, check=False)
    assert (missing.returncode, wrong.returncode, helped.returncode) == (1, 2, 0)
