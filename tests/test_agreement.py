"""backtest, detect from a folder and detect from S3 agree to the last digit, however the runs are cut."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import postgresql
import pytest
from click.testing import CliRunner
from organisations import learn_until, robbed

from bench.drills.s3_server import ENVIRONMENT, Server, serving
from prefect_cloudtrail import clients
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.settings import settings

# An object's records are up to a quarter of an hour old: some of the newest are left to the next run.
HELD_BACK = timedelta(minutes=7)
COUNTED = ("events", "duplicates", "placed", "passed_over", "alerts", "over_limit")


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


@pytest.fixture(scope="module")
def s3() -> Iterator[Server]:
    with serving() as server, pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[postgresql.Server]:
    with postgresql.server() as server:
        yield server


@dataclass(frozen=True)
class Answer:
    """What a state says after its last run: incidents whole, as rows for scripts, and all runs' counts."""

    incidents: list[Incident]
    rows: list[str]
    counts: dict[str, Any]


def cli(command: str, given: dict[str, str], **more: str) -> list[str]:
    """Return the rows that the command prints."""
    words = [word for name, value in (given | more).items() for word in (f"--{name.replace('_', '-')}", value)]
    ended = CliRunner().invoke(main, [command, "--json", *words])
    assert ended.exit_code == 0, ended.output
    return ended.stdout.splitlines()


def answer(given: dict[str, str], summaries: Sequence[str]) -> Answer:
    """Return what is stored, and what the runs counted together."""
    told = [json.loads(each) for each in summaries]
    with clients.existing_store(settings(**given)) as store:
        incidents = store.incidents()
    of_state = {name: value for name, value in given.items() if name in {"state", "database", "endpoint_url"}}
    counts = {name: sum(each[name] for each in told) for name in COUNTED}
    return Answer(incidents, cli("incidents", of_state), counts)


@pytest.fixture(scope="module")
def backtested(organisation: Generated, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """A backtest of the whole folder, in one run."""
    given = given_by(organisation, organisation.root, tmp_path_factory.mktemp("backtest"))
    bounds = {"learn_until": learn_until(organisation).isoformat(), "until": end(organisation).isoformat()}
    answered = answer(given, cli("backtest", given, **bounds)[-1:])
    evidence = {piece.name for incident in answered.incidents for piece in incident.evidence}
    assert len(answered.incidents) > 3  # or there were nothing to agree about
    assert len(evidence) > 5
    return answered


def given_by(organisation: Generated, source: Path | str, state: Path | str) -> dict[str, str]:
    given = {"source": source, "city_db": organisation.city_db, "asn_db": organisation.asn_db, "state": state}
    return {name: str(value) for name, value in given.items()}


def end(organisation: Generated) -> datetime:
    """By then everything was delivered."""
    return organisation.end + timedelta(days=1)


def in_one(_: Generated) -> list[datetime]:
    return []


def in_several(organisation: Generated) -> list[datetime]:
    """In the middle of a night, of a theft, and a window later; and in two days that are judged."""
    theft = organisation.thefts[0].start
    days = [learn_until(organisation) + timedelta(days=number, hours=3) for number in range(2)]
    return sorted([*days, theft, theft + timedelta(minutes=15), theft + timedelta(hours=1)])


CUTS = (in_one, in_several)
Cut = Callable[[Generated], list[datetime]]


def detected(
    organisation: Generated, given: dict[str, str], cut: Cut, deliver: Callable[[datetime | None], None]
) -> Answer:
    """Return what backfill and detect answer, each run when so much was delivered.

    Args:
        organisation: whose trail it is.
        given: the command line's options.
        cut: when detect is run before all is delivered.
        deliver: puts into the source what was delivered by then, None is all.
    """
    learned = learn_until(organisation)
    deliver(learned)
    summaries = cli("backfill", given, until=learned.isoformat())
    for moment in cut(organisation):
        deliver(moment)
        summaries.append(cli("detect", given, until=(moment - HELD_BACK).isoformat())[-1])
    deliver(None)
    summaries.append(cli("detect", given, until=end(organisation).isoformat())[-1])
    return answer(given, summaries)


def delivered(organisation: Generated, until: datetime | None) -> list[str]:
    found = FolderSource(organisation.root).list()
    return [each.key for each in found if until is None or (each.delivered and each.delivered <= until)]


def into_folder(organisation: Generated, folder: Path) -> Callable[[datetime | None], None]:
    def deliver(until: datetime | None) -> None:
        for key in delivered(organisation, until):
            if not (folder / key).exists():
                (folder / key).parent.mkdir(parents=True, exist_ok=True)
                os.link(organisation.root / key, folder / key)

    return deliver


def into_bucket(organisation: Generated, server: Server, bucket: str) -> Callable[[datetime | None], None]:
    server.create(bucket)
    there: set[str] = set()

    def deliver(until: datetime | None) -> None:
        new = set(delivered(organisation, until)) - there
        server.put(bucket, {f"logs/{key}": (organisation.root / key).read_bytes() for key in new})
        there.update(new)

    return deliver


@pytest.mark.parametrize("cut", CUTS)
def test_detect_from_a_folder_agrees_with_a_backtest(
    organisation: Generated, backtested: Answer, cut: Cut, tmp_path: Path
) -> None:
    given = given_by(organisation, tmp_path / "trail", tmp_path / "state")
    assert detected(organisation, given, cut, into_folder(organisation, tmp_path / "trail")) == backtested


@pytest.mark.parametrize("cut", CUTS)
def test_detect_from_s3_agrees_with_a_backtest_from_a_folder(
    organisation: Generated, backtested: Answer, cut: Cut, s3: Server, tmp_path: Path
) -> None:
    bucket = f"trail-{cut.__name__.replace('_', '-')}"
    given = given_by(organisation, f"s3://{bucket}/logs", tmp_path) | {"endpoint_url": s3.endpoint}
    assert detected(organisation, given, cut, into_bucket(organisation, s3, bucket)) == backtested
    assert s3.listings()


def test_detect_with_everything_in_s3_and_postgresql_agrees_with_a_backtest_in_a_folder(
    organisation: Generated, backtested: Answer, s3: Server, postgres: postgresql.Server
) -> None:
    s3.create("state-of-agreement")
    given = given_by(organisation, "s3://trail-and-state/logs", "s3://state-of-agreement/cloudtrail") | {
        "endpoint_url": s3.endpoint
    }
    with postgres.database() as url:
        given["database"] = url
        assert detected(organisation, given, in_several, into_bucket(organisation, s3, "trail-and-state")) == backtested
