"""What history says of each strand: asked once for all of a run's strands, as of the hour in which each began."""

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from prefect_cloudtrail import egress, rarity
from prefect_cloudtrail.history import DAY, HOUR_OF_WEEK, History, Tally, day_of
from prefect_cloudtrail.schema import UTC_MICROSECONDS
from prefect_cloudtrail.strand import Facts, UsualPlace

OFTEN_DAYS = 2
COHORT_PEOPLE = 3
COHORT_WITHIN = timedelta(hours=72)

PRINCIPAL_PLACES = Tally(("principal",), "place", own=True)
PRINCIPAL_COUNTRIES = Tally(("principal",), "country", own=True)
PRINCIPAL_ASNS = Tally(("principal",), "asn", own=True)
PRINCIPAL_AGENTS = Tally(("principal",), "agent", own=True)
PRINCIPAL_COMMANDS = Tally(("principal",), "command", own=True)
AGENTS = Tally((), "agent")
PLACES = Tally((), "place")
COUNTRIES = Tally((), "country")
PEERS = Tally(("peers",), "principal")
PEERS_USING = Tally(("peers", "command"), "principal")
PEERS_HERE = Tally(("peers", "place"), "principal")
PRINCIPAL_HOURS = Tally(("principal",), HOUR_OF_WEEK, own=True)
PRINCIPAL_DAYS_HERE = Tally(("principal", "place"), DAY, own=True)
PRINCIPAL_MFA = Tally(("principal",), "mfa", own=True)
PERSON_RENTED = Tally(("person",), "rented", own=True)
TALLIES = (
    PRINCIPAL_PLACES,
    PRINCIPAL_COUNTRIES,
    PRINCIPAL_ASNS,
    PRINCIPAL_AGENTS,
    PRINCIPAL_COMMANDS,
    AGENTS,
    PLACES,
    COUNTRIES,
    PEERS,
    PEERS_USING,
    PEERS_HERE,
    PRINCIPAL_HOURS,
    PRINCIPAL_DAYS_HERE,
    PRINCIPAL_MFA,
    PERSON_RENTED,
)


@dataclass(frozen=True)
class Question:
    """What a strand asks of history."""

    principal: str
    person: str
    peers: str
    place: str | None
    country: str | None
    hour: datetime
    commands: tuple[str, ...]


class Known(NamedTuple):
    """An outcome that a context had: on how many earlier UTC days, the first and the last of them since 2020-01-01."""

    outcome: str
    days: int
    first_day: int
    last_day: int


class Answers:
    """The outcomes of contexts at hours, looked up once for all questions."""

    def __init__(self, history: History, questions: list[Question]) -> None:
        self._history = history
        self._questions = questions

    def outcomes(self, tally: Tally, contexts: list[str]) -> dict[Hashable, list[Known]]:
        """Return what each (context, hour) of the questions had."""
        found = self._outcomes(tally, contexts).group_by("context", "hour").agg(Known._fields)
        return {(context, hour): list(map(Known, *columns)) for context, hour, *columns in found.iter_rows()}

    def names(self, tally: Tally, contexts: list[str], days: int = 0) -> dict[Hashable, frozenset[str]]:
        """Return the names of what each (context, hour) of the questions had, on this many earlier days or more."""
        often = self._outcomes(tally, contexts).filter(pl.col("days") >= days)
        found = often.group_by("context", "hour").agg("outcome")
        return {(context, hour): frozenset(names) for context, hour, names in found.iter_rows()}

    def _outcomes(self, tally: Tally, contexts: list[str]) -> pl.DataFrame:
        asked = pl.DataFrame(
            list({(context, q.hour) for context, q in zip(contexts, self._questions, strict=True)}),
            schema={"context": pl.String, "hour": UTC_MICROSECONDS},
            orient="row",
        )
        return self._history.outcomes(tally, asked)

    def counted(self, tally: Tally, pairs: list[tuple[str, str | None, datetime]]) -> dict[Hashable, dict[str, float]]:
        """Return the counts of each (context, outcome, hour)."""
        asked = pl.DataFrame(
            list({pair for pair in pairs if pair[1] is not None}),
            schema={"context": pl.String, "outcome": pl.String, "hour": UTC_MICROSECONDS},
            orient="row",
        )
        rows = self._history.counts(tally, asked).iter_rows(named=True)
        return {(row["context"], row["outcome"], row["hour"]): row for row in rows}


def facts(history: History, places: pl.DataFrame, questions: list[Question]) -> list[Facts]:
    """Return what was known when each question's hour began, without cohort and egress.

    Args:
        history: what was usual before.
        places: PLACES.
        questions: may repeat each other.
    """
    if not questions:
        return []
    ask = Answers(history, questions)
    located = {
        row["place"]: (row["source.geo.location.lat"], row["source.geo.location.lon"])
        for row in places.iter_rows(named=True)
    }
    principals, people, nobody = [q.principal for q in questions], [q.person for q in questions], [""] * len(questions)
    usual = ask.outcomes(PRINCIPAL_PLACES, principals)
    person = ask.names(egress.PLACES_OF, people, OFTEN_DAYS)
    countries = ask.names(PRINCIPAL_COUNTRIES, principals)
    asns = ask.names(PRINCIPAL_ASNS, principals, OFTEN_DAYS)
    agents = ask.names(PRINCIPAL_AGENTS, principals)
    commands = ask.names(PRINCIPAL_COMMANDS, principals)
    all_agents = ask.names(AGENTS, nobody)
    accounts = ask.outcomes(rarity.ORGANISATION, nobody)
    hours = ask.outcomes(PRINCIPAL_HOURS, principals)
    visits = ask.outcomes(PRINCIPAL_DAYS_HERE, [f"{q.principal}|{q.place}" for q in questions])
    mfa = ask.outcomes(PRINCIPAL_MFA, principals)
    rented = ask.outcomes(PERSON_RENTED, people)
    seen = ask.outcomes(rarity.ACTIVE_DAYS, principals)
    active = ask.counted(rarity.ACTIVE_DAYS, [(q.principal, q.principal, q.hour) for q in questions])
    here = ask.counted(PLACES, [("", q.place, q.hour) for q in questions])
    country = ask.counted(COUNTRIES, [("", q.country, q.hour) for q in questions])
    peers = ask.counted(PEERS, [(q.peers, q.principal, q.hour) for q in questions])
    with_us = ask.counted(PEERS_HERE, [(f"{q.peers}|{q.place}", q.principal, q.hour) for q in questions])
    using = ask.counted(
        PEERS_USING, [(f"{q.peers}|{command}", q.principal, q.hour) for q in questions for command in q.commands]
    )

    def was_there(counts: dict[str, float] | None) -> int:
        return max(int(counts["days"]), int(counts["n"] > 0)) if counts else 0

    def days_of(rows: list[Known], outcome: str) -> int:
        return sum(row.days for row in rows if row.outcome == outcome)

    def by_hour(rows: list[Known]) -> tuple[tuple[int, int], ...]:
        days: dict[int, int] = defaultdict(int)
        for row in rows:
            days[int(row.outcome) % 24] += row.days
        return tuple(sorted(days.items()))

    def gaps(rows: list[Known], today: int) -> tuple[int, ...]:
        visited = sorted({int(row.outcome) for row in rows} - {today})
        return tuple(after - before for before, after in pairwise([*visited, today]))

    answered, nothing = [], frozenset[str]()
    for q in questions:
        mine, anywhere, today = (q.principal, q.hour), ("", q.hour), day_of(q.hour)
        others = int((peers.get((q.peers, q.principal, q.hour)) or {"seen": 0})["seen"]) - 1
        shares = tuple(
            (
                command,
                float((using.get((f"{q.peers}|{command}", q.principal, q.hour)) or {"seen": 0})["seen"])
                / max(others, 1),
            )
            for command in q.commands
        )
        known = [
            UsualPlace(row.outcome, *located[row.outcome], row.days)
            for row in usual.get(mine, [])
            if row.days >= OFTEN_DAYS and row.outcome in located and None not in located[row.outcome]
        ]
        answered.append(
            Facts(
                known_days=today - min((row.first_day for row in seen.get(mine, [])), default=today),
                silent_days=today - max((row.last_day for row in seen.get(mine, [])), default=today),
                rented_days=days_of(rented.get((q.person, q.hour), []), "rented"),
                days_between=gaps(visits.get((f"{q.principal}|{q.place}", q.hour), []), day_of(q.hour)),
                hours=by_hour(hours.get(mine, [])),
                mfa_days=days_of(mfa.get(mine, []), "true"),
                no_mfa_days=days_of(mfa.get(mine, []), "false"),
                peers_here=int((with_us.get((f"{q.peers}|{q.place}", q.principal, q.hour)) or {"seen": 0})["seen"]),
                active_days=int((active.get((q.principal, *mine)) or {"days": 0})["days"]),
                usual=tuple(sorted(known, key=lambda place: (-place.days, place.name))),
                person_places=person.get((q.person, q.hour), nothing) - {place.name for place in known},
                countries=countries.get(mine, nothing),
                asns=asns.get(mine, nothing),
                agents=agents.get(mine, nothing),
                commands=commands.get(mine, nothing),
                organisation_agents=all_agents.get(anywhere, nothing),
                peers_using=shares,
                organisation_place_days=was_there(here.get(("", q.place, q.hour))),
                organisation_country_days=was_there(country.get(("", q.country, q.hour))),
                organisation_active_days=max((row.days for row in accounts.get(anywhere, [])), default=0),
            )
        )
    return answered


def newcomers(history: History, asked: list[tuple[str, datetime]]) -> dict[tuple[str, datetime], dict[str, bool]]:
    """Return who uses each network: people, and whether they came within the 72 hours before.

    Args:
        history: who was where.
        asked: networks and hours.
    """
    frame = pl.DataFrame(list(set(asked)), schema={"context": pl.String, "hour": UTC_MICROSECONDS}, orient="row")
    found: dict[tuple[str, datetime], dict[str, bool]] = defaultdict(dict)
    for row in history.outcomes(egress.PEOPLE_ON, frame).iter_rows(named=True):
        since = day_of(row["hour"] - COHORT_WITHIN)
        found[row["context"], row["hour"]][row["outcome"]] = row["first_day"] >= since
    return found


def cohort_size(people: dict[str, bool], person: str) -> int:
    """Return how many others came to a network together; 0 where that is no cohort.

    Args:
        people: each person on the network, and whether they came within 72 hours.
        person: whose alert it is.
    """
    came = sum(new for name, new in people.items() if name != person)
    earlier = sum(not new for new in people.values())
    return came if came >= COHORT_PEOPLE and came > earlier else 0


def settled(people: dict[str, bool], person: str) -> int:
    """Return how many others were on a network before the last 72 hours, by a name of theirs; a role is nobody.

    Args:
        people: each person on the network, and whether they came within 72 hours.
        person: whose alert it is.
    """
    return sum(not new and name != person and not name.startswith("arn:") for name, new in people.items())
