"""How credentials are stolen and used: one pure function a kind of theft.

To add a kind, write a function from a Scene to a Heist and name it in KINDS.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType

from prefect_cloudtrail.demo import commands
from prefect_cloudtrail.demo.addresses import Line, Spot
from prefect_cloudtrail.demo.commands import Command
from prefect_cloudtrail.demo.geography import City, far_from, hub, kilometres
from prefect_cloudtrail.demo.identities import Credentials, Kind
from prefect_cloudtrail.demo.organisation import Organisation
from prefect_cloudtrail.demo.replay import Replay
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
# How long a thief who comes back stays away.
AWAY = timedelta(days=3)
# How many days back somebody else's line is looked for.
LOOKS_BACK = 14
# From which share of IPv6 homes on a thief's home line is one of them, too.
MOSTLY = 0.5
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
    """One theft as planned: whose credentials, from where, doing what, how fast.

    Attributes:
        denied: a share of the calls.
        pause: between two calls, in seconds.
        spot: somebody else's line that the thief is on, where it is not one of the thief's own.
        rest: how long the thief stays away after the first half of the calls.
        replay: the real attack whose errors and times these are, where it is one.
    """

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
    spot: Spot | None = None
    rest: timedelta = timedelta()
    replay: Replay | None = None


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
    machines = [robot for robot in scene.roster.robots if robot.principal.kind != Kind.IAM_USER]
    free = [robot for robot in machines if robot.name not in scene.robbed]
    robot = scene.chance.choice(free or machines)
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


def colleagues_network(scene: Scene) -> Heist:
    """From a colleague's home or office, preferably in a city where the victim never was."""
    person, session = _victim(scene)
    spots = _spots_of_others(scene, person, (Line.HOME, Line.HOME6, Line.OFFICE))
    return _on_line_of(scene, person, session, spots)


def commercial_vpn(scene: Scene) -> Heist:
    """Through a commercial VPN, at an exit that colleagues use, too."""
    person, session = _victim(scene)
    return _on_line_of(scene, person, session, _spots_of_others(scene, person, (Line.EXIT,)))


def mobile_carrier(scene: Scene) -> Heist:
    """From a phone in another country: the address resolves to the carrier's hub, where colleagues may well be."""
    person, session = _victim(scene)
    cities = far_from(scene.roster.unseen, (person.city,), FAR_KM) or scene.roster.unseen
    hubs = tuple(dict.fromkeys(hub(city) for city in cities))
    elsewhere = far_from(hubs, tuple(scene.roster.haunts(person))) or hubs
    return replace(_heist(scene, person, session, scene.chance.choice(elsewhere)), line=Line.STRANGER_PHONE)


def session_hijack(scene: Scene) -> Heist:
    """A temporary key used from a new city within minutes, while its owner works on with it."""
    person, session = _victim(scene, lambda _, own: own[0].credentials.since is not None)
    heist = _heist(scene, person, session, scene.chance.choice(scene.roster.unseen))
    return replace(heist, start=session.start + timedelta(minutes=scene.chance.uniform(1, 6)))


def comes_back(scene: Scene) -> Heist:
    """A long-lived key from a new city: a look around, three quiet days, and then the rest."""
    early = replace(scene, day=max(0, min(scene.day, scene.roster.organisation.days - AWAY.days - 2)))
    person, session = _victim(early, _has_access_key)
    return replace(_heist(early, person, session, _far_city(early, person)), rest=AWAY)


def while_travelling(scene: Scene) -> Heist:
    """From a new city, while the owner is on a trip and their own calls come from an unusual place."""
    person, session = _victim(scene, lambda _, own: any(each.spot.line == Line.HOTEL for each in own))
    return _heist(scene, person, session, _far_city(scene, person))


def own_commands_slow(scene: Scene) -> Heist:
    """A long-lived key from a new city: only what the victim calls, with their user agent, a call every few hours."""
    person, session = _victim(scene, _has_access_key)
    heist = _heist(scene, person, session, scene.chance.choice(scene.roster.unseen))
    skills = skills_on(person, scene.day)
    copied = tuple(scene.chance.choices(skills.commands, cum_weights=skills.weights, k=SLOW_CALLS))
    return replace(heist, plan="own commands", commands=copied, agent=session.agent, denied=0.0, pause=PATIENTLY)


def replayed(scene: Scene, attack: Replay) -> Heist:
    """Anybody's key from a new city, doing what was done in a real attack, as fast and with the same errors."""
    person, session = _victim(scene)
    heist = _heist(scene, person, session, scene.chance.choice(scene.roster.unseen))
    return replace(heist, plan=attack.name, commands=tuple(step.command for step in attack.steps), replay=attack)


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
            colleagues_network,
            commercial_vpn,
            mobile_carrier,
            session_hijack,
            comes_back,
            while_travelling,
            own_commands_slow,
        )
    }
)


def _far_city(scene: Scene, person: Person) -> City:
    """Return a city nobody was ever in, over 1,000 km from where the person lives where there is one."""
    far = far_from(scene.roster.unseen, (person.city,), FAR_KM)
    return scene.chance.choice(far or scene.roster.unseen)


def _spots_of_others(scene: Scene, person: Person, lines: tuple[Line, ...]) -> list[Spot]:
    """Return where others lately were on such lines; in cities where the person never is, where there are such."""
    roster = scene.roster
    days = range(max(0, scene.day - LOOKS_BACK), scene.day)
    colleagues = [other for other in roster.people if other.name != person.name and "split tunnel" not in other.habits]
    spots = dict.fromkeys(
        session.spot
        for day in days
        for other in colleagues
        for session in sessions(roster, other, day)
        if session.spot.line in lines
    )
    strange = set(far_from(tuple({spot.city for spot in spots}), tuple(roster.haunts(person))))
    return [spot for spot in spots if spot.city in strange] or list(spots)


def _on_line_of(scene: Scene, person: Person, session: Session, spots: list[Spot]) -> Heist:
    """Return the common theft from one of these; over a rented server far away where there are none."""
    if not spots:
        return replace(_heist(scene, person, session, _far_city(scene, person)), line=Line.HOSTING)
    spot = scene.chance.choice(spots)
    return replace(_heist(scene, person, session, spot.city), line=spot.line, spot=spot)


def _has_access_key(person: Person, own: tuple[Session, ...]) -> bool:
    return person.principal.kind == Kind.IAM_USER and all(session.credentials.since is None for session in own)


def _stays_in(own: tuple[Session, ...]) -> bool:
    return len(own) > 1 and all(session.spot.line == Line.OFFICE for session in own)


def _victim(
    scene: Scene, fits: Callable[[Person, tuple[Session, ...]], bool] = lambda _person, _own: True
) -> tuple[Person, Session]:
    """Return somebody with a history who is at work, preferably one who fits, and a sitting of theirs.

    Where nobody fits that day, the days of thefts before and after it are tried, then those before all of them; the
    last resort is anybody at work.
    """
    organisation = scene.roster.organisation
    latest = organisation.end - timedelta(hours=SESSION_HOURS) - 2 * MARGIN
    settled = [
        person
        for person in scene.roster.people
        if person.joined == 0 and person.job != "finance" and person.name not in scene.robbed
    ]
    for wanted in (fits, lambda _person, _own: True):
        for day in _days_from(organisation, scene.day):
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


def _days_from(organisation: Organisation, day: int) -> tuple[int, ...]:
    """Return the days in the order they are tried in: that day, the other days of thefts, those before."""
    first = min(day, organisation.days - organisation.theft_days)
    return (*range(day, first - 1, -1), *range(day + 1, organisation.days), *range(first - 1, -1, -1))


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
        line=Line.STRANGER6 if dict(scene.roster.organisation.habits).get("ipv6", 0) > MOSTLY else Line.STRANGER,
        plan=plan,
        commands=commands.PLANS[plan],
        agent=chance.choice((*commands.THIEF_AGENTS, session.agent)),
    )
