"""What other thresholds would have meant in a backtest: alerts, incidents and cards, counted. Pure.

A rule stores nothing below its own threshold, so its ladder begins there; below `tell_from` everything is stored, so
that ladder has both sides. A step of a rule leaves out its less surprising alerts, and the incidents that have no
other. The rest stay as they were rated, and the other rules as they are; a spike counts with the surprise of the first
window that found it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from prefect_cloudtrail.cases import Alert, Incident, Severity
from prefect_cloudtrail.risk import severity
from prefect_cloudtrail.rule import Rule

ABOVE_DECIBANS = (0, 3, 6, 10)
TELL_FROM = (0.05, 0.1, 0.2, 0.4, 0.6)
# Whom nobody is told about, however likely.
QUIET = frozenset({"suppressed", "expected"})
BANDS = list(Severity)


@dataclass(frozen=True)
class Threshold:
    """What one threshold of one rule leaves: its alerts, and of all incidents those left and those told.

    `account` is None for all accounts together.
    """

    rule: str
    account: str | None
    decibans: float
    alerts: int
    incidents: int
    told: int


@dataclass(frozen=True)
class Telling:
    """How many incidents a `tell_from` tells, in how many cards: one when first told, one for each higher severity.

    `rule` and `account` are None for all together; an incident counts for each rule that raised an alert of it.
    """

    rule: str | None
    account: str | None
    tell_from: float
    incidents: int
    cards: int


@dataclass(frozen=True)
class Tuning:
    """Both ladders, counted over the judged days; `tell_from` is what the backtest was run with."""

    days: float
    tell_from: float
    thresholds: tuple[Threshold, ...]
    telling: tuple[Telling, ...]


def tuning(incidents: Sequence[Incident], rules: Iterable[Rule], judged: timedelta, tell_from: float) -> Tuning:
    """Return what other thresholds would have meant.

    Args:
        incidents: all that the backtest raised.
        rules: those that raised them.
        judged: how long it judged.
        tell_from: the risk from which on it told.
    """
    declared = list(rules)
    accounts = sorted({incident.account_id for incident in incidents})
    of_account = {account: [each for each in incidents if each.account_id == account] for account in accounts}
    groups: list[tuple[str | None, Sequence[Incident]]] = [(None, incidents), *of_account.items()]
    thresholds = [
        _threshold(rule, account, rule.threshold_decibans + above, found, tell_from)
        for rule in declared
        for account, found in groups
        for above in ABOVE_DECIBANS
    ]
    by_rule = {rule.name: [each for each in incidents if _raised(each, rule.name)] for rule in declared}
    parts: list[tuple[str | None, str | None, Sequence[Incident]]] = [(None, None, incidents)]
    parts += [(name, None, found) for name, found in by_rule.items()]
    parts += [(None, account, found) for account, found in of_account.items()]
    telling = [
        Telling(rule, account, each, sum(map(bool, told)), sum(told))
        for rule, account, found in parts
        for each in sorted({*TELL_FROM, tell_from})
        for told in [[cards(incident, each) for incident in found]]
    ]
    return Tuning(round(judged / timedelta(days=1), 2), tell_from, tuple(thresholds), tuple(telling))


def cards(incident: Incident, tell_from: float) -> int:
    """Return how often the incident is told: first when its risk reaches this, and at each higher severity."""
    if incident.status in QUIET:
        return 0
    told = [BANDS.index(severity(risk)) for risk in incident.rises if risk >= tell_from]
    return len(set(told))


def _raised(incident: Incident, rule: str) -> bool:
    return any(alert.rule == rule for alert in incident.alerts)


def _threshold(
    rule: Rule, account: str | None, decibans: float, incidents: Sequence[Incident], tell_from: float
) -> Threshold:
    def kept(alert: Alert) -> bool:
        return alert.rule != rule.name or alert.surprise >= decibans

    left = [incident for incident in incidents if any(map(kept, incident.alerts))]
    alerts = sum(alert.rule == rule.name and kept(alert) for incident in left for alert in incident.alerts)
    told = sum(cards(incident, tell_from) > 0 for incident in left)
    return Threshold(rule.name, account, round(decibans, 1), alerts, len(left), told)
