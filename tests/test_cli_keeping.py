"""What is lost comes back: from a backup, and what is usual from the trail."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from organisations import learn_until, robbed
from polars.testing import assert_frame_equal
from store.case_builders import a_change, an_incident, commit, objects, presences

from prefect_cloudtrail.cli import main
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.files import KINDS


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
        *("--asn-db", organisation.asn_db, "--state", state, "--json"),
    )


def test_detect_goes_on_from_the_backup_as_if_nothing_had_been_lost(organisation: Generated, tmp_path: Path) -> None:
    state, again = tmp_path / "state", tmp_path / "again"
    learned, end = learn_until(organisation), organisation.end
    midway = learned + (end - learned) / 2
    rows(cli("backfill", *inputs(organisation, state), "--until", learned.isoformat()))
    rows(cli("detect", *inputs(organisation, state), "--until", midway.isoformat()))
    (made,) = rows(cli("backup", tmp_path / "backup", "--state", state, "--json"))
    on = rows(cli("detect", *inputs(organisation, state), "--until", end.isoformat()))
    (restored,) = rows(cli("restore", tmp_path / "backup", "--state", again, "--json"))
    assert restored == made | {"type": "restore"}
    anew = rows(cli("detect", *inputs(organisation, again), "--until", end.isoformat()))
    assert anew[:-1] == on[:-1]
    assert (anew[-1]["objects"], anew[-1]["events"]) == (on[-1]["objects"], on[-1]["events"])
    kept, found = (rows(cli("incidents", "--state", each, "--json")) for each in (state, again))
    assert kept == found != []


def test_what_is_usual_comes_back_from_the_trail_alone(organisation: Generated, tmp_path: Path) -> None:
    was, anew = tmp_path / "was", tmp_path / "anew"
    learned, end = learn_until(organisation).isoformat(), organisation.end.isoformat()
    rows(cli("backfill", *inputs(organisation, was), "--until", learned))
    rows(cli("detect", *inputs(organisation, was), "--until", end))
    rows(cli("backfill", *inputs(organisation, anew), "--until", end))
    with Store.read_only(was) as one, Store.read_only(anew) as other:
        assert one.checkpoint() == other.checkpoint()
        assert_frame_equal(one.ledger(), other.ledger())
        assert_frame_equal(one.places(), other.places())
        for kind in KINDS:
            # Of ids the index keeps those of alerts alone, and a backfill raises none.
            before, after = (each.scan(kind).drop("event.id", strict=False).collect() for each in (one, other))
            assert_frame_equal(before, after, check_row_order=False)


def test_people_are_told_what_was_copied_and_made_again(tmp_path: Path) -> None:
    state, folder, again = (tmp_path / name for name in ("state", "backup", "again"))
    with Store.open(state) as store:
        commit(store, a_change(objects=objects("a.json"), presences=presences("ana"), incidents=[an_incident()]))
    what = r"1 incident, 1 log object read, 1 file, 0\.0 MB, as of \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    copied = cli("backup", folder, "--state", state)
    assert re.fullmatch(rf"{folder}: {what}\n", copied.stdout)
    made = cli("restore", folder, "--state", again)
    assert re.fullmatch(rf"restored {what}; detect goes on from 2026-02-02T10:15:00Z\n", made.stdout)
    refused = cli("restore", tmp_path, "--state", tmp_path / "none")
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"prefect-cloudtrail: {tmp_path} is no whole backup: backup.json, which is written last, is not there\n",
    )
