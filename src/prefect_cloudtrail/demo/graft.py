"""Grafts the thefts in: which day each falls on, its calls, and what is known of it afterwards.

The innocents' records stay the same whatever is stolen.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from prefect_cloudtrail.demo import commands
from prefect_cloudtrail.demo.addresses import Spot
from prefect_cloudtrail.demo.chance import stream
from prefect_cloudtrail.demo.geography import NEAR_KM, far_from
from prefect_cloudtrail.demo.roster import Person, Roster
from prefect_cloudtrail.demo.thief import KINDS, MARGIN, Heist, Scene
from prefect_cloudtrail.demo.workday import Call
from prefect_cloudtrail.errors import SettingsError


@dataclass(frozen=True)
class Theft:
    """One theft as it happened: a row of incidents.ndjson, and the ids of its events.

    `detectable_by_city` is False where the thief sits within 50 km of a city the victim is seen in anyway.
    """

    incident: int
    kind: str
    plan: str
    account: str
    principal: str
    access_key: str
    city: str
    ip: str
    start: datetime
    third_event: datetime
    end: datetime
    detectable_by_city: bool
    event_ids: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Scheduled:
    """One theft with its calls in order."""

    incident: int
    kind: str
    heist: Heist
    calls: tuple[Call, ...]
    detectable: bool


def schedule(roster: Roster) -> tuple[Scheduled, ...]:
    """Return the organisation's thefts, spread over its last `theft_days`.

    Raises:
        SettingsError: a theft is of no known kind.
    """
    organisation = roster.organisation
    unknown = sorted(set(organisation.thefts) - set(KINDS))
    if unknown:
        raise SettingsError(f"no theft is called {', '.join(unknown)}: choose from {', '.join(KINDS)}")
    robbed: frozenset[str] = frozenset()
    planned = []
    for number, kind in enumerate(organisation.thefts):
        part = (number + 0.5) / len(organisation.thefts)
        day = organisation.days - organisation.theft_days + int(organisation.theft_days * part)
        heist = KINDS[kind](Scene(roster, day, robbed, stream(organisation.seed, "theft", number)))
        robbed |= {heist.victim.name}
        calls = _calls(roster, heist, number)
        planned.append(Scheduled(number, kind, heist, calls, _detectable(roster, heist)))
    return tuple(planned)


def happened(theft: Scheduled, ip: str, event_ids: Iterable[str]) -> Theft:
    """Return what the planned theft came to, once its events are logged from that address."""
    times = [call.time.replace(microsecond=0) for call in theft.calls]
    heist = theft.heist
    return Theft(
        incident=theft.incident,
        kind=theft.kind,
        plan=heist.plan,
        account=heist.account.number,
        principal=heist.credentials.principal.arn,
        access_key=heist.credentials.access_key,
        city=heist.city.name,
        ip=ip,
        start=times[0],
        third_event=times[min(2, len(times) - 1)],
        end=times[-1],
        detectable_by_city=theft.detectable,
        event_ids=tuple(event_ids),
    )


def _calls(roster: Roster, heist: Heist, number: int) -> tuple[Call, ...]:
    chance = stream(roster.organisation.seed, "theft", number, "calls")
    spot = Spot(heist.line, heist.city, f"thief {number}", 1 + chance.randrange(250))
    calls = []
    time = heist.start
    for command in heist.commands:
        denied = chance.random() < heist.denied and command != commands.WHO_AM_I
        error = "AccessDenied" if denied else None
        calls.append(Call(time, heist.account, command, heist.credentials, spot, heist.agent, error))
        time += timedelta(seconds=chance.uniform(*heist.pause))
    overrun = max(timedelta(), calls[-1].time - (roster.organisation.end - MARGIN))
    return tuple(replace(call, time=call.time - overrun) for call in calls)


def _detectable(roster: Roster, heist: Heist) -> bool:
    victim = heist.victim
    haunts = roster.haunts(victim) if isinstance(victim, Person) else {victim.city}
    return bool(far_from((heist.city,), tuple(haunts), NEAR_KM))
