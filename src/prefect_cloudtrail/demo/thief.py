"""How credentials are stolen and used: one pure function a kind of theft.

To add a kind, write a function from a Scene to a Heist and name it in KINDS.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType

from prefect_cloudtrail.demo import commands
from prefect_cloudtrail.demo.addresses import Line
from prefect_cloudtrail.demo.commands import Command
from prefect_cloudtrail.demo.geography import City, far_from, kilometres
from prefect_cloudtrail.demo.identities import Credentials, Kind
from prefect_cloudtrail.demo.roster import Account, Person, Robot, Roster
from prefect_cloudtrail.demo.workday import Session, date_of, robot_credentials, sessions, skills_on
from prefect_cloudtrail.errors import SettingsError

FAR_KM = 1000
# A thief's pauses between two calls, in seconds.
IN_A_HURRY = (5.0, 60.0)
PATIENTLY = (2 * 3600.0, 5 * 3600.0)
# So that even the slowest fits into two days.
SLOW_CALLS = 8
COPIED_CALLS = 12
SESSION_HOURS = 4
# A theft ends this long before the last day does, so that most of its records are delivered by then.
MARGIN = timedelta(hours=1)


@dataclass(frozen=True)
class Scene:
    """What a thief finds: the organisation on a day, and who was robbed already."""

    roster: Roster
    day: int
    robbed: frozenset[str]
    chance: Random


@dataclass(frozen=True)
class Heist:
    """One theft as planned: whose credentials, from where, doing what, how fast. `denied` is a share of the calls."""

    victim: Person | Robot
    account: Account
    credentials: Credentials
    start: datetime
    city: City
    line: Line
    plan: str
    commands: tuple[Command, ...]
    agent: str
    denied: float = 0.25
    pause: tuple[float, float] = IN_A_HURRY


def far_new_city(scene: Scene) -> Heist:
    """Anybody's key, from a city far away that nobody of the organisation was ever in."""
    person, session = _victim(scene)
    return _heist(scene, person, session, _far_city(scene, person))


def hosting(scene: Scene) -> Heist:
    """The same, over a rented server."""
    return replace(far_new_city(scene), line=Line.HOSTING)


def own_commands(scene: Scene) -> Heist:
    """The same, calling only what the victim calls, with the victim's own user agent, and never denied."""
    person, session = _victim(scene)
    heist = _heist(scene, person, session, _far_city(scene, person))
    skills = skills_on(person, scene.day)
    copied = tuple(scene.chance.choices(skills.commands, cum_weights=skills.weights, k=COPIED_CALLS))
    return replace(heist, plan="own commands", commands=copied, agent=session.agent, denied=0.0)


def enumeration(scene: Scene) -> Heist:
    """The same, looking for what the key opens: most of it is denied."""
    return replace(far_new_city(scene), plan="reconnaissance", commands=commands.PLANS["reconnaissance"], denied=0.7)


def same_country(scene: Scene) -> Heist:
    """From a city nobody was ever in, in the victim's country; the nearest abroad where there is none."""
    person, session = _victim(scene)
    by_distance = sorted(scene.roster.unseen, key=lambda city: kilometres(city, person.city))
    return _heist(scene, person, session, min(by_distance, key=lambda city: city.country != person.city.country))


def office_city_of_colleague(scene: Scene) -> Heist:
    """From a city where colleagues sit and the victim never was."""
    person, session = _victim(scene)
    own = tuple(scene.roster.haunts(person))
    offices = tuple(dict.fromkeys(other.city for other in scene.roster.people if not other.remote))
    homes = tuple(dict.fromkeys(other.city for other in scene.roster.people))
    elsewhere = far_from(offices, own) or far_from(homes, own) or scene.roster.unseen
    return _heist(scene, person, session, scene.chance.choice(elsewhere))


def home_city(scene: Scene) -> Heist:
    """From the victim's own city, where no rule about cities can see it."""
    person, session = _victim(scene)
    return _heist(scene, person, session, person.city)


def slow(scene: Scene) -> Heist:
    """A long-lived key from a new city, a call every few hours."""
    person, session = _victim(scene, _has_access_key)
    heist = _heist(scene, person, session, scene.chance.choice(scene.roster.unseen))
    return replace(heist, commands=heist.commands[:SLOW_CALLS], pause=PATIENTLY)


def instance_credentials(scene: Scene) -> Heist:
    """A machine's role credentials, used outside AWS."""
    free = [robot for robot in scene.roster.robots if robot.name not in scene.robbed]
    robot = scene.chance.choice(free or scene.roster.robots)
    start = date_of(scene.roster, scene.day) + timedelta(hours=scene.chance.uniform(0, 22))
    return Heist(
        victim=robot,
        account=robot.account,
        credentials=robot_credentials(scene.roster, robot, start),
        start=start,
        city=scene.chance.choice(scene.roster.unseen),
        line=Line.STRANGER,
        plan="secrets",
        commands=commands.PLANS["secrets"],
        agent=scene.chance.choice(commands.THIEF_AGENTS),
    )


def stolen_key(scene: Scene) -> Heist:
    """The demo's: an IAM user's key over a rented server, while its owner goes on working in the office."""
    person, session = _victim(scene, lambda person, own: _has_access_key(person, own) and _stays_in(own))
    return replace(
        _heist(scene, person, session, _far_city(scene, person)),
        start=session.start + timedelta(minutes=4),
        line=Line.HOSTING,
        plan="foothold",
        commands=commands.PLANS["foothold"],
        agent=commands.THIEF_AGENTS[0],
    )


KINDS: MappingProxyType[str, Callable[[Scene], Heist]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            far_new_city,
            own_commands,
            office_city_of_colleague,
            hosting,
            instance_credentials,
            slow,
            same_country,
            enumeration,
            home_city,
            stolen_key,
        )
    }
)


def _far_city(scene: Scene, person: Person) -> City:
    """Return a city nobody was ever in, over 1,000 km from where the person lives where there is one."""
    far = far_from(scene.roster.unseen, (person.city,), FAR_KM)
    return scene.chance.choice(far or scene.roster.unseen)


def _has_access_key(person: Person, own: tuple[Session, ...]) -> bool:
    return person.principal.kind == Kind.IAM_USER and all(session.credentials.since is None for session in own)


def _stays_in(own: tuple[Session, ...]) -> bool:
    return len(own) > 1 and all(session.spot.line == Line.OFFICE for session in own)


def _victim(
    scene: Scene, fits: Callable[[Person, tuple[Session, ...]], bool] = lambda _person, _own: True
) -> tuple[Person, Session]:
    """Return somebody with a history who is at work, preferably one who fits, and a sitting of theirs.

    Where nobody fits that day, the days before it are tried; the last resort is anybody at work.
    """
    organisation = scene.roster.organisation
    latest = organisation.end - timedelta(hours=SESSION_HOURS) - 2 * MARGIN
    settled = [
        person
        for person in scene.roster.people
        if person.joined == 0 and person.job != "finance" and person.name not in scene.robbed
    ]
    for wanted in (fits, lambda _person, _own: True):
        for day in range(scene.day, -1, -1):
            working = [(person, sessions(scene.roster, person, day)) for person in settled or scene.roster.people]
            candidates = [
                (person, session)
                for person, own in working
                if own and wanted(person, own)
                for session in own
                if organisation.start <= session.start <= latest
            ]
            if candidates:
                return scene.chance.choice(candidates)
    raise SettingsError("cannot generate this organisation: nobody works on any of its days, so nobody can be robbed")


def _heist(scene: Scene, person: Person, session: Session, city: City) -> Heist:
    """Return the common theft: a plan of the thief's own, from a stranger's line, while the key is good."""
    chance = scene.chance
    hours = chance.uniform(0.2, SESSION_HOURS)
    start = session.start + timedelta(hours=hours)
    if session.credentials.since is None:
        start = session.start.replace(hour=0, minute=0, second=0) + timedelta(hours=chance.uniform(0, 22))
    plan = chance.choice([name for name in commands.PLANS if name != "foothold"])
    return Heist(
        victim=person,
        account=session.account,
        credentials=session.credentials,
        start=start,
        city=city,
        line=Line.STRANGER,
        plan=plan,
        commands=commands.PLANS[plan],
        agent=chance.choice((*commands.THIEF_AGENTS, session.agent)),
    )
