"""What people and machines do on a day: pure functions of the roster and the day."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from prefect_cloudtrail.demo import commands
from prefect_cloudtrail.demo.addresses import Line, Spot
from prefect_cloudtrail.demo.chance import running_weights, stream
from prefect_cloudtrail.demo.commands import Command
from prefect_cloudtrail.demo.geography import City, neighbour
from prefect_cloudtrail.demo.identities import Credentials, Kind, Principal, iam_user, long_term, temporary
from prefect_cloudtrail.demo.roster import Account, Person, Robot, Roster, Skills

SATURDAY = 5
# How often things happen, 0 to 1: read as one table, tuned as one.
OFF_SICK = 0.07
WEEKEND_WORK = 0.06
IN_THE_OFFICE = 0.7
NO_CITY = 0.03
AT_THE_NEIGHBOURS = 0.02
THROUGH_COMMERCIAL_VPN = 0.08
BESIDE_THE_TUNNEL = 0.4
IN_SECOND_ACCOUNT = 0.15
UPDATE = 0.02
ON_THE_HOSTED_DESKTOP = 0.3
ON_CALL_AT_NIGHT = 0.3  # of a trip's days, for who is on call
DENIED_ON_CALL = 0.7
ONBOARDING_ABROAD = 0.25
ON_A_BAD_DAY = 0.06
A_BUILD = 0.35  # of a runner's hours
BY_A_SERVICE = 0.01
USUAL_ERRORS = 0.012
ERRORS_WHILE_NEW = 0.3
ROBOT_ERRORS = 0.004
ERRORS = ("AccessDenied", "ThrottlingException", "ResourceNotFoundException")
# How long somebody new to an organisation or a job runs into denials, and how long a role's credentials last.
NEW_DAYS = 3
ROLE_HOURS = 6
# A provider gives a home another network after so many days, where it does.
LEASE_DAYS = 3
# On these days of the first month somebody sees whether the emergency user's key still opens anything.
DRILL_DAYS = (2,)
BUILD_HOURS = range(7, 20)
# A hosting company has so many networks in each of its cities.
POOLS = 6


@dataclass(frozen=True, slots=True)
class Call:
    """One API call to be logged. `service` is the AWS service that made it for the caller; alone where it has none."""

    time: datetime
    account: Account
    command: Command
    credentials: Credentials | None
    spot: Spot | None
    agent: str
    error: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One sitting: from when, with which key, where; doing what, where it is not what this person does anyway."""

    start: datetime
    account: Account
    credentials: Credentials
    spot: Spot
    agent: str
    errors: float
    error_codes: tuple[str, ...] = ERRORS
    skills: Skills | None = None


def date_of(roster: Roster, day: int) -> datetime:
    """Return the midnight UTC that this day begins with."""
    return roster.organisation.start + timedelta(days=day)


def skills_on(person: Person, day: int) -> Skills:
    """Return the commands this person uses that day."""
    return person.skills if person.new_job_day is None or day < person.new_job_day else person.later_skills


def agent_on(roster: Roster, person: Person, day: int) -> str:
    """Return the user agent of this person's machine that day, updated now and then."""
    agent = person.agent if person.laptop_day is None or day < person.laptop_day else person.later_agent
    if "updates" not in person.habits or not agent.startswith(("aws-cli", "Boto3")):
        return agent
    family, _, rest = agent.partition("/")
    version, _, details = rest.partition(" ")
    major = version.split(".", 1)[0]
    released = int(day * UPDATE + stream(roster.organisation.seed, "update", person.name).random() * 3)
    return f"{family}/{major}.{30 + released}.0 {details}"


def sessions(roster: Roster, person: Person, day: int) -> tuple[Session, ...]:
    """Return this person's sittings of the day, in the order they were planned; none on a day off."""
    chance = stream(roster.organisation.seed, "day", person.name, day)
    if not _works(roster, person, day, chance):
        return ()
    in_the_office = chance.random() < IN_THE_OFFICE
    count = person.sittings or roster.organisation.sessions
    spots = [_spot(roster, person, day, chance, in_the_office=in_the_office) for _ in range(count)]
    if "machine at home" in person.habits and person.trip_on(day) is not None:
        spots.append(_home(person, day))
    usual = tuple(
        _session(roster, person, day, chance, spot=spot, afternoon=number % 2 == 1) for number, spot in enumerate(spots)
    )
    return usual + _abroad(roster, person, day, usual[0])


def _abroad(roster: Roster, person: Person, day: int, first: Session) -> tuple[Session, ...]:
    """Return the sittings that a day on a trip brings with it: called at night, or somebody new to be given access."""
    chance = stream(roster.organisation.seed, "abroad", person.name, day)
    if person.trip_on(day) is None:
        return ()
    extra = []
    if "on call" in person.habits and chance.random() < ON_CALL_AT_NIGHT:
        called = replace(first, errors=DENIED_ON_CALL, error_codes=("AccessDenied",), skills=_evenly(commands.ON_CALL))
        extra.append(_later(roster, called, hours=chance.uniform(6, 12)))
    if "onboards" in person.habits and chance.random() < ONBOARDING_ABROAD:
        extra.append(_later(roster, replace(first, skills=_evenly(commands.ONBOARDING)), hours=chance.uniform(1, 5)))
    return tuple(extra)


def _later(roster: Roster, session: Session, *, hours: float) -> Session:
    """Return the sitting so many hours later, with the key it then has."""
    start = (session.start + timedelta(hours=hours)).replace(microsecond=0)
    principal, console = session.credentials.principal, session.credentials.since is not None
    return replace(session, start=start, credentials=_credentials(roster, principal, start, console=console))


def _evenly(known: tuple[Command, ...]) -> Skills:
    return Skills(known, tuple(float(number) for number in range(1, len(known) + 1)))


def person_calls(roster: Roster, person: Person, day: int) -> Iterator[Call]:
    """Yield what this person calls that day."""
    for number, session in enumerate(sessions(roster, person, day)):
        chance = stream(roster.organisation.seed, "calls", person.name, day, number)
        yield from _session_calls(roster, person, session, session.skills or skills_on(person, day), chance)


def robot_credentials(roster: Roster, robot: Robot, time: datetime) -> Credentials:
    """Return the credentials the robot holds at this time: its role's, or its IAM user's key."""
    if robot.principal.kind == Kind.IAM_USER:
        return long_term(robot.principal, roster.organisation.seed)
    since = time.replace(hour=time.hour // ROLE_HOURS * ROLE_HOURS, minute=0, second=0, microsecond=0)
    return temporary(robot.principal, roster.organisation.seed, since)


def robot_calls(roster: Roster, robot: Robot, day: int) -> Iterator[Call]:
    """Yield what this robot calls that day: its rounds, its weekly report, and whoever borrows its role."""
    organisation = roster.organisation
    chance = stream(organisation.seed, "robot", robot.name, day)
    for round_ in range(24 * organisation.visits):
        # Schedules start together, at five past: as cron's do, and so that they share log objects.
        time = date_of(roster, day) + timedelta(minutes=5 + round_ * 60 / organisation.visits)
        if robot.sites and (time.hour not in BUILD_HOURS or chance.random() > A_BUILD):
            continue
        if not robot.sites and time.hour % ROLE_HOURS == 0 and round_ % organisation.visits == 0:
            yield _role_renewal(robot, time - timedelta(minutes=4))
        yield from _round(roster, robot, time, chance, robot.skills)
    if date_of(roster, day).weekday() == 0:
        weekly = Skills(commands.WEEKLY, running_weights(len(commands.WEEKLY)))
        yield from _round(roster, robot, date_of(roster, day) + timedelta(hours=3, minutes=7), chance, weekly)
    if chance.random() < organisation.borrowed_share:
        yield from _borrowed(roster, robot, day, chance)


def housekeeping(roster: Roster, day: int) -> Iterator[Call]:
    """Yield what is done on the first of a month, by the first person on the roster, and in an emergency."""
    if roster.organisation.emergencies:
        yield from _emergency(roster, day)
    if date_of(roster, day).day != 1:
        return
    person = roster.people[0]
    time = date_of(roster, day) + timedelta(hours=10 - person.city.utc_offset)
    credentials = _credentials(roster, person.principal, time, console=False)
    for minute, command in enumerate(commands.MONTHLY):
        spot, agent = _home(person, day), person.agent
        yield Call(time + timedelta(minutes=minute), person.account, command, credentials, spot, agent)


def _emergency(roster: Roster, day: int) -> Iterator[Call]:
    """Yield what somebody does with the IAM user kept for emergencies, from where they sit that day."""
    chance = stream(roster.organisation.seed, "emergency", day)
    person, account = chance.choice(roster.people), chance.choice(roster.accounts)
    own = sessions(roster, person, day)
    if not own or (day not in DRILL_DAYS and chance.random() >= roster.organisation.emergencies):
        return
    credentials = long_term(iam_user(account.number, "emergency"), roster.organisation.seed)
    time = own[0].start + timedelta(minutes=chance.uniform(30, 300))
    for _ in range(chance.randrange(4, 15)):
        time += timedelta(seconds=1 + chance.expovariate(1 / 40))
        yield Call(time, account, chance.choice(commands.EMERGENCY), credentials, own[0].spot, own[0].agent)


def _works(roster: Roster, person: Person, day: int, chance: Random) -> bool:
    away = person.leave is not None and person.leave.first_day <= day < person.leave.first_day + person.leave.days
    weekend = date_of(roster, day).weekday() >= SATURDAY
    attends = chance.random() < WEEKEND_WORK if weekend else chance.random() >= OFF_SICK
    in_the_air = person.flies_on(day) and not person.ways_out
    return attends and day >= person.joined and not away and not in_the_air


def _home(person: Person, day: int) -> Spot:
    line = Line.HOME6 if "ipv6" in person.habits else Line.HOME
    # Every household's lease begins on a day of its own.
    lease = (day + len(person.name) + len(person.city.name)) // LEASE_DAYS
    holder = f"{person.name} {lease}" if "rotating address" in person.habits else person.name
    return Spot(line, person.city_on(day), holder, 1 + stream("host", person.name).randrange(250))


def _spot(roster: Roster, person: Person, day: int, chance: Random, *, in_the_office: bool) -> Spot:
    """Return where this person sits down: on a trip, behind a VPN, on a phone, or at a desk of theirs."""
    dice, host = chance.random(), 1 + chance.randrange(250)
    away = _away(roster, person, day, dice, host)
    if away is not None:
        return away
    if day >= roster.rollout_day and person.name in roster.team:
        return Spot(Line.EGRESS, roster.vpn, "vpn", 1 + host % 3)
    if "phone" in person.habits and dice < roster.organisation.on_the_phone:
        return _phone(person, day, host)
    if person.exits and dice < THROUGH_COMMERCIAL_VPN:
        return Spot(Line.EXIT, person.exits[host % len(person.exits)], "", host)
    return _desk(person, day, chance.random(), host, in_the_office=in_the_office)


def _away(roster: Roster, person: Person, day: int, dice: float, host: int) -> Spot | None:
    """Return the aeroplane, the hosting company's desktop or the hotel that this person sits at, if it is one."""
    if person.ways_out and person.flies_on(day):
        return Spot(Line.BOARD, person.ways_out[host % len(person.ways_out)], "", host)
    if person.stint is not None and person.stint.covers(day):
        return Spot(Line.DESKTOP, person.stint.city, person.stint.lodging, 1 + host % 2)
    # From the other end of the dice than the phone is.
    if person.sites and dice > 1 - ON_THE_HOSTED_DESKTOP:
        return _site(roster, person.name, person.sites, day, host)
    trip = person.trip_on(day)
    return Spot(Line.HOTEL, trip.city, trip.lodging or f"hotel {host % 3}", host) if trip is not None else None


def _site(roster: Roster, name: str, sites: tuple[City, ...], day: int, host: int) -> Spot:
    chance = stream(roster.organisation.seed, "site", name, day)
    return Spot(Line.DESKTOP, chance.choice(sites), f"pool {chance.randrange(POOLS)}", host)


def _phone(person: Person, day: int, host: int) -> Spot:
    if not person.gateways:
        return Spot(Line.CARRIER, person.city_on(day), "", host)
    country = person.city_on(day).country
    own = [city for city in person.gateways if city.country == country] or person.gateways
    return Spot(Line.GATEWAY, own[host % len(own)], f"gateway {host % 3}", host)


def _desk(person: Person, day: int, dice: float, host: int, *, in_the_office: bool) -> Spot:
    city = person.city_on(day)
    if dice < NO_CITY:
        return Spot(Line.NOWHERE, city, "", host)
    if dice < NO_CITY + AT_THE_NEIGHBOURS:
        return Spot(Line.HOME, neighbour(city), f"guest of {person.name}", host)
    at_home = person.remote or not in_the_office or city != person.city
    return _home(person, day) if at_home else Spot(Line.OFFICE, city, "", 1 + host % 3)


def _session(roster: Roster, person: Person, day: int, chance: Random, *, spot: Spot, afternoon: bool) -> Session:
    hour = chance.gauss(14.7 if afternoon else 9.7, 1.3) + (8 if "night owl" in person.habits else 0)
    # A VPN or a phone moves the address, not the clock on the wall.
    wall = spot.city if spot.line == Line.HOTEL else person.city_on(day)
    start = date_of(roster, day) + timedelta(hours=min(23.2, max(0.3, hour)) - wall.utc_offset)
    elsewhere = person.second if chance.random() < IN_SECOND_ACCOUNT else None
    account, principal = elsewhere or (person.account, person.principal)
    changes = [since for since in (person.joined, person.new_job_day) if since]
    new = any(0 <= day - since < NEW_DAYS for since in changes)
    luck = stream(roster.organisation.seed, "luck", person.name, day)
    bad = "bad days" in person.habits and luck.random() < ON_A_BAD_DAY
    return Session(
        start=start.replace(microsecond=0),
        account=account,
        credentials=_credentials(roster, principal, start, console=person.job == "finance"),
        spot=spot,
        agent=agent_on(roster, person, day),
        errors=ERRORS_WHILE_NEW if new or bad else USUAL_ERRORS,
    )


def _credentials(roster: Roster, principal: Principal, start: datetime, *, console: bool) -> Credentials:
    if principal.kind == Kind.IAM_USER and not console:
        return long_term(principal, roster.organisation.seed)
    # Identity Center says no to MFA whatever the sign-in was; an IAM user's console session says what it was.
    return temporary(
        principal, roster.organisation.seed, start.replace(microsecond=0), mfa=principal.kind == Kind.IAM_USER
    )


def _session_calls(roster: Roster, person: Person, session: Session, skills: Skills, chance: Random) -> Iterator[Call]:
    template = Call(
        session.start, session.account, commands.CONSOLE_LOGIN, session.credentials, session.spot, session.agent
    )
    if person.job == "finance":
        yield template
    tunnel = Spot(Line.EGRESS, roster.egress, "egress", session.spot.host % 3 + 1)
    time = session.start
    usual = roster.organisation.calls * person.busy
    for _ in range(max(2, round(chance.gauss(usual, usual / 3)))):
        time += timedelta(seconds=1 + chance.expovariate(1 / 40))
        tunnelled = "split tunnel" in person.habits and chance.random() < BESIDE_THE_TUNNEL
        call = replace(
            template,
            time=time,
            command=chance.choices(skills.commands, cum_weights=skills.weights)[0],
            spot=tunnel if tunnelled else session.spot,
        )
        dice = chance.random()
        if dice < BY_A_SERVICE:
            yield replace(call, spot=None, service="cloudformation.amazonaws.com")
        else:
            yield replace(call, error=chance.choice(session.error_codes)) if dice > 1 - session.errors else call


def _role_renewal(robot: Robot, time: datetime) -> Call:
    service = "lambda.amazonaws.com" if robot.principal.kind == Kind.FUNCTION else "ec2.amazonaws.com"
    return Call(time, robot.account, commands.ASSUME_ROLE, None, None, service, service=service)


def _round(roster: Roster, robot: Robot, start: datetime, chance: Random, skills: Skills) -> Iterator[Call]:
    credentials = robot_credentials(roster, robot, start)
    host = 1 + chance.randrange(250) if robot.principal.kind == Kind.FUNCTION else stream(robot.name).randrange(1, 251)
    day = (start - roster.organisation.start).days
    spot = (
        _site(roster, robot.name, robot.sites, day, host)
        if robot.sites
        else Spot(Line.CLOUD, robot.city, robot.account.number, host)
    )
    time = start
    for _ in range(chance.randrange(1, 4)):
        time += timedelta(seconds=1 + chance.expovariate(1 / 3))
        command = chance.choices(skills.commands, cum_weights=skills.weights)[0]
        error = "ThrottlingException" if chance.random() < ROBOT_ERRORS else None
        yield Call(time, robot.account, command, credentials, spot, robot.agent, error)


def _borrowed(roster: Roster, robot: Robot, day: int, chance: Random) -> Iterator[Call]:
    """Yield a few calls with the robot's role from somebody's own desk."""
    person = chance.choice(roster.people)
    time = date_of(roster, day) + timedelta(hours=14 - person.city.utc_offset)
    credentials = robot_credentials(roster, robot, time)
    for _ in range(chance.randrange(2, 8)):
        time += timedelta(seconds=1 + chance.expovariate(1 / 40))
        command = chance.choices(robot.skills.commands, cum_weights=robot.skills.weights)[0]
        yield Call(time, robot.account, command, credentials, _home(person, day), person.agent)
