"""What counts as a theft found, told and read: one judge for ours and for the peers.

An incident stands for a theft when at least a tenth of its events are that theft's and it began no more than 48 hours
before the theft did. A theft from where its victim is seen anyway can be shown by no city, and counts neither for nor
against.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

TOLD_FROM = 0.2
HIGH_FROM = 0.6
LEAST_SHARE = 0.1
BEGAN_BEFORE = timedelta(hours=48)
TIMELY = timedelta(minutes=60)


@dataclass(frozen=True)
class Labelled:
    """One theft that was grafted in: when it happened, and the ids of its events."""

    number: int
    kind: str
    start: datetime
    third_event: datetime
    detectable: bool
    event_ids: frozenset[str]


@dataclass(frozen=True)
class RaisedAlert:
    """One alert of a raised incident."""

    event_ids: tuple[str, ...]
    raised_at: datetime


@dataclass(frozen=True)
class Raised:
    """One incident as a contender raised it.

    Attributes:
        risk: 0 to 1.
        event_ids: its events.
        first_event: when it began.
        last_event: when it ended.
        alerts: what it is made of.
        principal: whose it is.
        evidence: the names of what it says; of its riskiest strand, whether it counted or not.
        weighed: whether its risk is the sum of weighed evidence for and against a new place.
    """

    risk: float
    event_ids: tuple[str, ...]
    first_event: datetime
    last_event: datetime
    alerts: tuple[RaisedAlert, ...]
    principal: str = ""
    evidence: tuple[str, ...] = ()
    weighed: bool = False


@dataclass(frozen=True)
class Ranked:
    """One judged incident and the numbers of the thefts it stands for; none of them: an innocent's."""

    raised: Raised
    stands_for: frozenset[int]


@dataclass(frozen=True)
class Figures:
    """One contender's figures on one organisation.

    Attributes:
        thefts: those of the judged days that a city can show.
        found: of these, those that an incident stands for.
        timely: of the found, those with an alert raised within an hour of the theft's third event.
        average_precision: of the ranking by risk, the false first where risks are equal; None without a theft.
        read_per_true: incidents read from the top until every theft was met, a theft; None where one is never met.
        incidents: how many were judged.
        told_thefts: thefts that an incident of risk 0.2 and more stands for.
        told_false: incidents so rated that stand for none.
        high_true: share of true ones among incidents rated 0.6 and more; None without such.
        low_true: the same of those under 0.2.
        missed: kinds of the thefts not found.
    """

    thefts: int
    found: int
    timely: int
    average_precision: float | None
    read_per_true: float | None
    incidents: int
    told_thefts: int
    told_false: int
    high_true: float | None
    low_true: float | None
    missed: tuple[str, ...]


def rank(raised: Sequence[Raised], thefts: Sequence[Labelled], since: datetime) -> list[Ranked]:
    """Return the incidents that count, the riskiest first and the false before the true of equal risk.

    Args:
        raised: in any order.
        thefts: all there are.
        since: incidents that ended before are those of the learning days.
    """
    owner = {event_id: theft for theft in thefts for event_id in theft.event_ids}
    ranked = []
    for incident in raised:
        if incident.last_event < since:
            continue
        thefts_met = _stands_for(incident, owner)
        detectable = frozenset(theft.number for theft in thefts_met if theft.detectable)
        if detectable or not thefts_met:
            ranked.append(Ranked(incident, detectable))
    return sorted(ranked, key=lambda each: (-each.raised.risk, bool(each.stands_for)))


def judge(ranked: Sequence[Ranked], thefts: Sequence[Labelled]) -> Figures:
    """Return the figures of a ranking.

    Args:
        ranked: of `rank`, in its order.
        thefts: all there are.
    """
    wanted = {theft.number: theft for theft in thefts if theft.detectable}
    met: set[int] = set()
    read = None
    for place, incident in enumerate(ranked, 1):
        met |= incident.stands_for
        if read is None and len(met) == len(wanted):
            read = place
    told = [incident.stands_for for incident in ranked if incident.raised.risk >= TOLD_FROM]
    return Figures(
        thefts=len(wanted),
        found=len(met),
        timely=sum(_is_timely(theft, ranked) for theft in wanted.values()),
        average_precision=average_precision((each.stands_for for each in ranked), len(wanted)),
        read_per_true=round(read / len(wanted), 3) if read and wanted else None,
        incidents=len(ranked),
        told_thefts=len(set().union(*told)),
        told_false=sum(not stands_for for stands_for in told),
        high_true=_true_share([each.stands_for for each in ranked if each.raised.risk >= HIGH_FROM]),
        low_true=_true_share([each.stands_for for each in ranked if each.raised.risk < TOLD_FROM]),
        missed=tuple(sorted(theft.kind for theft in wanted.values() if theft.number not in met)),
    )


def average_precision(stood_for: Iterable[frozenset[int]], thefts: int) -> float | None:
    """Return the mean, over the thefts, of the precision where each is first met; None without a theft.

    Args:
        stood_for: the thefts that each incident stands for, the first read first.
        thefts: how many there are; one that is never met adds nothing.
    """
    met: frozenset[int] = frozenset()
    precisions: list[float] = []
    true = 0
    for place, stands_for in enumerate(stood_for, 1):
        true += bool(stands_for)
        precisions += [true / place] * len(stands_for - met)
        met |= stands_for
    return round(sum(precisions) / thefts, 3) if thefts else None


@dataclass(frozen=True)
class Reading:
    """What reading down to a risk brings: the share of thefts met, and the share of what was read that are thefts."""

    risk: float
    recall: float
    precision: float


def curve(rankings: Sequence[Sequence[Ranked]], thefts: int) -> list[Reading]:
    """Return what reading down to each risk that was given brings, the highest first.

    Args:
        rankings: of one contender, one an organisation; all are read together.
        thefts: how many there are in all of them, at least one.
    """
    read = [
        (each.raised.risk, frozenset((world, theft) for theft in each.stands_for))
        for world, ranked in enumerate(rankings)
        for each in ranked
    ]
    read.sort(key=lambda pair: -pair[0])
    met: frozenset[tuple[int, int]] = frozenset()
    true = 0
    points = []
    for place, (risk, stands_for) in enumerate(read, 1):
        true += bool(stands_for)
        met |= stands_for
        if place == len(read) or read[place][0] < risk:
            points.append(Reading(risk, len(met) / thefts, true / place))
    return points


def _stands_for(incident: Raised, owner: dict[str, Labelled]) -> list[Labelled]:
    ids = set(incident.event_ids)
    counts = Counter(owner[event_id] for event_id in ids if event_id in owner)
    return [
        theft
        for theft, count in counts.items()
        if count >= LEAST_SHARE * len(ids) and incident.first_event >= theft.start - BEGAN_BEFORE
    ]


def _is_timely(theft: Labelled, ranked: Sequence[Ranked]) -> bool:
    return any(
        alert.raised_at <= theft.third_event + TIMELY and not theft.event_ids.isdisjoint(alert.event_ids)
        for incident in ranked
        if theft.number in incident.stands_for
        for alert in incident.raised.alerts
    )


def _true_share(stood_for: Sequence[Collection[int]]) -> float | None:
    return round(sum(map(bool, stood_for)) / len(stood_for), 3) if stood_for else None
