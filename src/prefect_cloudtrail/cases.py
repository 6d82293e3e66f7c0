"""What detection leaves behind: alerts, the evidence for and against, and the incidents people are told about."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# How well an address could be placed: to a city, a country, a network.
PLACE_LEVELS = ("place", "country", "asn")


class Severity(StrEnum):
    """How bad, in four steps."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Place:
    """Where calls came from; without a city where the database names none."""

    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True)
class Network:
    """One address, with who announces it."""

    ip: str
    asn: int | None
    organisation: str | None


@dataclass(frozen=True)
class Alert:
    """One surprising (rule, principal, command, outcome, hour), stored once; its score never changes.

    `event_ids` are those of the windows so far, oldest first, at most 1,000; `events` counts them all.
    """

    alert_id: str
    incident_id: str
    rule: str
    severity: Severity
    risk_score: int
    principal: str
    principal_kind: str
    person: str
    account_id: str
    command: str
    outcome: str
    level: str
    hour: datetime
    raised_at: datetime
    surprise: float
    score: float
    counts: str
    late: bool
    over_limit: bool
    events: int
    event_ids: tuple[str, ...]
    suppressed_by: str | None = None  # the suppression that covers all of its events

    @property
    def says_where(self) -> bool:
        """Whether a place is what is unusual."""
        return self.level in PLACE_LEVELS


@dataclass(frozen=True)
class Evidence:
    """One reason for (above 0) or against (below), in decibans, with the sentence a responder reads.

    Of each group only the strongest piece counts towards the risk; the others are shown, not counted.
    """

    name: str
    group: str
    decibans: float
    sentence: str
    counted: bool


@dataclass(frozen=True)
class Incident:
    """One person's alerts at one place in the 48 hours from its opening, or one cohort's, with why and how likely.

    `risk` is the probability, 0 to 1, that it is a compromise; `peak_risk` the highest it ever was, and `rises` each
    height that was its highest by then.
    """

    incident_id: str
    revision: int
    kind: str  # principal or cohort
    principal: str
    principal_kind: str
    person: str
    account_id: str
    access_key_ids: tuple[str, ...]
    places: tuple[Place, ...]
    networks: tuple[Network, ...]
    first_event: datetime
    last_event: datetime
    opened_at: datetime
    closes_at: datetime
    risk: float
    peak_risk: float
    severity: Severity
    status: str
    summary: str
    evidence: tuple[Evidence, ...]
    links: tuple[str, ...]  # incidents of the same person or network
    alerts: tuple[Alert, ...]
    rises: tuple[float, ...] = ()

    @property
    def says_where(self) -> bool:
        """Whether it is about a place."""
        return any(alert.says_where for alert in self.alerts)

    @property
    def holds_back(self) -> bool:
        """Whether what its person does teaches nothing for a while; a new command is known once it was called."""
        return self.kind == "principal" and self.says_where
