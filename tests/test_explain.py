import gzip
import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from organisations import learn_until, robbed, run

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.errors import SourceError
from prefect_cloudtrail.evidence import pieces
from prefect_cloudtrail.explain import Explanation, explain, rating
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.risk import WEIGHTS
from prefect_cloudtrail.store import Store

HOURS = timedelta(hours=2)


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


@pytest.fixture(scope="module")
def detected(organisation: Generated, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Incident]]:
    state = tmp_path_factory.mktemp("state")
    start = learn_until(organisation)
    return state, run(organisation, state, [start, start + timedelta(days=2)])[0]


def explained(organisation: Generated, state: Path, event_id: str, at: datetime | None = None) -> Explanation:
    geo = Geo.open(organisation.city_db, organisation.asn_db)
    with Store.read_only(state) as store:
        return explain(store, FolderSource(organisation.root / "AWSLogs"), geo, event_id, look_back=HOURS, at=at)


def test_every_alert_is_explained_by_the_surprise_it_was_raised_with(
    organisation: Generated, detected: tuple[Path, list[Incident]]
) -> None:
    state, incidents = detected
    chosen = [incident.alerts[number] for incident in incidents for number in {0, len(incident.alerts) - 1}]
    for alert in chosen:
        found = explained(organisation, state, alert.event_ids[0])
        judgement = next(each for each in found.judgements if each.rule == alert.rule)
        assert judgement.raised
        assert judgement.surprise == pytest.approx(alert.surprise, abs=0.002)
        assert judgement.outcome == alert.outcome


def test_an_alerts_event_says_of_every_piece_whether_it_holds_in_its_incident(
    organisation: Generated, detected: tuple[Path, list[Incident]]
) -> None:
    state, incidents = detected
    theft = max(incidents, key=lambda each: each.risk)
    (rated,) = explained(organisation, state, theft.alerts[0].event_ids[0]).incidents
    held = [each for each in rated.evidence if each.holds]
    rest = [each for each in rated.evidence if not each.holds]
    assert (rated.incident_id, rated.risk) == (theft.incident_id, theft.risk)
    assert [(e.name, e.group, e.decibans, e.counted, e.sentence) for e in held] == [
        (e.name, e.group, e.decibans, e.counted, e.sentence) for e in theft.evidence
    ]
    assert {each.name: each.decibans for each in rated.evidence} == WEIGHTS
    assert {(each.counted, each.sentence) for each in rest} == {(False, None)}
    assert all(each.group == pieces()[each.name].GROUP for each in rest)


def test_a_cohort_has_the_one_piece_that_rates_it(detected: tuple[Path, list[Incident]]) -> None:
    cohort = next(each for each in detected[1] if each.kind == "cohort")
    assert [each.name for each in rating(cohort).evidence] == ["cohort_is_here"]


def _some_event(organisation: Generated, state: Path, *, network: bool) -> tuple[str, datetime]:
    """The newest event that raised nothing, and when it happened."""
    with Store.read_only(state) as store:
        index = store.scan("index").collect().sort("@timestamp", descending=True)
    quiet = index.filter(index["network"].is_not_null() if network else index["network"].is_null())
    quiet = quiet.filter(quiet["event.id"].is_null()).select("log.file.path", "log.offset", "@timestamp")
    path, offset, at = quiet.row(0)
    content = FolderSource(organisation.root / "AWSLogs").read(path)
    return str(json.loads(gzip.decompress(content))["Records"][offset]["eventID"]), at


def test_a_quiet_event_says_why_it_raised_nothing(
    organisation: Generated, detected: tuple[Path, list[Incident]]
) -> None:
    # So new that the look-back knows when it happened.
    event, _ = _some_event(organisation, detected[0], network=True)
    found = explained(organisation, detected[0], event)
    assert [each.rule for each in found.judgements] == list(rules())
    assert not any(each.raised for each in found.judgements)
    assert found.incidents == ()
    of_places = [each for each in found.judgements if rules()[each.rule].asks_where]
    assert all(each.counts and each.counts["contexts"] for each in of_places)
    assert all("is not surprising enough" in each.why or "is surprising, but" in each.why for each in of_places)


def test_a_call_without_a_place_says_so(organisation: Generated, detected: tuple[Path, list[Incident]]) -> None:
    event, at = _some_event(organisation, detected[0], network=False)
    found = explained(organisation, detected[0], event, at)
    (why,) = {each.why for each in found.judgements if rules()[each.rule].asks_where}
    assert why in {"not asked: the address is no place", "not asked: nobody's credential made the call"}


def test_an_event_past_the_index_is_found_by_its_time(organisation: Generated, tmp_path: Path) -> None:
    source, geo = FolderSource(organisation.root / "AWSLogs"), Geo.open(organisation.city_db, organisation.asn_db)
    old = source.list()[0]
    assert old.delivered
    event_id = json.loads(gzip.decompress(source.read(old.key)))["Records"][0]["eventID"]
    with Store.open(tmp_path) as store:
        with pytest.raises(SourceError, match="--at"):
            explain(store, source, geo, event_id, look_back=HOURS)
        found = explain(store, source, geo, event_id, look_back=HOURS, at=old.delivered - HOURS)
    assert found.event_id == event_id


def test_the_command_line_prints_counts_and_sentences(
    organisation: Generated, detected: tuple[Path, list[Incident]]
) -> None:
    state, incidents = detected
    event = next(each for each in incidents if each.says_where).alerts[0].event_ids[0]
    arguments = ["--source", organisation.root / "AWSLogs", "--city-db", organisation.city_db, "--state", state]
    result = CliRunner().invoke(main, ["explain", event, *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert "is surprising: an alert" in result.stdout
    assert "organisation: 0 of" in result.stdout
    assert re.search(r"^ +[+-]\d dB  \w+ \(\w+\): [A-Z].*\.$", result.stdout, flags=re.MULTILINE)
    assert re.search(r"^ +\([+-]\d\)  \w+ \(\w+\): does not hold$", result.stdout, flags=re.MULTILINE)
    rows = CliRunner().invoke(main, ["explain", event, "--json", *map(str, arguments)])
    assert json.loads(rows.stdout)["event_id"] == event
