"""What a detector declares: the question, what is counted in which contexts, and from when on it is an alert."""

from dataclasses import dataclass

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.history import HOUR_OF_WEEK, Each, Tally

# How many different outcomes there may be, before more were seen: what an outcome nobody saw is worth.
POSSIBLE = {"place": 1_000, "country": 200, "asn": 1_000, "command": 5_000, "error": 500}
# An address without a city is a country among countries; without a country, a network among networks.
LEVELS = {
    "place": ("place", "country", "asn"),
    "country": ("country",),
    "command": ("command",),
    "error": ("error",),
    "messages": (HOUR_OF_WEEK,),
}
PLACES = frozenset({"place", "country", "asn"})
# A person is somewhere for a day; what they call, and what fails, is counted by the hour.
COUNTED_EACH: dict[str, Each] = {"command": "hour", "error": "hour", HOUR_OF_WEEK: "message"}


@dataclass(frozen=True)
class Technique:
    """One of MITRE ATT&CK's, with its name in words."""

    id: str
    name: str
    tactics: tuple[str, ...]


CLOUD_ACCOUNTS = Technique(
    "T1078.004", "Valid Accounts: Cloud Accounts", ("TA0001 Initial Access", "TA0005 Defense Evasion")
)
CLOUD_DISCOVERY = Technique("T1526", "Cloud Service Discovery", ("TA0007 Discovery",))


@dataclass(frozen=True)
class Context:
    """Whom a row is compared with (PRESENCES columns; none: the organisation), and how much the wider one weighs."""

    columns: tuple[str, ...]
    k: float

    @property
    def learns_with(self) -> tuple[str, ...]:
        """Whose first days this context is no judge in."""
        narrow = {"principal": "principal", "account": "account", "peers": "account"}
        return tuple(narrow[column] for column in self.columns if column in narrow)

    def tally(self, outcome: str) -> Tally:
        """Return the question this context asks of history."""
        return Tally(self.columns, outcome, "principal" in self.columns, COUNTED_EACH.get(outcome, "day"))


def context(*columns: str, k: float) -> Context:
    """Return a context: `context("account", "command", k=4)`."""
    return Context(columns, k)


@dataclass(frozen=True)
class Rule:
    """A detector's declaration; `contexts` go from specific to general.

    `outcome` is a key of LEVELS: what may be unusual.
    """

    name: str
    asks: str
    outcome: str
    contexts: tuple[Context, ...]
    threshold_decibans: float
    severity: Severity
    risk_score: int
    techniques: tuple[Technique, ...]
    source: str

    @property
    def asks_where(self) -> bool:
        """Whether it is a rule about places."""
        return self.outcome in PLACES

    @property
    def levels(self) -> tuple[str, ...]:
        """The columns its outcome may stand in, finest first."""
        return LEVELS[self.outcome]

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """Every question it asks of history."""
        return tuple(each.tally(level) for level in self.levels for each in self.contexts)
