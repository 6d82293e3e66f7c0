"""Grafts the thefts in: which day each falls on, its calls, and what is known of it afterwards.

The innocents' records stay the same whatever is stolen.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from prefect_cloudtrail.demo import commands
from prefect_cloudtrail.demo.addresses import Spot, address_plan
from prefect_cloudtrail.demo.chance import stream
from prefect_cloudtrail.demo.geography import NEAR_KM, far_from
from prefect_cloudtrail.demo.replay import Replay
from prefect_cloudtrail.demo.roster import Person, Roster
from prefect_cloudtrail.demo.thief import KINDS, MARGIN, Heist, Scene, replayed
from prefect_cloudtrail.demo.workday import Call
from prefect_cloudtrail.errors import SettingsError

REPLAYED = "replayed"


@dataclass(frozen=True)
class Theft:
    """One theft as it happened: a row of incidents.ndjson, and the ids of its events.

    `kind` is one of `thief.KINDS`, or "replayed" with the real attack's name as its plan. `detectable_by_city` is False
    where the thief's address resolves to within 50 km of a city the victim is seen in anyway, or, where it resolves to
    a country alone, to a country the victim is seen in.
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
    """Return the organisation's thefts and replays, spread over its last `theft_days`.

    Raises:
        SettingsError: a theft is of no known kind.
    """
    organisation = roster.organisation
    unknown = sorted(set(organisation.thefts) - set(KINDS))
    if unknown:
        raise SettingsError(f"no theft is called {', '.join(unknown)}: choose from {', '.join(KINDS)}")
    robbed: frozenset[str] = frozenset()
    planned = []
    wanted: tuple[str | Replay, ...] = (*organisation.thefts, *organisation.replays)
    for number, kind in enumerate(wanted):
        part = (number + 0.5) / len(wanted)
        day = organisation.days - organisation.theft_days + int(organisation.theft_days * part)
        scene = Scene(roster, day, robbed, stream(organisation.seed, "theft", number))
        heist = replayed(scene, kind) if isinstance(kind, Replay) else KINDS[kind](scene)
        robbed |= {heist.victim.name}
        calls = _calls(roster, heist, number)
        name = REPLAYED if isinstance(kind, Replay) else kind
        planned.append(Scheduled(number, name, heist, calls, _detectable(roster, heist, calls)))
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
    spot = heist.spot or Spot(heist.line, heist.city, f"thief {number}", 1 + chance.randrange(250))
    template = Call(heist.start, heist.account, commands.WHO_AM_I, heist.credentials, spot, heist.agent)
    calls = _as_recorded(heist.replay, template) if heist.replay else _as_planned(heist, template, chance)
    overrun = max(timedelta(), calls[-1].time - (roster.organisation.end - MARGIN))
    return tuple(replace(call, time=call.time - overrun) for call in calls)


def _as_recorded(attack: Replay, template: Call) -> list[Call]:
    return [
        replace(template, time=template.time + timedelta(seconds=step.after), command=step.command, error=step.error)
        for step in attack.steps
    ]


def _as_planned(heist: Heist, template: Call, chance: Random) -> list[Call]:
    calls = []
    time = heist.start
    for number, command in enumerate(heist.commands):
        if number == len(heist.commands) // 2:
            time += heist.rest
        denied = chance.random() < heist.denied and command != commands.WHO_AM_I
        error = "AccessDenied" if denied else None
        calls.append(replace(template, time=time, command=command, error=error))
        time += timedelta(seconds=chance.uniform(*heist.pause))
    return calls


def _detectable(roster: Roster, heist: Heist, calls: tuple[Call, ...]) -> bool:
    victim, spot = heist.victim, calls[0].spot
    haunts = roster.haunts(victim) if isinstance(victim, Person) else victim.haunts
    city = address_plan(roster.organisation).resolved(spot) if spot is not None else None
    if city is None:
        return heist.city.country not in {haunt.country for haunt in haunts}
    return bool(far_from((city,), tuple(haunts), NEAR_KM))
