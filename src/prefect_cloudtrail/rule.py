"""What a detector declares: the question, what is counted in which contexts, and from when on it is an alert."""

from dataclasses import dataclass

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.history import Tally

# How many different outcomes there may be, before more were seen: what an outcome nobody saw is worth.
POSSIBLE = {"place": 1_000, "country": 200, "asn": 1_000}
# An address without a city is a country among countries; without a country, a network among networks.
LEVELS = {"place": ("place", "country", "asn"), "country": ("country",)}


@dataclass(frozen=True)
class Technique:
    """One of MITRE ATT&CK's, with its name in words."""

    id: str
    name: str
    tactics: tuple[str, ...]


CLOUD_ACCOUNTS = Technique(
    "T1078.004", "Valid Accounts: Cloud Accounts", ("TA0001 Initial Access", "TA0005 Defense Evasion")
)


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
        return Tally(self.columns, outcome, own="principal" in self.columns)


def context(*columns: str, k: float) -> Context:
    """Return a context: `context("account", "command", k=4)`."""
    return Context(columns, k)


@dataclass(frozen=True)
class Rule:
    """A detector's declaration; `contexts` go from specific to general."""

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
    def levels(self) -> tuple[str, ...]:
        """The columns its outcome may stand in, finest first."""
        return LEVELS[self.outcome]

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """Every question it asks of history."""
        return tuple(each.tally(level) for level in self.levels for each in self.contexts)
