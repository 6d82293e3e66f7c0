"""One strand of an incident: the calls from one place, the person's calls elsewhere, and what was usual before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from prefect_cloudtrail.geo import distance_km

ELSEWHERE_KM = 150
# What stands for a distance that no coordinates tell: further than from one side of a border to the other.
ANOTHER_COUNTRY_KM = 300.0
PLANE_KM_PER_HOUR = 800
# Of the day, each on at least half of its active days: nobody works so long.
ROUND_THE_CLOCK_HOURS = 20
OF_ITS_DAYS = 0.5


@dataclass(frozen=True)
class Call:
    """Like calls of one 15-minute window, counted."""

    first: datetime
    last: datetime
    window: datetime
    command: str
    place: str | None
    country: str | None
    latitude: float | None
    longitude: float | None
    network: str | None
    asn: int | None
    organisation: str | None
    kind: str | None  # what the network is: own, egress, hosting, vpn, tor
    agent: str
    error: str | None
    access_key_id: str | None
    mfa: bool | None  # whether its session began with MFA
    events: int
    principal: str | None = None
    account: str | None = None  # where the call happened

    @property
    def temporary_key(self) -> str | None:
        """The key of a session, which somebody began somewhere; None where the key is a lasting one."""
        return self.access_key_id if (self.access_key_id or "").startswith("ASIA") else None

    @cached_property
    def spot(self) -> str | None:
        """Where it came from, as finely as its address could be placed."""
        return self.place or self.country or (f"AS{self.asn}" if self.asn is not None else None)

    @property
    def where(self) -> str:
        """The place in words, the country where no city is known."""
        return (self.place or self.country or self.network or "nowhere").split(",")[0]

    def side_of(self, other: "Call") -> str:
        """Return whether this was before or after the other."""
        return "before" if self.last < other.first else "after"

    def distance(self, other: "Call") -> float | None:
        """Return the kilometres between two calls' places, None where either has no coordinates."""
        if self.latitude is None or self.longitude is None or other.latitude is None or other.longitude is None:
            return None
        return distance_km((self.latitude, self.longitude), (other.latitude, other.longitude))


@dataclass(frozen=True)
class Noted:
    """What a named person entered about a strand, and why."""

    by: str
    why: str


@dataclass(frozen=True)
class UsualPlace:
    """A place where somebody was on `days` earlier UTC days."""

    name: str
    latitude: float
    longitude: float
    days: int


@dataclass(frozen=True)
class Facts:
    """What was known when the strand's first hour began; `cohort` and `egress`, when the window being judged did."""

    active_days: int = 0
    known_days: int = 0  # since the principal was first seen
    silent_days: int = 0  # since it was last seen
    usual: tuple[UsualPlace, ...] = ()  # the principal's, most days first
    person_places: frozenset[str] = frozenset()  # on two earlier days or more, by any of the person's principals
    countries: frozenset[str] = frozenset()
    asns: frozenset[str] = frozenset()  # on two earlier days or more
    rented_days: int = 0  # on which the person was on a hosting, VPN or Tor network
    hours: tuple[tuple[int, int], ...] = ()  # hour of the day, UTC, and on how many days the principal was active in it
    days_between: tuple[int, ...] = ()  # the days on which the principal was at the place, the last gap up to today
    mfa_days: int = 0  # on which its sessions began with MFA
    no_mfa_days: int = 0
    agents: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()
    organisation_agents: frozenset[str] = frozenset()
    peers_using: tuple[tuple[str, float], ...] = ()  # command, share of peers that use it
    peers_here: int = 0
    organisation_place_days: int = 0
    organisation_country_days: int = 0
    organisation_active_days: int = 0
    cohort: int = 0  # other people who came to the same network within 72 hours
    people_here: int = 0  # named people who were on each of its networks before that
    egress: frozenset[str] = frozenset()  # networks, of all the calls
    planned_work: Noted | None = None  # which covers all that is new here
    travel_notice: Noted | None = None  # which covers every call here
    expected_before: Noted | None = None  # of an earlier incident of this person here


@dataclass(frozen=True)
class Strand:
    """The calls at one place or its networks, the same person's calls elsewhere, and the facts of before."""

    principal: str
    principal_kind: str
    place: str  # place, country or network key, as alerted
    level: str
    here: tuple[Call, ...]  # in time order, never empty
    elsewhere: tuple[Call, ...]  # in time order, those with an address
    facts: Facts
    new_place: bool = True  # whether a place rule raised an alert here
    other_rules: tuple[str, ...] = ()  # that did, too, in order

    @property
    def city(self) -> str:
        """The place in words."""
        return self.place.split(",")[0] if self.level == "place" else self.place

    @property
    def is_machine(self) -> bool:
        """Whether it is a machine, which keeps no hours: a role of one, or a key that calls round the clock."""
        facts = self.facts
        at_all_hours = sum(days >= OF_ITS_DAYS * facts.active_days for _, days in facts.hours) >= ROUND_THE_CLOCK_HOURS
        return self.principal_kind in {"instance_role", "role"} or (facts.active_days > 0 and at_all_hours)

    @property
    def is_borrowed(self) -> bool:
        """Whether a machine's role is used where our own people work: somebody tries it from their desk."""
        return self.is_machine and self.facts.people_here > 0

    @property
    def usual_in_words(self) -> str:
        """Where the principal usually is: the place of most days, with how far it is."""
        most = self.facts.usual[0]
        nearest = self.nearest_usual
        far = f", {nearest[0]:,.0f} km away" if nearest and nearest[1] == most else ""
        return f"{most.name.split(',')[0]}{far}"

    @property
    def first(self) -> datetime:
        """When the first call from here was made."""
        return self.here[0].first

    @cached_property
    def last(self) -> datetime:
        """When the last call from here was made."""
        return max(call.last for call in self.here)

    @cached_property
    def nearest_usual(self) -> tuple[float, UsualPlace] | None:
        """The nearest place usual for the principal, with its kilometres."""
        located = next((call for call in self.here if call.latitude is not None and call.longitude is not None), None)
        if located is None or located.latitude is None or located.longitude is None:
            return None
        here = (located.latitude, located.longitude)
        measured = [(distance_km(here, (usual.latitude, usual.longitude)), usual) for usual in self.facts.usual]
        return min(measured, key=lambda pair: (pair[0], pair[1].name), default=None)

    @cached_property
    def away(self) -> tuple[Call, ...]:
        """The person's calls from over 150 km away, in time order; no egress among them.

        A machine stays where it is while somebody borrows its role.
        """
        if self.is_borrowed or all(call.network in self.facts.egress for call in self.here):
            return ()
        elsewhere = (call for call in self.elsewhere if call.network not in self.facts.egress)
        return tuple(call for call in elsewhere if self.kilometres(call) > ELSEWHERE_KM)

    @cached_property
    def tunnels(self) -> frozenset[str | None]:
        """Shared exits that a session of the person's used beside other networks before anything was called from here.

        Whoever splits their calls so is not at the exit, nor was their session begun there.
        """
        before = [call for call in self.elsewhere if call.temporary_key and call.last < self.first]
        beside = {call.temporary_key for call in before if call.network not in self.facts.egress}
        over = (call for call in before if call.network in self.facts.egress)
        return frozenset(call.network for call in over if call.temporary_key in beside)

    @cached_property
    def apart(self) -> tuple[Call, ...]:
        """The person's calls that were not made near here, for all that is known; shared exits among them."""

        def near(call: Call) -> bool:
            km = self.here[0].distance(call)
            return km is not None and km <= ELSEWHERE_KM and call.network not in self.facts.egress

        return tuple(call for call in self.elsewhere if not near(call))

    @cached_property
    def began_here(self) -> frozenset[str | None]:
        """The temporary keys whose first call was made here."""
        first: dict[str | None, tuple[datetime, bool]] = {}
        for calls, here in ((self.here, True), (self.elsewhere, False)):
            for call in calls:
                seen = first.setdefault(call.temporary_key, (call.first, here))
                first[call.temporary_key] = min(seen, (call.first, here))
        return frozenset(key for key, (_, here) in first.items() if here and key)

    @cached_property
    def began_elsewhere(self) -> Call | None:
        """The first call, over 150 km away, with a temporary key that was used here later."""
        first_here: dict[str | None, datetime] = {}
        for call in self.here:
            first_here.setdefault(call.temporary_key, call.first)
        first_here.pop(None, None)
        for call in self.elsewhere:
            since = first_here.get(call.temporary_key or "")
            if not since or call.first >= since or call.network in self.tunnels:
                continue
            if self.kilometres(call) > ELSEWHERE_KM:
                return call
        return None

    def kilometres(self, call: Call) -> float:
        """Return how far away a call was made; where one has no city, a border between them is as far as it takes."""
        km = self._located.distance(call)
        if km is not None:
            return km
        here, there = self._located.country, call.country
        return ANOTHER_COUNTRY_KM if here and there and here != there else 0.0

    @cached_property
    def _located(self) -> Call:
        return next((here for here in self.here if here.latitude is not None), self.here[0])


def how_far(kilometres: float) -> str:
    """Return a distance of a strand in words."""
    return "in another country" if kilometres == ANOTHER_COUNTRY_KM else f"{kilometres:,.0f} km away"


def flight(kilometres: float, hours: float) -> timedelta:
    """Return how long it takes to fly that far, and `hours` on the ground."""
    return timedelta(hours=kilometres / PLANE_KM_PER_HOUR + hours)
