"""What people enter counts from its moment on: days replayed with it say what the runs said that lived through them."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from organisations import EMIGRANT, emigrated, learn_until, robbed, run

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.feedback import Answer, PlannedWork, Scope, Suppression, TravelNotice, entry
from prefect_cloudtrail.pipeline import Outcome
from prefect_cloudtrail.store import Store

HOUR = timedelta(hours=1)
# The runs that end then fold the first judged days into what is usual.
FOLDING = (130, 134)
Answered = tuple[list[Incident], list[Outcome]]
Enter = Callable[[Store, datetime], object]


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


@pytest.fixture(scope="module")
def emigrant(organisation: Generated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emigrated(organisation, tmp_path_factory.mktemp("emigrant"))


@pytest.fixture(scope="module")
def silent(organisation: Generated, emigrant: Path, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """What is said where nobody enters anything."""
    return run(organisation, tmp_path_factory.mktemp("silent"), trail=emigrant)


def judges(person: str, answer: Answer) -> Enter:
    def enter(store: Store, at: datetime) -> None:
        found = [each for each in store.incidents() if each.person == person][-1]
        store.add_verdict(found.incident_id, answer, by="maria", why="asked", at=at)

    return enter


def enters(kind: type[Suppression | PlannedWork | TravelNotice], **scope: str) -> Enter:
    """Enter it for the days before and after."""

    def enter(store: Store, at: datetime) -> object:
        span = {"since": at - timedelta(days=5), "until": at + timedelta(days=7)}
        return store.add_entries(
            lambda effective: [entry(kind, Scope(**scope), **span, why="x", by="maria", effective_at=effective)], at
        )

    return enter


def ends_the_last(store: Store, at: datetime) -> None:
    store.end_entry(store.feedback().entries[-1].entry_id, by="bo", why="over", at=at)


def lived(
    organisation: Generated, trail: Path, state: Path, entered: dict[datetime, Enter], cuts: Sequence[datetime] = ()
) -> Answered:
    """Return what the runs said in whose midst people entered these."""

    def enter(store: Store, at: datetime) -> object:
        return entered[at](store, at) if at in entered else None

    return run(organisation, state, sorted({*cuts, *entered}), trail, enter)


def replayed(organisation: Generated, trail: Path, state: Path, of: Path) -> Answered:
    """Return what one run says of all days, told beforehand what was entered."""
    with Store.open(of) as before, Store.open(state) as store:
        store.take_over(before.feedback())
    return run(organisation, state, trail=trail)


def opened(silent: Answered, place: str) -> Incident:
    """Return the incident about this place, of somebody else's."""
    (found,) = [
        each
        for each in silent[0]
        if each.says_where and each.person != EMIGRANT and any(where.city == place for where in each.places)
    ]
    return found


def everything(silent: Answered, verdicts: dict[float, Answer]) -> dict[datetime, Enter]:
    """Return entries of each kind where they change what is said, or would if they counted sooner."""
    spot, trip, analyst, machine = (opened(silent, city) for city in ("Brno", "Calgary", "São Paulo", "Monterrey"))
    moved = next(each for each in silent[0] if each.says_where and each.person == EMIGRANT)
    known = enters(Suppression, principal=machine.principal, country="MX")
    return {
        **{moved.opened_at + hours * HOUR: judges(EMIGRANT, answer) for hours, answer in verdicts.items()},
        # Its last call from there was two days before.
        spot.opened_at + 50 * HOUR: enters(TravelNotice, person=spot.person, country="CZ"),
        trip.opened_at - 1.12 * HOUR: enters(TravelNotice, person=trip.person, country="CA"),
        analyst.opened_at + 4.4 * HOUR: enters(PlannedWork, person=analyst.person, command="ec2:*"),
        # Counts for none of its alerts, then for those of the second window alone.
        machine.opened_at - 9.03 * HOUR: known,
        machine.opened_at - 1.03 * HOUR: ends_the_last,
        machine.opened_at: known,
    }


@pytest.mark.parametrize(
    ("seed", "verdicts"),
    [
        (1, {6.6: Answer.EXPECTED}),
        (2, {6.6: Answer.COMPROMISED, 54.2: Answer.COMPROMISED}),
        (3, {6.6: Answer.EXPECTED, 9.1: Answer.COMPROMISED, 30.1: Answer.EXPECTED, 31.9: Answer.COMPROMISED}),
    ],
)
def test_days_replayed_with_what_was_entered_say_what_the_runs_said(
    organisation: Generated,
    emigrant: Path,
    silent: Answered,
    tmp_path: Path,
    seed: int,
    verdicts: dict[float, Answer],
) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    start = learn_until(organisation)
    cuts = [start + timedelta(hours=hour) for hour in (*(chance.uniform(0, 96) for _ in range(5)), *FOLDING)]
    incidents, outcomes = lived(organisation, emigrant, tmp_path / "lived", everything(silent, verdicts), cuts)
    again, (once,) = replayed(organisation, emigrant, tmp_path / "again", tmp_path / "lived")
    assert again == incidents
    assert once.summary.alerts == sum(each.summary.alerts for each in outcomes)
    assert once.summary.suppressed == sum(each.summary.suppressed for each in outcomes) > 0


def alerts_of(incidents: Sequence[Incident]) -> set[int]:
    """Return the hours in which the emigrant's calls were unusual for them, counted from the first."""
    mine = [alert for each in incidents if each.person == EMIGRANT for alert in each.alerts]
    first = min(alert.hour for alert in mine)
    return {int((alert.hour - first) / HOUR) for alert in mine if alert.rule == "unusual_city_for_principal"}


@pytest.mark.parametrize(
    ("answer", "hours"), [(None, range(49)), (Answer.EXPECTED, range(7)), (Answer.COMPROMISED, range(139))]
)
def test_a_verdict_says_when_a_place_becomes_usual(
    organisation: Generated, emigrant: Path, silent: Answered, tmp_path: Path, answer: Answer | None, hours: range
) -> None:
    opened_at = next(each for each in silent[0] if each.person == EMIGRANT).opened_at
    said_at = [opened_at + hours * HOUR for hours in ((6.1, 54.1) if answer is Answer.COMPROMISED else (6.1,))]
    entered = {at: judges(EMIGRANT, answer) for at in said_at} if answer else {}
    cuts = [learn_until(organisation) + timedelta(hours=hour) for hour in FOLDING]
    incidents, _ = lived(organisation, emigrant, tmp_path, entered, cuts)
    assert alerts_of(incidents) == set(hours)


def test_a_suppressed_incident_is_kept_counted_and_never_told(
    organisation: Generated, emigrant: Path, silent: Answered, tmp_path: Path
) -> None:
    machine = opened(silent, "Monterrey")
    entered = {machine.opened_at - HOUR: enters(Suppression, principal=machine.principal, country="MX")}
    incidents, outcomes = lived(organisation, emigrant, tmp_path, entered)
    (quiet,) = [each for each in incidents if each.incident_id == machine.incident_id]
    assert (quiet.status, len(quiet.alerts), quiet.risk) == ("suppressed", len(machine.alerts), machine.risk)
    assert sum(each.summary.suppressed for each in outcomes) == len(machine.alerts)
    with Store.open(tmp_path) as store:
        (suppression,) = store.feedback().entries
        told = {incident_id for incident_id, _ in store.to_tell()}
    assert {alert.suppressed_by for alert in quiet.alerts} == {suppression.entry_id}
    assert told == {each.incident_id for each in incidents if each.risk >= 0.2} - {machine.incident_id}


def test_a_suppression_of_one_network_hides_no_call_from_another(
    organisation: Generated, emigrant: Path, silent: Answered, tmp_path: Path
) -> None:
    machine = opened(silent, "Monterrey")
    elsewhere = enters(Suppression, principal=machine.principal, network="203.0.113.0/24")
    incidents, outcomes = lived(organisation, emigrant, tmp_path, {machine.opened_at - HOUR: elsewhere})
    assert incidents == silent[0]
    assert sum(each.summary.suppressed for each in outcomes) == 0


def test_a_travel_notice_lowers_the_risk_of_its_journey(
    organisation: Generated, emigrant: Path, silent: Answered, tmp_path: Path
) -> None:
    trip = opened(silent, "Calgary")
    notice = enters(TravelNotice, person=trip.person, country="CA")
    incidents, _ = lived(organisation, emigrant, tmp_path, {trip.opened_at - HOUR: notice})
    (again,) = [each for each in incidents if each.incident_id == trip.incident_id]
    assert "travel_notice" in {piece.name for piece in again.evidence if piece.counted}
    assert again.risk < trip.risk


def test_an_expected_incident_is_not_told_again(
    organisation: Generated, emigrant: Path, silent: Answered, tmp_path: Path
) -> None:
    spot = opened(silent, "Monterrey")
    quarters = [spot.opened_at + number * timedelta(minutes=15) for number in range(9)]

    def times_told(name: str, entered: dict[datetime, Enter]) -> int:
        lived(organisation, emigrant, tmp_path / name, entered, [*quarters, spot.closes_at])
        with Store.open(tmp_path / name) as store:
            return sum(incident_id == spot.incident_id for incident_id, _ in store.to_tell())

    assert times_told("silent", {}) > 1
    assert times_told("expected", {quarters[0]: judges(spot.person, Answer.EXPECTED)}) == 1
