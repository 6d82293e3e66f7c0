"""One strand of an incident: the calls from one place, the person's calls elsewhere, and what was usual before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from prefect_cloudtrail.geo import distance_km

ELSEWHERE_KM = 150
PLANE_KM_PER_HOUR = 800


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
    agent: str
    error: str | None
    access_key_id: str | None
    events: int

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
    usual: tuple[UsualPlace, ...] = ()  # the principal's, most days first
    person_places: frozenset[str] = frozenset()  # on two earlier days or more, by any of the person's principals
    countries: frozenset[str] = frozenset()
    asns: frozenset[str] = frozenset()  # on two earlier days or more
    agents: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()
    organisation_agents: frozenset[str] = frozenset()
    peers_using: tuple[tuple[str, float], ...] = ()  # command, share of peers that use it
    organisation_place_days: int = 0
    organisation_country_days: int = 0
    organisation_active_days: int = 0
    cohort: int = 0  # other people who came to the same network within 72 hours
    egress: frozenset[str] = frozenset()  # networks, of all the calls


@dataclass(frozen=True)
class Strand:
    """The calls at one place or its networks, the same person's calls elsewhere, and the facts of before."""

    principal: str
    principal_kind: str
    place: str  # place, country or network key, as alerted
    level: str
    here: tuple[Call, ...]  # in time order, never empty
    elsewhere: tuple[Call, ...]  # in time order, located ones
    facts: Facts
    new_place: bool = True  # whether a place rule raised an alert here
    other_rules: tuple[str, ...] = ()  # that did, too, in order

    @property
    def city(self) -> str:
        """The place in words."""
        return self.place.split(",")[0] if self.level == "place" else self.place

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

    @property
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
    def away(self) -> tuple[tuple[Call, float], ...]:
        """The person's calls from over 150 km away, with their kilometres, in time order; no egress among them."""
        if not any(call.network not in self.facts.egress for call in self.here):
            return ()
        pairs = ((call, self._farness(call)) for call in self.elsewhere if call.network not in self.facts.egress)
        return tuple((call, km) for call, km in pairs if km > ELSEWHERE_KM)

    def _farness(self, call: Call) -> float:
        located = next((here for here in self.here if here.latitude is not None), None)
        return (located.distance(call) or 0.0) if located else 0.0


def flight(kilometres: float, hours: float) -> timedelta:
    """Return how long it takes to fly that far, and `hours` on the ground."""
    return timedelta(hours=kilometres / PLANE_KM_PER_HOUR + hours)
