"""Who belongs to the organisation: people with their habits, robots with their schedules, and where they all go.

The habits and oddities (`habits.py`) are what innocents share with thieves: they travel, change machines and jobs, use
a VPN, or a phone whose carrier is elsewhere.
"""

import math
from dataclasses import dataclass, replace
from itertools import cycle, islice
from random import Random

from prefect_cloudtrail.demo import commands
from prefect_cloudtrail.demo.chance import deal, running_weights, shuffled, stream, token
from prefect_cloudtrail.demo.commands import Command
from prefect_cloudtrail.demo.geography import BY_NAME, CITIES, COUNTRIES, City, far_from, hub, kilometres, neighbour
from prefect_cloudtrail.demo.habits import HABITS
from prefect_cloudtrail.demo.identities import Kind, Principal, iam_user, role_session
from prefect_cloudtrail.demo.organisation import Organisation

REGIONS = {
    "eu-central-1": "Frankfurt am Main",
    "us-east-1": "Ashburn",
    "us-west-2": "Boardman",
    "eu-west-1": "Dublin",
    "ap-south-1": "Mumbai",
}
JOBS = ("developer", "operations", "developer", "analyst", "administrator", "developer", "security", "finance")
# From when on a team goes through a VPN, as a share of the days.
ROLLOUT = 0.85
LEAST_TEAM = 5
# A trip this long takes its traveller a day there and a day back.
LONG_TRIP_KM = 1000
# A VPN's provider lets them out at one of its nearest sites.
VPN_SITES = 5
# A carrier's gateways, a hosting company's sites, an airline's ways out: so many cities.
GATEWAYS = 8
SITES = 4
WAYS_OUT = 2
OFF_SITE_DAYS = 4
# How many weeks a consultant stays.
STINT_WEEKS = (2, 7)
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account and where it works."""

    number: str
    region: str


@dataclass(frozen=True, slots=True)
class Skills:
    """The commands somebody uses, with running weights, most usual first."""

    commands: tuple[Command, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Trip:
    """Some days in another city; `lodging` names the one network they all use, where it is one."""

    first_day: int
    days: int
    city: City
    lodging: str = ""

    def covers(self, day: int) -> bool:
        """Whether that day is one of them."""
        return self.first_day <= day < self.first_day + self.days


@dataclass(frozen=True)
class Person:
    """One member: who, where, doing what, and what they do that looks odd. Days count from 0; None is never."""

    name: str
    job: str
    account: Account
    principal: Principal
    second: tuple[Account, Principal] | None
    city: City
    remote: bool
    skills: Skills
    later_skills: Skills
    agent: str
    later_agent: str
    habits: frozenset[str]
    trips: tuple[Trip, ...]
    exits: tuple[City, ...]
    joined: int
    leave: Trip | None
    laptop_day: int | None
    new_job_day: int | None
    busy: float = 1.0  # times the organisation's calls a sitting
    sittings: int | None = None  # a day, where they are not the organisation's
    stint: Trip | None = None  # on a hosting company's desktop
    move: Trip | None = None  # for good: to the last of the days
    sites: tuple[City, ...] = ()  # of the hosting company whose desktop is used now and then
    gateways: tuple[City, ...] = ()  # where the phone comes out; empty: at the carrier's hub
    ways_out: tuple[City, ...] = ()  # of the airline

    def trip_on(self, day: int) -> Trip | None:
        """Return the trip this person is on that day."""
        return next((trip for trip in self.trips if trip.covers(day)), None)

    def city_on(self, day: int) -> City:
        """Return where this person lives that day."""
        return self.move.city if self.move is not None and self.move.covers(day) else self.city

    def flies_on(self, day: int) -> bool:
        """Return whether this person is under way that day: on a long trip's first, and on the one after its last."""
        return any(
            day in {trip.first_day, trip.first_day + trip.days} and kilometres(trip.city, self.city) > LONG_TRIP_KM
            for trip in self.trips
        )

    @property
    def haunts(self) -> frozenset[City]:
        """Every city this person is ever seen in without the organisation's VPN."""
        away = {trip.city for trip in (*self.trips, self.stint) if trip is not None}
        homes = {self.city, *((self.move.city,) if self.move is not None else ())}
        near = {place for home in homes for place in (home, neighbour(home), hub(home))}
        return frozenset({*near, *away, *self.exits, *self.sites, *self.gateways, *self.ways_out})


@dataclass(frozen=True, slots=True)
class Robot:
    """One machine with a role; or, with `sites`, with an IAM user's key and in another of those cities every day."""

    name: str
    account: Account
    principal: Principal
    city: City
    skills: Skills
    agent: str
    sites: tuple[City, ...] = ()

    @property
    def haunts(self) -> frozenset[City]:
        """Every city this machine is ever seen in."""
        return frozenset(self.sites or {self.city})


@dataclass(frozen=True)
class Roster:
    """Everybody, and the cities: `unseen` are those nobody of the organisation is ever seen in or within 100 km of."""

    organisation: Organisation
    accounts: tuple[Account, ...]
    people: tuple[Person, ...]
    robots: tuple[Robot, ...]
    unseen: tuple[City, ...]
    egress: City
    vpn: City
    rollout_day: int
    team: frozenset[str]

    def haunts(self, person: Person) -> frozenset[City]:
        """Every city this person is ever seen in."""
        return person.haunts | {self.egress, *((self.vpn,) if person.name in self.team else ())}


def recruit(organisation: Organisation) -> Roster:
    """Return the organisation's people and machines, the same for the same organisation."""
    chance = stream(organisation.seed, "roster")
    accounts = tuple(_account(organisation.seed, number) for number in range(organisation.accounts))
    unseen, seen = _divide_world(organisation, chance)
    people = _people(organisation, accounts, seen)
    robots = tuple(_robot(organisation, accounts, number) for number in range(organisation.robots))
    robots += tuple(_runner(organisation, accounts, seen, number) for number in range(organisation.runners))
    first = [person.name for person in people if person.city.name == organisation.offices[0] and not person.remote]
    office = BY_NAME[organisation.offices[0]]
    abroad = far_from(seen, tuple(BY_NAME[name] for name in organisation.offices))
    nearest = sorted(abroad, key=lambda city: kilometres(city, office))[:VPN_SITES]
    return Roster(
        organisation=organisation,
        accounts=accounts,
        people=people,
        robots=robots,
        unseen=unseen,
        egress=BY_NAME[organisation.offices[-1]],
        vpn=chance.choice(nearest),
        rollout_day=int(organisation.days * ROLLOUT),
        team=frozenset(first[: max(LEAST_TEAM, len(first) // 2)]),
    )


def _account(seed: int, number: int) -> Account:
    region = list(REGIONS)[number % len(REGIONS)]
    return Account(token(1, "123456789", seed, "account", number) + token(11, "0123456789", seed, number), region)


def _divide_world(organisation: Organisation, chance: Random) -> tuple[tuple[City, ...], tuple[City, ...]]:
    """Return the cities nobody goes to, and those they live in and travel to, far from one another."""
    hubs = {hub(BY_NAME[name]) for name in organisation.offices}
    hubs |= {BY_NAME[country.hub] for country in COUNTRIES.values() if country.hub}
    fixed = {BY_NAME[name] for name in (*organisation.offices, *REGIONS.values())} | hubs
    candidates = far_from(CITIES, tuple(fixed))
    unseen = shuffled(chance, candidates)[: len(candidates) // 2]
    return unseen, far_from(CITIES, unseen)


def _people(organisation: Organisation, accounts: tuple[Account, ...], seen: tuple[City, ...]) -> tuple[Person, ...]:
    count = organisation.people
    chance = stream(organisation.seed, "people")
    jobs = shuffled(chance, tuple(islice(cycle(JOBS), count)))
    shares = {
        **HABITS,
        **dict(organisation.habits),
        "remote": organisation.remote_share,
        "iam": organisation.iam_share,
        "second account": organisation.second_account_share if len(accounts) > 1 else 0.0,
    }
    dealt = {habit: deal(chance, count, share) for habit, share in shares.items()}
    off_site = _off_site(organisation, seen)
    people = (
        _person(
            organisation,
            accounts,
            seen,
            number=number,
            job=job,
            habits=_all_habits(frozenset(habit for habit, numbers in dealt.items() if number in numbers)),
        )
        for number, job in enumerate(jobs)
    )
    return tuple(_with_oddities(organisation, seen, person, off_site) for person in people)


def _off_site(organisation: Organisation, seen: tuple[City, ...]) -> Trip:
    """Return where and when they all meet: in the judged days as often as not."""
    chance = stream(organisation.seed, "off-site")
    offices = tuple(BY_NAME[name] for name in organisation.offices)
    first_day = chance.randrange(organisation.days // 3, max(organisation.days // 3 + 1, organisation.days - 7))
    return Trip(first_day, OFF_SITE_DAYS, chance.choice(far_from(seen, offices) or seen), lodging="off-site")


def _with_oddities(organisation: Organisation, seen: tuple[City, ...], person: Person, off_site: Trip) -> Person:
    """Return the person with what is odd about them, each thing by a chance of its own."""
    chance = stream(organisation.seed, "oddities", person.name)
    odd = frozenset(name for name, share in organisation.oddities if chance.random() < share)
    days = range(organisation.days // 3, organisation.days)
    elsewhere = far_from(seen, (person.city,)) or seen
    first_day = chance.choice(days)
    home = person.city
    if {"on call", "onboards", "works on board"} & odd and not person.trips:
        person = replace(person, trips=_trips(chance, organisation.days, elsewhere))
    if "goes off-site" in odd:
        apart = tuple(trip for trip in person.trips if abs(trip.first_day - off_site.first_day) > 2 * OFF_SITE_DAYS)
        person = replace(person, trips=(*apart, off_site))
    if "consultant" in odd:
        stint = Trip(first_day, 7 * chance.randrange(*STINT_WEEKS), chance.choice(elsewhere), lodging=person.name)
        # Half of them come for it; the others were here before.
        person = replace(person, stint=stint, joined=first_day if chance.random() < HALF else person.joined)
    elif "relocates" in odd:
        person = replace(
            person,
            move=Trip(first_day, organisation.days + 1 - first_day, chance.choice(elsewhere)),
            trips=tuple(trip for trip in person.trips if trip.first_day + trip.days < first_day),
            laptop_day=first_day,
        )
    if organisation.activity_spread:
        busy = math.exp(chance.gauss(0, organisation.activity_spread))
        person = replace(person, busy=busy, sittings=chance.choice((1, organisation.sessions, organisation.sessions)))
    countries = {home.country, *((person.move.city.country,) if person.move else ())}
    gateways = tuple(city for city in seen if city.country in countries)
    return replace(
        person,
        habits=person.habits | odd,
        sites=tuple(chance.sample(seen, SITES)) if "hosted desktop" in odd else (),
        gateways=shuffled(chance, gateways)[:GATEWAYS] if organisation.wandering_carriers else (),
        ways_out=shuffled(stream(organisation.seed, "airline"), seen)[:WAYS_OUT] if "works on board" in odd else (),
    )


def _all_habits(dealt: frozenset[str]) -> frozenset[str]:
    """Return the habits with what they bring along: only who travels leaves a machine at home."""
    return dealt | {"travels"} if "machine at home" in dealt else dealt


def _person(
    organisation: Organisation,
    accounts: tuple[Account, ...],
    seen: tuple[City, ...],
    *,
    number: int,
    job: str,
    habits: frozenset[str],
) -> Person:
    chance = stream(organisation.seed, "person", number)
    name = f"{job}-{number:02}"
    account = accounts[number % len(accounts)]
    office = BY_NAME[organisation.offices[number % len(organisation.offices)]]
    city = chance.choice(seen) if "remote" in habits else office
    agents = (commands.BROWSER,) * 2 if job == "finance" else shuffled(chance, commands.LAPTOP_AGENTS)
    other_job = chance.choice([other for other in ("developer", "operations", "analyst") if other != job])
    # Nobody's key is worth stealing before there is a habit to miss: all that changes does so after the first third.
    days = range(organisation.days // 3, organisation.days)
    second = accounts[(number + 1) % len(accounts)]
    return Person(
        name=name,
        job=job,
        account=account,
        principal=_principal(account, name, job, habits),
        second=(second, _principal(second, name, job, frozenset())) if _has_second(habits) else None,
        city=city,
        remote="remote" in habits,
        skills=_skills(chance, commands.JOBS[job]),
        later_skills=_skills(chance, commands.JOBS[other_job]),
        agent=agents[0],
        later_agent=agents[1],
        habits=habits,
        trips=_trips(chance, organisation.days, far_from(seen, (city,))) if "travels" in habits else (),
        exits=tuple(chance.sample(seen, 3)) if "commercial vpn" in habits else (),
        joined=chance.choice(days) if "joins" in habits else 0,
        leave=Trip(chance.choice(days), chance.randrange(10, 40), city) if "leave" in habits else None,
        laptop_day=chance.choice(days) if "new laptop" in habits else None,
        new_job_day=chance.choice(days) if "new job" in habits else None,
    )


def _has_second(habits: frozenset[str]) -> bool:
    return "second account" in habits and "iam" not in habits


def _principal(account: Account, name: str, job: str, habits: frozenset[str]) -> Principal:
    if "iam" in habits:
        return iam_user(account.number, name)
    role = f"AWSReservedSSO_{job.title()}Access_{token(16, '0123456789abcdef', account.number, job)}"
    return role_session(Kind.SSO, account.number, role, f"{name}@example.com")


def _skills(chance: Random, known: tuple[Command, ...]) -> Skills:
    # A person uses most of a job's commands, each their own most.
    used = shuffled(chance, known)[: max(4, len(known) * 3 // 4)]
    return Skills(used, running_weights(len(used)))


def _trips(chance: Random, days: int, destinations: tuple[City, ...]) -> tuple[Trip, ...]:
    """Return about two trips a month, each in a stretch of days of its own, so that nobody is on two at once."""
    stretches = 1 + days // 30
    stretch = days // stretches
    trips = []
    for number in range(stretches):
        length = chance.randrange(3, 7)
        first_day = number * stretch + chance.randrange(1, max(2, stretch - length - 1))
        trips.append(Trip(first_day, length, chance.choice(destinations)))
    return tuple(trips)


def _robot(organisation: Organisation, accounts: tuple[Account, ...], number: int) -> Robot:
    chance = stream(organisation.seed, "robot", number)
    job = list(commands.ROBOT_JOBS)[number % len(commands.ROBOT_JOBS)]
    account = accounts[number % len(accounts)]
    name = f"{job}-{number:02}"
    kind = Kind.FUNCTION if number % 4 == 1 else Kind.INSTANCE
    session = name if kind == Kind.FUNCTION else f"i-0{token(16, '0123456789abcdef', organisation.seed, name)}"
    known = commands.ROBOT_JOBS[job]
    return Robot(
        name=name,
        account=account,
        principal=role_session(kind, account.number, f"{name}-role", session),
        city=BY_NAME[REGIONS[account.region]],
        skills=Skills(known, running_weights(len(known))),
        agent=chance.choice(commands.ROBOT_AGENTS),
    )


def _runner(organisation: Organisation, accounts: tuple[Account, ...], seen: tuple[City, ...], number: int) -> Robot:
    chance = stream(organisation.seed, "runner", number)
    account = accounts[number % len(accounts)]
    name = f"runner-{number:02}"
    known = commands.ROBOT_JOBS["deploy"]
    sites = tuple(chance.sample(seen, SITES))
    return Robot(
        name=name,
        account=account,
        principal=iam_user(account.number, name),
        city=sites[0],
        skills=Skills(known, running_weights(len(known))),
        agent=chance.choice(commands.ROBOT_AGENTS),
        sites=sites,
    )
