import gzip
import json
import random
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import record
from organisations import Delivered, emigrated, learn_until, rewritten, robbed, run

from prefect_cloudtrail import arrivals, pipeline
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import FolderSource, LogObject
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.errors import LeaseHeldError, SourceError
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.pipeline import Options, Outcome
from prefect_cloudtrail.store import Change, Lease, Store


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


@pytest.fixture(scope="module")
def at_once(organisation: Generated, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Incident], list[Outcome]]:
    return run(organisation, tmp_path_factory.mktemp("at_once"))


def test_every_theft_is_found_within_an_hour_and_told(
    organisation: Generated, at_once: tuple[list[Incident], list[Outcome]]
) -> None:
    incidents, _ = at_once
    for theft in organisation.thefts:
        stands = [each for each in incidents if set(theft.event_ids) & {e for a in each.alerts for e in a.event_ids}]
        assert max(each.risk for each in stands) >= 0.2, theft.kind
        raised = min(alert.raised_at for each in stands for alert in each.alerts)
        assert raised <= theft.third_event + timedelta(hours=1), theft.kind


def test_every_record_is_accounted_for(organisation: Generated, at_once: tuple[list[Incident], list[Outcome]]) -> None:
    summary = at_once[1][0].summary
    assert (
        summary.events + summary.duplicates + sum(summary.rejected.values())
        == organisation.events + organisation.doubled
    )
    assert summary.objects == organisation.objects


def test_how_the_runs_are_cut_never_matters(
    organisation: Generated, at_once: tuple[list[Incident], list[Outcome]], tmp_path: Path
) -> None:
    chance = random.Random(3)  # noqa: S311 - not for secrets
    start = learn_until(organisation)
    every = [start + timedelta(minutes=15 * step) for step in range(96 * 4)]
    theft = organisation.thefts[0].start
    cuts = sorted({*chance.sample(every, 12), *(each for each in every if abs(each - theft) < timedelta(hours=1.5))})
    incidents, outcomes = run(organisation, tmp_path, cuts)
    assert incidents == at_once[0]
    assert sum(each.summary.events for each in outcomes) == at_once[1][0].summary.events
    assert sum(each.summary.alerts for each in outcomes) == at_once[1][0].summary.alerts


def test_a_cut_never_matters_to_what_was_held_back(organisation: Generated, tmp_path: Path) -> None:
    trail = emigrated(organisation, tmp_path)
    cut = learn_until(organisation) + timedelta(days=3, hours=16)
    assert run(organisation, tmp_path / "cut", [cut], trail)[0] == run(organisation, tmp_path / "whole", (), trail)[0]


def test_order_division_and_doubling_of_the_input_never_matter(
    organisation: Generated, at_once: tuple[list[Incident], list[Outcome]], tmp_path: Path
) -> None:
    trail = rewritten(organisation, tmp_path / "trail", seed=7)
    incidents, outcomes = run(organisation, tmp_path / "state", trail=trail / "AWSLogs")
    assert incidents == at_once[0]
    assert outcomes[0].summary.events == at_once[1][0].summary.events
    assert outcomes[0].summary.duplicates > at_once[1][0].summary.duplicates


def test_a_second_run_reads_nothing_and_raises_nothing(organisation: Generated, tmp_path: Path) -> None:
    run(organisation, tmp_path)
    incidents, outcomes = run(organisation, tmp_path)
    assert (outcomes[0].summary.objects, outcomes[0].summary.events, outcomes[0].incidents) == (0, 0, [])
    assert len(incidents) > 0


def test_what_is_new_or_grown_and_likely_is_marked_to_tell(organisation: Generated, tmp_path: Path) -> None:
    incidents, _ = run(organisation, tmp_path)
    with Store.open(tmp_path) as store:
        marked = store.to_tell()
    assert marked
    assert sorted(marked) == sorted((each.incident_id, each.revision) for each in incidents if each.risk >= 0.2)


def _one(folder: Path, name: str, *events: str, **fields: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    found = [record(eventTime=moment, eventID=f"{name}-{moment}", **fields) for moment in events]
    path = folder / f"{name}.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"Records": found}).encode()))
    return path


def _delivered(folder: Path, account: str, event: str) -> Path:
    """An object of one event, delivered five minutes after it."""
    moment = datetime.fromisoformat(event) + timedelta(minutes=5)
    return _one(folder, f"{account}_CloudTrail_us-east-1_{moment:%Y%m%dT%H%MZ}_x", event)


def _run(organisation: Generated, trail: Path, state: Path, **options: object) -> Outcome:
    geo = Geo.open(organisation.city_db, organisation.asn_db)
    chosen = replace(Options(until=organisation.end), **options)  # type: ignore[arg-type]
    with Store.open(state) as store:
        return pipeline.run(store, FolderSource(trail), geo, chosen)


def test_what_is_later_than_until_is_left_for_a_later_run(organisation: Generated, tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    _one(trail, "a", "2026-02-02T10:00:00Z", "2026-02-02T11:00:00Z")
    noon = organisation.end.replace(year=2026, month=2, day=2, hour=10, minute=30)
    first = _run(organisation, trail, tmp_path / "state", until=noon)
    second = _run(organisation, trail, tmp_path / "state", until=noon + timedelta(hours=1))
    third = _run(organisation, trail, tmp_path / "state", until=noon + timedelta(hours=2))
    assert [each.summary.events for each in (first, second, third)] == [1, 1, 0]
    assert sum(each.summary.duplicates for each in (first, second, third)) == 0


def test_what_is_before_since_is_passed_over(organisation: Generated, tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    _one(trail, "a", "2026-02-02T10:00:00Z", "2026-02-02T11:00:00Z")
    since = organisation.end.replace(year=2026, month=2, day=2, hour=10, minute=30)
    summary = _run(organisation, trail, tmp_path / "state", since=since).summary
    assert (summary.events, summary.passed_over) == (1, 1)


def test_a_call_recorded_in_two_trails_counts_once(organisation: Generated, tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    _one(trail, "caller", "2026-02-02T10:00:00Z", sharedEventID="shared", recipientAccountId="111122223333")
    _one(trail, "callee", "2026-02-02T10:00:00Z", sharedEventID="shared", recipientAccountId="444455556666")
    summary = _run(organisation, trail, tmp_path / "state").summary
    assert (summary.events, summary.duplicates) == (1, 1)


def test_a_copy_inside_the_look_back_is_a_double_in_a_later_run_too(organisation: Generated, tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    first = _one(trail, "111122223333_CloudTrail_eu-central-1_20260202T1015Z_a", "2026-02-02T10:11:12Z")
    _run(organisation, trail, tmp_path / "state")
    (trail / "111122223333_CloudTrail_eu-central-1_20260202T1045Z_b.json.gz").write_bytes(first.read_bytes())
    summary = _run(organisation, trail, tmp_path / "state").summary
    assert (summary.events, summary.duplicates) == (0, 1)


def test_a_record_later_than_the_look_back_is_judged_in_the_hour_it_came(
    organisation: Generated, tmp_path: Path
) -> None:
    trail = tmp_path / "trail"
    _one(trail, "111122223333_CloudTrail_eu-central-1_20260202T1515Z_a", "2026-02-02T10:11:12Z", "2026-02-02T15:01:00Z")
    _run(organisation, trail, tmp_path / "state")
    with Store.open(tmp_path / "state") as store:
        hours = store.scan("presences").collect()["hour"].unique().to_list()
    assert [hour.hour for hour in hours] == [15]


def test_one_bad_record_and_one_bad_object_cost_themselves(organisation: Generated, tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    _one(trail, "good", "2026-02-02T10:00:00Z", "2026-02-02T10:01:00Z")
    (trail / "half.json").write_text(json.dumps({"Records": [record(), None, record(eventTime="yesterday")]}))
    (trail / "bad.json.gz").write_bytes(b"no gzip")
    summary = _run(organisation, trail, tmp_path / "state").summary
    assert summary.events == 3
    assert summary.rejected == {"bad_event_time": 1, "bad_gzip": 1, "not_a_record": 1}


class Vanishing(FolderSource):
    """A folder of which objects can be listed, and some of them not fetched."""

    gone: tuple[str, ...] = ()

    def read(self, key: str) -> bytes:
        if any(key.startswith(name) for name in self.gone):
            raise SourceError(f"cannot read {key}")
        return super().read(key)


def test_an_object_that_cannot_be_fetched_is_tried_again(organisation: Generated, tmp_path: Path) -> None:
    _one(tmp_path / "trail", "a", "2026-02-02T10:00:00Z")
    _one(tmp_path / "trail", "b", "2026-02-02T10:00:00Z")
    geo, source = Geo.open(organisation.city_db, None), Vanishing(tmp_path / "trail")
    source.gone = ("b",)
    with Store.open(tmp_path / "state") as store:
        first = pipeline.run(store, source, geo, Options(until=organisation.end)).summary
        source.gone = ()
        second = pipeline.run(store, source, geo, Options(until=organisation.end)).summary
    assert (first.events, first.rejected, second.events) == (1, {"unreadable": 1}, 1)


def test_an_object_is_tried_until_it_can_be_fetched_however_long_that_takes(
    organisation: Generated, tmp_path: Path
) -> None:
    # given two accounts' objects, one of which nobody may read for a week
    for day in ("02", "03", "05", "09"):
        _delivered(tmp_path / "trail", "111122223333", f"2026-02-{day}T10:00:00Z")
    _delivered(tmp_path / "trail", "444455556666", "2026-02-02T10:00:00Z")
    geo, source = Geo.open(organisation.city_db, None), Vanishing(tmp_path / "trail")
    source.gone = ("444455556666",)
    with Store.open(tmp_path / "state") as store:
        # when runs go on, with one object to read at a time
        found = [
            pipeline.run(
                store, source, geo, Options(until=datetime(2026, 2, day, 11, tzinfo=UTC), chunk_bytes=1)
            ).summary
            for day in (2, 3, 5, 9)
        ]
        source.gone = ()
        last = pipeline.run(store, source, geo, Options(until=datetime(2026, 2, 9, 11, tzinfo=UTC))).summary
        left, noted = store.left_since(), store.rejected()
    # then each says what it could not read, which is noted once, and the last reads it
    assert [(each.events, each.rejected) for each in found] == [(1, {"unreadable": 1})] * 4
    assert (last.events, last.rejected, left) == (1, {}, None)
    assert noted["reason"].to_list() == ["unreadable"]


def test_an_object_that_is_there_no_longer_is_said_once_and_given_up(organisation: Generated, tmp_path: Path) -> None:
    _delivered(tmp_path / "trail", "111122223333", "2026-02-02T10:00:00Z")
    lost = _delivered(tmp_path / "trail", "444455556666", "2026-02-02T10:00:00Z")
    geo, source = Geo.open(organisation.city_db, None), Vanishing(tmp_path / "trail")
    source.gone = ("444455556666",)
    until = datetime(2026, 2, 2, 11, tzinfo=UTC)
    with Store.open(tmp_path / "state") as store:
        pipeline.run(store, source, geo, Options(until=until))
        before = store.left_since()
        lost.unlink()
        found = [pipeline.run(store, source, geo, Options(until=until)).summary.rejected for _ in range(2)]
        assert (before, found, store.left_since()) == (datetime(2026, 2, 2, 10, 5, tzinfo=UTC), [{"gone": 1}, {}], None)


def test_an_object_that_is_too_large_is_said_and_read_once_it_may_be(organisation: Generated, tmp_path: Path) -> None:
    _one(tmp_path / "trail", "a", "2026-02-02T10:00:00Z")
    geo, source, until = Geo.open(organisation.city_db, None), FolderSource(tmp_path / "trail"), organisation.end
    with Store.open(tmp_path / "state") as store:
        first = pipeline.run(store, source, geo, Options(until=until, max_object_bytes=100)).summary
        second = pipeline.run(store, source, geo, Options(until=until)).summary
        third = pipeline.run(store, source, geo, Options(until=until, max_object_bytes=100)).summary
    assert (first.events, first.rejected) == (0, {"too_large": 1})
    assert (second.events, third.objects) == (1, 0)


def test_a_source_that_went_away_does_not_look_empty(organisation: Generated, tmp_path: Path) -> None:
    _one(tmp_path / "trail", "a", "2026-02-02T10:00:00Z")
    geo, source = Geo.open(organisation.city_db, None), Vanishing(tmp_path / "trail")
    source.gone = ("a",)
    with Store.open(tmp_path / "state") as store, pytest.raises(SourceError, match="none of 1 log objects can be read"):
        pipeline.run(store, source, geo, Options(until=organisation.end))


def test_what_is_read_at_once_is_bounded_and_cut_between_windows() -> None:
    morning = datetime(2026, 2, 2, 10, 1, tzinfo=UTC)
    size = arrivals.CHUNK_BYTES // 4
    objects = [LogObject(f"{n:02}", size, morning + timedelta(minutes=5 * n)) for n in range(24)]
    chunks = list(arrivals.chunks(objects))
    assert [each.key for chunk in chunks for each in chunk] == [each.key for each in objects]
    # Windows of three objects: two windows are the first that fill a chunk.
    assert [len(chunk) for chunk in chunks] == [6, 6, 6, 6]


def test_two_detectors_at_once_do_not_both_work(organisation: Generated, tmp_path: Path) -> None:
    class Nested(Delivered):
        def list(self, since: datetime | None = None) -> list[LogObject]:  # noqa: ARG002 - a folder lists all
            with pytest.raises(LeaseHeldError, match="detect"):
                _run(organisation, organisation.root / "AWSLogs", tmp_path)
            return []

    with Store.open(tmp_path) as store:
        source = Nested(FolderSource(organisation.root))
        outcome = pipeline.run(store, source, Geo.open(organisation.city_db, None), Options(until=organisation.end))
    assert outcome.summary.objects == 0


def test_a_run_that_is_overtaken_between_two_chunks_keeps_the_first_and_says_so(
    organisation: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Overtaken(Store):
        """After its first commit it stands still for an hour; another takes the lease meanwhile."""

        def commit(self, change: Change, lease: Lease) -> None:
            super().commit(change, lease)
            overtaking.enter_context(self.lease("detect", "another", 1, datetime.now(UTC) + timedelta(hours=1)))

    trail = tmp_path / "trail"
    monkeypatch.setattr(arrivals, "CHUNK_BYTES", 1)
    for hour in ("10", "11"):
        name = f"111122223333_CloudTrail_eu-central-1_20260202T{hour}15Z_a"
        _one(trail, name, f"2026-02-02T{hour}:11:12Z")
    geo, options = Geo.open(organisation.city_db, None), Options(until=organisation.end)
    with Overtaken.open(tmp_path / "state") as store, ExitStack() as overtaking:
        with pytest.raises(LeaseHeldError, match=r"holds .* \(another does\): what it stored before stays"):
            pipeline.run(store, FolderSource(trail), geo, options)
        assert (len(store.runs()), store.ledger().height) == (1, 1)
    assert _run(organisation, trail, tmp_path / "state").summary.events == 1


def test_first_days_are_said_to_be_learning(organisation: Generated, tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    _one(trail, "a", "2026-02-02T10:00:00Z")
    first = _run(organisation, trail, tmp_path / "state").summary.learning
    assert first == ["111122223333 until 2026-02-09T00:00:00Z"]
    _one(trail, "b", "2026-02-09T10:00:00Z")
    assert _run(organisation, trail, tmp_path / "state").summary.learning == []
