"""LookupEvents as a source: slices of time, each event once however late it comes, and never half a slice."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import record
from click.testing import CliRunner
from cloudtrail.lookup_server import ACCOUNT, Lookup, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stolen_key import write_trail

from prefect_cloudtrail import pipeline
from prefect_cloudtrail.aws_sources import open_lookup, regions_of
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.cloudtrail import parse
from prefect_cloudtrail.cloudtrail.lookup import LookupSource, Slice, askings
from prefect_cloudtrail.context.records import Reader
from prefect_cloudtrail.errors import SettingsError, SourceError
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.pipeline import Options
from prefect_cloudtrail.store import Store

NOON = datetime(2026, 2, 2, 12, tzinfo=UTC)
HOME, OTHER = "us-east-1", "eu-central-1"
MINUTE = timedelta(minutes=1)

Open = Callable[..., LookupSource]


@pytest.fixture(scope="module")
def served() -> Iterator[Lookup]:
    with serving() as lookup:
        yield lookup


@pytest.fixture
def lookup(served: Lookup, aws_environment: pytest.MonkeyPatch) -> Lookup:
    assert aws_environment
    for each in (served.events, served.asked, served.faults):
        each.clear()
    served.now = NOON
    return served


@pytest.fixture
def opened(lookup: Lookup) -> Open:
    """Open the account's events as they are at the server's own time, in no hurry to wait."""

    def opened(regions: str = HOME, attempts: int = 1, **more: Any) -> LookupSource:
        found = open_lookup(f"lookup://{regions}", endpoint_url=lookup.endpoint, attempts=attempts)
        quick: dict[str, Any] = {"clock": lambda: lookup.now, "pace": timedelta(0), "since": NOON - timedelta(hours=3)}
        return LookupSource(found.clients, found.account, **quick | more)

    return opened


def call(at: datetime, event_id: str | None = None) -> dict[str, Any]:
    return record(eventTime=f"{at:%Y-%m-%dT%H:%M:%SZ}", eventID=event_id or f"at {at:%d %H:%M:%S}")


def ids(content: bytes) -> list[str]:
    return [each["eventID"] for each in json.loads(content)["Records"]]


def slice_at(start: datetime, after: timedelta = timedelta(minutes=20), region: str = HOME) -> str:
    return Slice(ACCOUNT, region, start, start + after).key


# --- slices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("look_back", "minutes"),
    [(0.25, [20]), (0.5, [20]), (0.75, [20, 45]), (1, [20, 60]), (2, [20, 60, 120]), (2.1, [20, 60, 120])],
)
def test_a_slice_is_asked_again_for_as_long_as_event_ids_remove_doubles(look_back: float, minutes: list[int]) -> None:
    assert askings(timedelta(hours=look_back)) == [each * MINUTE for each in minutes]


def test_a_slice_is_listed_once_as_it_is_to_be_asked_now(lookup: Lookup, opened: Open) -> None:
    lookup.now = NOON + 7 * MINUTE
    listed = {Slice.of(each.key).start: each.delivered for each in opened().list() if each.delivered}
    late = {start: (asked - start) / MINUTE for start, asked in listed.items()}
    assert min(late) == NOON - timedelta(hours=3)
    assert max(late) == NOON - 15 * MINUTE
    assert late == {
        start: 120 if start <= NOON - 120 * MINUTE else 60 if start <= NOON - 60 * MINUTE else 20 for start in late
    }


def test_what_was_to_be_asked_before_is_not_listed_again(opened: Open) -> None:
    found = opened().list(NOON - 30 * MINUTE)
    assert sorted(each.delivered for each in found if each.delivered) == [
        NOON - minutes * MINUTE for minutes in (30, 30, 25, 15, 15, 10, 0, 0)
    ]


def test_ninety_days_are_asked_and_no_more(lookup: Lookup, opened: Open) -> None:
    starts = [Slice.of(each.key).start for each in opened(since=None).list()]
    assert lookup.now - timedelta(days=90) < min(starts) < lookup.now - timedelta(days=89, hours=23)
    assert len(starts) == len(set(starts)) == 90 * 96 - 2


def test_bounds_of_a_run_are_those_of_what_is_asked(opened: Open) -> None:
    source = opened(since=NOON - 100 * MINUTE, until=NOON - 61 * MINUTE)
    starts = {(NOON - Slice.of(each.key).start) / MINUTE for each in source.list()}
    assert starts == {105, 90, 75}


@pytest.mark.parametrize("key", ["AWSLogs/a.json.gz", slice_at(NOON).replace("T1200Z", "T9900Z"), "lookup/x"])
def test_another_sources_key_is_none_of_its_own(opened: Open, key: str) -> None:
    with pytest.raises(SourceError, match=r"is no slice of LookupEvents: read it from the source it came from$"):
        opened().read(key)


def test_another_regions_slice_is_refused(opened: Open) -> None:
    with pytest.raises(SourceError, match=r"is of account 111122223333, eu-west-3: these credentials are of"):
        opened().read(slice_at(NOON, region="eu-west-3"))


# --- events -----------------------------------------------------------------------------------------------------------


def test_a_slice_holds_its_own_events_oldest_first(lookup: Lookup, opened: Open) -> None:
    for second in (-1, 0, 1, 899, 900):
        lookup.add(HOME, call(NOON - 30 * MINUTE + timedelta(seconds=second), str(second)))
    assert ids(opened().read(slice_at(NOON - 30 * MINUTE))) == ["0", "1", "899"]


def test_a_record_is_found_again_where_a_late_one_moved_it(lookup: Lookup, opened: Open) -> None:
    begin = NOON - 30 * MINUTE
    lookup.add(HOME, call(begin + MINUTE, "was first"))
    source, key = opened(), slice_at(begin)
    rows = parse([(key, source.read(key))]).events.select("event.id", "log.file.path", "log.offset")
    lookup.add(HOME, call(begin, "came late"))
    reader = Reader(source)
    reader.read(rows)
    assert [*reader.found] == ["was first"]
    assert reader.incomplete is None


def test_a_slice_is_read_to_its_last_page(lookup: Lookup, opened: Open) -> None:
    for second in range(120):
        lookup.add(HOME, call(NOON - 30 * MINUTE + timedelta(seconds=second), f"{second:03}"))
    assert ids(opened().read(slice_at(NOON - 30 * MINUTE))) == [f"{second:03}" for second in range(120)]
    assert [asked.get("NextToken") for _, asked in lookup.asked] == [None, "50", "100"]


def test_a_slice_whose_page_is_lost_is_begun_again(lookup: Lookup, opened: Open) -> None:
    for second in range(60):
        lookup.add(HOME, call(NOON - 30 * MINUTE + timedelta(seconds=second), f"{second:03}"))
    source = opened()
    lookup.faults += [(HOME, "InvalidNextTokenException")]
    assert len(ids(source.read(slice_at(NOON - 30 * MINUTE)))) == 60
    lookup.faults += [(HOME, "InvalidNextTokenException")] * 3
    with pytest.raises(SourceError, match=r"^cannot look up events in us-east-1: .*InvalidNextToken.*; run again"):
        source.read(slice_at(NOON - 30 * MINUTE))


def test_a_throttled_request_is_made_again(lookup: Lookup, opened: Open) -> None:
    lookup.add(HOME, call(NOON - 30 * MINUTE, "once"))
    lookup.faults += [(HOME, "ThrottlingException")]
    assert ids(opened(attempts=3).read(slice_at(NOON - 30 * MINUTE))) == ["once"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ThrottlingException", r"AWS has throttled it for too long: it allows two requests a second and region"),
        ("AccessDeniedException", r"access denied: grant cloudtrail:LookupEvents, or leave us-east-1 out"),
        ("UnrecognizedClientException", r"check the credentials, and that the region is enabled"),
        ("ExpiredTokenException", r"the credentials have expired"),
    ],
)
def test_a_region_that_cannot_be_asked_says_why(lookup: Lookup, opened: Open, code: str, said: str) -> None:
    lookup.faults += [(HOME, code)]
    with pytest.raises(SourceError, match=rf"^cannot look up events in us-east-1: .*{said}"):
        opened().read(slice_at(NOON - 30 * MINUTE))


def test_nothing_later_is_read_before_what_failed(lookup: Lookup, opened: Open) -> None:
    source = opened(f"{HOME},{OTHER}")
    keys = [slice_at(NOON - minutes * MINUTE, region=region) for minutes in (60, 45) for region in (OTHER, HOME)]
    lookup.faults += [(HOME, "AccessDeniedException")]
    found = dict(source.fetch(keys))
    assert [isinstance(found[key], bytes) for key in keys] == [True, False, False, False]
    assert {str(found[key]) for key in keys[1:]} == {str(found[keys[1]])}
    source.list()
    assert all(isinstance(content, bytes) for _, content in source.fetch(keys))


def test_a_region_is_asked_no_faster_than_it_allows(lookup: Lookup, opened: Open) -> None:
    import time  # noqa: PLC0415

    source, keys = opened(pace=timedelta(seconds=0.1)), [slice_at(NOON - 15 * n * MINUTE) for n in range(2, 8)]
    began = time.monotonic()
    assert len([*source.fetch(keys)]) == 6
    assert time.monotonic() - began >= 0.5
    assert len(lookup.asked) == 6


def test_a_damaged_record_costs_only_itself(lookup: Lookup, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = lookup.answer

    def damaged(region: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, said = answers(region, asked)
        said["Events"][0]["CloudTrailEvent"] = '{"cut'
        return status, said

    monkeypatch.setattr(lookup, "answer", damaged)
    lookup.add(HOME, call(NOON - 30 * MINUTE, "whole"))
    lookup.add(HOME, call(NOON - 29 * MINUTE, "cut"))
    records = json.loads(opened().read(slice_at(NOON - 30 * MINUTE)))["Records"]
    assert [each if isinstance(each, str) else each["eventID"] for each in records] == ["whole", '{"cut']


@pytest.mark.parametrize(("url", "expected"), [("lookup://", ()), ("lookup://a-b-1", None), ("lookup://x", None)])
def test_regions_are_named_in_the_url(url: str, expected: Sequence[str] | None) -> None:
    if expected is None:
        with pytest.raises(SettingsError, match=rf"^cannot read from {url}: name regions, as in lookup://us-east-1"):
            regions_of(url)
    else:
        assert regions_of(url) == expected
    assert regions_of("lookup://us-east-1,eu-west-1,us-gov-west-1") == ("us-east-1", "eu-west-1", "us-gov-west-1")


def test_without_a_region_the_one_that_is_set_and_that_of_global_services_are_asked(lookup: Lookup) -> None:
    assert [*open_lookup("lookup://", endpoint_url=lookup.endpoint, region=OTHER).clients] == [HOME, OTHER]


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trail(tmp_path_factory.mktemp("trail")).city_db


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    delays=st.lists(st.integers(0, 100), min_size=1, max_size=12),
    runs=st.lists(st.integers(1, 120), max_size=4),
)
def test_each_event_is_counted_once_however_late_it_comes_and_whenever_runs_are(
    lookup: Lookup, opened: Open, city_db: Path, tmp_path_factory: pytest.TempPathFactory, delays: Any, runs: Any
) -> None:
    lookup.events.clear()
    begin = NOON - 180 * MINUTE
    for number, delay in enumerate(delays):
        at = begin + 13 * number * MINUTE
        lookup.add((HOME, OTHER)[number % 2], call(at, f"event {number}"), known_from=at + delay * MINUTE)
    with Store.open(tmp_path_factory.mktemp("state")) as store:
        lookup.now = begin
        for minutes in (*runs, 300):
            lookup.now += minutes * MINUTE
            pipeline.run(store, opened(f"{HOME},{OTHER}", since=begin), Geo.open(city_db), Options(until=lookup.now))
        counted = sorted(store.scan("index").collect()["@timestamp"])
    assert counted == [begin + 13 * number * MINUTE for number in range(len(delays))]


def test_a_run_that_is_refused_goes_on_from_there(lookup: Lookup, opened: Open, city_db: Path, tmp_path: Path) -> None:
    for number in range(12):
        lookup.add(HOME, call(NOON - (175 - 13 * number) * MINUTE, f"event {number:02}"))
    lookup.now = NOON + 30 * MINUTE
    source = opened()
    lookup.faults += [(HOME, "ThrottlingException")]
    with Store.open(tmp_path) as store:
        with pytest.raises(SourceError, match="cannot look up events in us-east-1"):
            pipeline.run(store, source, Geo.open(city_db), Options(until=lookup.now))
        assert store.ledger().is_empty()
        pipeline.run(store, source, Geo.open(city_db), Options(until=lookup.now))
        counted = sorted(store.scan("index").collect()["@timestamp"])
    assert counted == [NOON - (175 - 13 * number) * MINUTE for number in range(12)]


def test_the_command_line_reads_it_and_then_goes_on(lookup: Lookup, city_db: Path, tmp_path: Path) -> None:
    lookup.now = datetime.now(UTC)
    lookup.add(HOME, call(lookup.now - 40 * MINUTE, "first"))
    lookup.add(HOME, call(lookup.now - 30 * MINUTE, "second"))
    options = ("--source", f"lookup://{HOME}", "--endpoint-url", lookup.endpoint)
    where = ("--city-db", str(city_db), "--state", str(tmp_path), "--json")
    since = f"{lookup.now - 60 * MINUTE:%Y-%m-%dT%H:%M:%SZ}"

    def said() -> Any:
        done = CliRunner().invoke(main, ["detect", *options, *where, "--since", since])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout.splitlines()[-1])

    first, again = said(), said()
    assert (first["events"], first["rejected"], again["events"]) == (2, {}, 0)


def test_hours_without_an_event_make_nothing_late(lookup: Lookup, opened: Open, city_db: Path, tmp_path: Path) -> None:
    lookup.add(HOME, call(NOON - 20 * MINUTE, "at last"))
    lookup.now = NOON + 30 * MINUTE
    with Store.open(tmp_path) as store:
        options = Options(until=lookup.now)
        pipeline.run(store, opened(since=NOON - timedelta(hours=30)), Geo.open(city_db), options)
        assert store.scan("presences").collect()["hour"].to_list() == [NOON - timedelta(hours=1)]
