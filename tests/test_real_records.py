"""CloudTrail records that nobody here wrote, through the whole of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from prefect_cloudtrail.cli import main


@pytest.fixture(scope="module")
def city_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("geo") / "city.mmdb"
    writer = MMDBWriter(6, "GeoLite2-City", languages=["en"], ipv4_compatible=True)
    city = {"names": {"en": "Berlin"}}, {"iso_code": "DE", "names": {"en": "Germany"}}
    located = {"city": city[0], "country": city[1], "location": {"latitude": 52.52, "longitude": 13.4}}
    writer.insert_network(IPSet(["34.64.0.0/10", "95.217.0.0/16"]), located)
    writer.to_db_file(str(path))
    return path


def detect(source: Path, city_db: Path, state: Path) -> dict[str, Any]:
    arguments = ["detect", "--source", source, "--city-db", city_db, "--state", state, "--json"]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout.splitlines()[-1])
    assert isinstance(summary, dict)
    return summary


def accounted(summary: dict[str, Any]) -> int:
    return int(summary["events"] + summary["duplicates"] + sum(summary["rejected"].values()) + summary["passed_over"])


def test_every_event_of_an_hour_of_attacks_is_read_once(real_records: Path, city_db: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trail"
    folder.mkdir()
    (folder / "cloudtrail.jsonl").symlink_to(real_records / "invictus" / "cloudtrail.jsonl")
    first, second = (detect(folder, city_db, tmp_path / "state") for _ in range(2))
    assert (first["events"], first["rejected"], first["duplicates"]) == (2900, {}, 0)
    assert (second["objects"], second["events"]) == (0, 0)


def unwrapped(path: Path) -> Iterator[Any]:
    """The records of one file, whatever their collection wraps them in."""
    text = path.read_text()
    if path.suffix == ".jsonl":
        yield from (json.loads(line) for line in text.splitlines() if line.strip())
        return
    content = json.loads(text)
    if isinstance(content, list):
        yield from (each["record"] for each in content)
    else:
        yield from (each["log"] for each in content["tests"])


def test_every_other_record_is_accounted_for(real_records: Path, city_db: Path, tmp_path: Path) -> None:
    files = [*real_records.rglob("*.jsonl"), *(real_records / "panther_rule_tests").glob("*.json")]
    files.append(real_records / "identity_types.json")
    folder = tmp_path / "trail"
    folder.mkdir()
    records = 0
    for number, path in enumerate(sorted(files)):
        found = list(unwrapped(path))
        records += len(found)
        (folder / f"{number}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in found))
    summary = detect(folder, city_db, tmp_path / "state")
    assert accounted(summary) == records
    assert summary["events"] > 3000


def _account(log: dict[str, Any]) -> str | None:
    return (log.get("userIdentity") or {}).get("accountId")


def test_the_account_is_the_callers_where_the_record_names_no_other(
    real_records: Path, city_db: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "trail"
    folder.mkdir()
    logs = [log for path in (real_records / "panther_rule_tests").glob("*.json") for log in unwrapped(path)]
    chosen = [log for log in logs if log and "recipientAccountId" not in log and _account(log)]
    (folder / "records.jsonl").write_text("".join(json.dumps(each) + "\n" for each in chosen))
    learning = detect(folder, city_db, tmp_path / "state")["learning"]
    accounts = {_account(log) for log in chosen}
    assert chosen
    assert {said.split(" until ")[0] for said in learning} <= accounts
