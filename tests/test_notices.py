"""What people must hear beside incidents is noticed once, told once, and told again when it is over."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import log_file, record
from click.testing import CliRunner
from organisations import robbed
from store.case_builders import a_change, commit

from prefect_cloudtrail import pipeline
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.doctor.silence import look_at_silence
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.notices import Notice, NoticeKind, of_silence
from prefect_cloudtrail.silence import TRAIL, Deliveries
from prefect_cloudtrail.store import Store

ACCOUNT = "111122223333"
START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SINCE = START + 15 * DAY
ADVICE = "see that its trail is logging there; whether the account is closed or rests, its owner knows"


def steady(account: str = ACCOUNT, last: datetime = SINCE) -> Deliveries:
    return Deliveries(account, START, last)


def a_silence(account: str = ACCOUNT) -> Notice:
    [found] = of_silence([steady(account)], [], SINCE + 2 * HOUR, None)
    return found


# --- noticed once -----------------------------------------------------------------------------------------------------


def test_a_silence_is_noticed_once_and_again_when_it_is_over() -> None:
    begun = a_silence()
    assert begun.sentence == (
        "account 111122223333 delivered nothing for 2 h, since 2026-03-16 00:00 UTC; in the 28 days before it was "
        f"never silent for more than 30 min: {ADVICE}."
    )
    assert of_silence([steady()], [begun], SINCE + 3 * HOUR, None) == []
    [over] = of_silence([steady(last=SINCE + 3 * HOUR)], [begun], SINCE + 3 * HOUR, None)
    assert over.kind == NoticeKind.SILENCE_OVER
    assert over.sentence == (
        "account 111122223333 delivers again: it had been silent since 2026-03-16 00:00 UTC, for at most 3 h."
    )


def test_where_the_whole_trail_comes_back_no_account_is_told_of_at_once() -> None:
    whole = a_silence(TRAIL)
    known = [steady(TRAIL, SINCE + 5 * HOUR), steady(), steady("444455556666", SINCE + 5 * HOUR)]
    assert [each.kind for each in of_silence(known, [whole], SINCE + 5 * HOUR, None)] == [NoticeKind.SILENCE_OVER]


@pytest.mark.parametrize(("accounts", "messages"), [(3, 3), (4, 1), (100, 1)])
def test_many_accounts_at_once_are_one_message(accounts: int, messages: int) -> None:
    known = [steady(f"{number:012}") for number in range(accounts)]
    found = of_silence([*known, steady(TRAIL, SINCE + 2 * HOUR)], [], SINCE + 2 * HOUR, None)
    assert len(found) == accounts
    assert len([each for each in found if each.told_with is None]) == messages
    if accounts == 100:
        named = ", ".join(f"{number:012}" for number in range(1, 11))
        assert found[0].sentence.endswith(f" So it is with 99 other accounts: {named} and 89 more.")


# --- kept -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path / "state") as opened:
        yield opened


def end_run(store: Store, *notices: Notice) -> None:
    with store.lease("detect", "test", 5, datetime.now(UTC)) as lease:
        store.end_run(notices, SINCE, lease)


def test_deliveries_are_kept_as_they_are(store: Store) -> None:
    known = replace(steady(), gaps=((START, START + HOUR), (START + DAY, START + 2 * DAY)))
    commit(store, a_change(deliveries=[known, steady(TRAIL)]))
    assert store.notices.deliveries() == [steady(TRAIL), known]
    assert store.notices.deliveries([ACCOUNT]) == [known]


def test_a_notice_is_stored_once_and_is_over_once_its_end_is(store: Store) -> None:
    begun = a_silence()
    end_run(store, begun)
    end_run(store, begun)
    assert (store.notices.to_show(), store.notices.to_emit()) == ([begun], [begun])
    assert [each.notice for each in store.notices.to_post(START)] == [begun]
    assert store.notices.run_ended_at() == SINCE
    over = Notice("over", NoticeKind.SILENCE_OVER, ACCOUNT, "It is over.", SINCE + HOUR, SINCE + HOUR)
    end_run(store, over)
    assert store.notices.all(NoticeKind.SILENCE, going_on=True) == []
    assert store.notices.all(NoticeKind.SILENCE) == [replace(begun, ended_at=SINCE + HOUR)]
    assert store.notices.outage(START) is None


def test_an_outage_is_the_last_silence_of_the_whole_trail_that_is_over(store: Store) -> None:
    end_run(store, a_silence(TRAIL))
    assert store.notices.outage(START) is None
    end_run(store, Notice("over", NoticeKind.SILENCE_OVER, TRAIL, "It is over.", SINCE + HOUR, SINCE + HOUR))
    assert store.notices.outage(START) == (SINCE, SINCE + HOUR)
    assert store.notices.outage(SINCE + HOUR) is None


# --- doctor -----------------------------------------------------------------------------------------------------------


def test_doctor_says_what_is_silent_and_what_would_be_seen(store: Store) -> None:
    def said() -> list[tuple[str, str]]:
        return [(each.status, each.said) for each in look_at_silence(store, SINCE)]

    unnamed = "whether a trail falls silent is not seen: no log object that was read is named as CloudTrail names it"
    assert said() == [("warn", unnamed)]
    commit(store, a_change(deliveries=[Deliveries(ACCOUNT, SINCE, SINCE)]))
    assert said() == [("ok", "what is usual is not known yet: an account's silence is told from 2026-03-30 on")]
    commit(store, a_change(run_id="another", deliveries=[steady()]))
    assert said() == [("ok", "1 account watched, none is unusually silent")]
    stopped = Notice("s", NoticeKind.STOPPED, f"{ACCOUNT} org", "trail org was stopped.", SINCE, SINCE)
    end_run(store, a_silence(), a_silence(TRAIL), stopped)
    assert said() == [
        ("warn", "account 111122223333 delivered nothing since 2026-03-16 00:00 UTC"),
        ("warn", "the trail, all its accounts, delivered nothing since 2026-03-16 00:00 UTC"),
        ("warn", "trail org was stopped."),
    ]


# --- a run ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


def deliver(trail: Path, at: datetime, **fields: Any) -> None:
    """Have the account deliver one object with one record."""
    file = trail / f"{ACCOUNT}_CloudTrail_eu-central-1_{at:%Y%m%dT%H%MZ}_x.json.gz"
    when = f"{at - timedelta(minutes=6):%Y-%m-%dT%H:%M:%SZ}"
    trail.mkdir(exist_ok=True)
    file.write_bytes(gzip.compress(log_file(record(eventTime=when, eventID=f"e-{at:%d%H%M}", **fields))))


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    for hour in range(15 * 24 + 1):
        deliver(tmp_path / "trail", START + hour * HOUR)
    return tmp_path / "trail"


def detect(organisation: Generated, trail: Path, until: datetime) -> dict[str, Any]:
    given = ("--source", trail, "--city-db", organisation.city_db, "--state", trail.parent / "state")
    done = CliRunner().invoke(main, [str(each) for each in ("detect", *given, "--until", until.isoformat(), "--json")])
    assert done.exit_code == 0, done.output
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary


def test_detect_says_once_that_the_trail_fell_silent_and_once_that_it_is_back(
    organisation: Generated, trail: Path
) -> None:
    assert detect(organisation, trail, SINCE + 105 * timedelta(minutes=1))["notices"] == []
    found = detect(organisation, trail, SINCE + 106 * timedelta(minutes=1))
    [notice] = found["notices"]
    assert notice["sentence"].startswith(
        "the trail, all its accounts, delivered nothing for 1 h 46 min, since 2026-03-16 00:00 UTC; "
        "in the 28 days before it was never silent for more than 1 h: "
    )
    again = detect(organisation, trail, SINCE + 2 * HOUR)
    assert (again["notices"], again["silent"]) == ([], ["all accounts since 2026-03-16T00:00:00Z"])
    deliver(trail, SINCE + 3 * HOUR)
    back = detect(organisation, trail, SINCE + 3 * HOUR)
    assert [each["kind"] for each in back["notices"]] == ["silence_over"]
    assert back["silent"] == []


def test_a_run_killed_before_it_ended_leaves_its_notice_to_the_next(organisation: Generated, trail: Path) -> None:
    class KilledError(BaseException):
        """Nobody answers it."""

    class Killed(Store):
        def end_run(self, *given: object, **named: object) -> None:
            raise KilledError(given, named)

    geo, source, state = Geo.open(organisation.city_db), FolderSource(trail), trail.parent / "state"
    options = pipeline.Options(until=SINCE + 2 * HOUR)
    with Killed.open(state) as killed, pytest.raises(KilledError):
        pipeline.run(killed, source, geo, options)
    with Store.open(state) as store:
        assert store.notices.to_show() == []
        for _ in range(2):
            pipeline.run(store, source, geo, options)
        assert [each.kind for each in store.notices.to_show()] == [NoticeKind.SILENCE]


def test_detect_says_who_stopped_which_trail(organisation: Generated, trail: Path) -> None:
    stopped = {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}
    deliver(trail, SINCE + HOUR, **stopped, requestParameters={"name": "org"})
    [notice] = detect(organisation, trail, SINCE + HOUR)["notices"]
    assert notice["kind"] == "logging_stopped"
    assert notice["sentence"].startswith(
        "trail org of account 111122223333: arn:aws:iam::111122223333:user/alice stopped it: nothing is recorded by it "
        "since, with StopLogging in eu-central-1 at 2026-03-16 00:54:00 UTC from 198.51.100.7"
    )
    assert detect(organisation, trail, SINCE + HOUR + timedelta(minutes=15))["notices"] == []
    deliver(trail, SINCE + 3 * HOUR, **(stopped | {"eventName": "StartLogging"}), requestParameters={"name": "org"})
    kinds = [each["kind"] for each in detect(organisation, trail, SINCE + 3 * HOUR)["notices"]]
    assert kinds == ["logging_started_again"]


def test_a_state_of_before_takes_what_is_usual_from_its_ledger(organisation: Generated, trail: Path) -> None:
    detect(organisation, trail, SINCE)
    with Store.open(trail.parent / "state") as store:
        before = store.notices.deliveries()
        with store._database.writing() as connection:  # noqa: SLF001 - as a migrated state is
            connection.exec_driver_sql("DELETE FROM deliveries")
    deliver(trail, SINCE + HOUR)
    detect(organisation, trail, SINCE + HOUR)
    with Store.open(trail.parent / "state") as store:
        after = store.notices.deliveries()
    assert [(each.account, each.first) for each in after] == [(each.account, each.first) for each in before]
    assert [len(each.gaps) for each in after] == [len(each.gaps) + 1 for each in before]


def test_a_backfill_learns_what_is_usual_and_tells_nothing(organisation: Generated, trail: Path) -> None:
    options = pipeline.Options(until=SINCE + DAY, learn_until=pipeline.FOREVER)
    with Store.open(trail.parent / "state") as store:
        pipeline.run(store, FolderSource(trail), Geo.open(organisation.city_db), options)
        assert len(store.notices.deliveries()) == 2
        assert store.notices.to_show() == []
