"""What named people said: verdicts on incidents, suppressions, planned work and travel, each from its moment on.

An entry counts for the 15-minute windows that begin when it takes effect or later, and its end likewise. A run never
judges a window before it began, so a replay of past days, given the same entries, says what the runs said.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from ipaddress import ip_network
from typing import Any, ClassVar, TypeVar

from prefect_cloudtrail.alerts import identify
from prefect_cloudtrail.arrivals import WINDOW
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.errors import FeedbackError

LONGEST = timedelta(days=90)
# A wider prefix is a provider's, or everybody's.
WIDEST_PREFIX = {4: 16, 6: 32}
ACCOUNT = re.compile(r"\d{12}")
COUNTRY = re.compile(r"[A-Z]{2}")
PLACE = re.compile(r"[^,]+(,[^,]+)*, ?[A-Z]{2}")
COMMAND = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*?]+")

SomeEntry = TypeVar("SomeEntry", bound="Entry")


class Answer(StrEnum):
    """What a person called an incident."""

    EXPECTED = "expected"
    COMPROMISED = "compromised"


@dataclass(frozen=True)
class Verdict:
    """What a person called an incident, and whose it was, where, and how risky it looked when they said so."""

    incident_id: str
    verdict: Answer
    by: str
    why: str
    effective_at: datetime
    person: str
    opened_at: datetime
    risk: float
    places: tuple[str, ...]  # as its strands name them: place, else country, else network number


@dataclass(frozen=True)
class Subject:
    """What a scope looks at in one call; `rule` where it raised an alert."""

    principal: str
    person: str
    account: str | None
    command: str
    place: str | None
    country: str | None
    network: str | None
    rule: str | None = None


@dataclass(frozen=True)
class Scope:
    """Whom and what an entry is about; what is None is not looked at.

    `command` may hold `*` and `?`. `place` is a city with its country, `Kyiv, UA`, or with its region between them.
    `network` is an address prefix.
    """

    rule: str | None = None
    principal: str | None = None
    person: str | None = None
    account: str | None = None
    command: str | None = None
    place: str | None = None
    country: str | None = None
    network: str | None = None

    def covers(self, subject: Subject) -> bool:
        """Return whether the call is one that this is about."""
        return (
            self.rule in {None, subject.rule}
            and self.principal in {None, subject.principal}
            and self.person in {None, subject.person}
            and self.account in {None, subject.account}
            and self.country in {None, subject.country}
            and (self.command is None or fnmatchcase(subject.command, self.command))
            and (self.place is None or _is_at(subject.place, self.place))
            and (self.network is None or _is_inside(subject.network, self.network))
        )

    @property
    def given(self) -> dict[str, str]:
        """What it looks at, by name."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}

    @property
    def in_words(self) -> str:
        """What it looks at, in one line."""
        return ", ".join(f"{name} {value}" for name, value in self.given.items())


@dataclass(frozen=True)
class End:
    """That an entry counts no longer, who said so, and why."""

    by: str
    why: str
    effective_at: datetime


@dataclass(frozen=True)
class Entry:
    """Something a person entered: about whom, from when until when, why. Never changed; an end is a row of its own."""

    kind: ClassVar[str]

    entry_id: str
    scope: Scope
    since: datetime
    until: datetime
    why: str
    by: str
    effective_at: datetime
    end: End | None = None

    def known_in(self, window: datetime) -> bool:
        """Return whether it counts for the window that ends then."""
        began = window - WINDOW
        return self.effective_at <= began and (self.end is None or self.end.effective_at > began)

    def covers(self, subject: Subject, first: datetime, last: datetime) -> bool:
        """Return whether it is about these calls, and all the time between the first and the last."""
        return self.since <= first and last < self.until and self.scope.covers(subject)


@dataclass(frozen=True)
class Suppression(Entry):
    """Alerts that nobody need hear of."""

    kind: ClassVar[str] = "suppression"


@dataclass(frozen=True)
class PlannedWork(Entry):
    """Work that was announced; `who` does it."""

    kind: ClassVar[str] = "work"

    who: str = ""


@dataclass(frozen=True)
class TravelNotice(Entry):
    """A person who will be somewhere."""

    kind: ClassVar[str] = "travel"


KINDS: dict[str, type[Entry]] = {each.kind: each for each in (Suppression, PlannedWork, TravelNotice)}


@dataclass(frozen=True)
class Feedback:
    """All that was entered, in the order in which it took effect."""

    verdicts: tuple[Verdict, ...] = ()
    entries: tuple[Entry, ...] = ()

    def of(self, kind: type[SomeEntry]) -> tuple[SomeEntry, ...]:
        """Return the entries of a kind."""
        return tuple(entry for entry in self.entries if isinstance(entry, kind))

    def verdict(self, incident_id: str) -> Verdict | None:
        """Return the last verdict on an incident."""
        return next((each for each in reversed(self.verdicts) if each.incident_id == incident_id), None)

    def stated(self, incidents: Iterable[Incident]) -> list[Incident]:
        """Return the incidents, each with the status that its last verdict gives it."""
        given = {each.incident_id: each.verdict.value for each in self.verdicts}
        return [replace(each, status=given.get(each.incident_id, each.status)) for each in incidents]


def entry(kind: type[SomeEntry], scope: Scope, **said: Any) -> SomeEntry:  # noqa: ANN401
    """Return the entry with its id, once it is sure that it may be recorded.

    Args:
        kind: which kind of entry.
        scope: whom and what it is about.
        said: `since`, `until`, `why`, `by`, `effective_at`; `who` for planned work.

    Raises:
        FeedbackError: it is about too much, without an end or a reason, or about its author.
    """
    parts = (kind.kind, *scope.given.items(), *said.values())
    found = kind(entry_id=identify(kind.kind, *parts), scope=scope, **said)
    _require_readable(scope)
    _require_narrow(found)
    if not found.why.strip() or not found.by.strip():
        raise FeedbackError("an entry needs a reason and a name: give --why and --by")
    if not found.since < found.until:
        raise FeedbackError(f"it ends at {found.until:%Y-%m-%d %H:%M}, before it begins: give a later --until")
    begins = min(found.since, found.effective_at) if isinstance(found, Suppression) else found.since
    if found.until - begins > LONGEST:
        raise FeedbackError(f"it ends {(found.until - begins).days} days on: give an --until at most 90 days ahead")
    if isinstance(found, Suppression) and is_oneself(found.by, scope.person, scope.principal):
        raise FeedbackError(f"{found.by} cannot suppress alerts about {found.by}: let somebody else do it")
    return found


def verdict(incident: Incident, answer: Answer, *, by: str, why: str, effective_at: datetime) -> Verdict:
    """Return a person's verdict on an incident.

    Raises:
        FeedbackError: without a reason or a name, or by the person whom the incident is about.
    """
    if not why.strip() or not by.strip():
        raise FeedbackError("a verdict needs a reason and a name: give --why and --by")
    people = {part for alert in incident.alerts for part in (alert.person, alert.principal)}
    if is_oneself(by, incident.person, incident.principal, *people):
        raise FeedbackError(f"{by} cannot judge an incident about {by}: let somebody else do it")
    return Verdict(
        incident_id=incident.incident_id,
        verdict=answer,
        by=by,
        why=why,
        effective_at=effective_at,
        person=incident.person,
        opened_at=incident.opened_at,
        risk=incident.risk,
        places=_places(incident),
    )


def is_oneself(by: str, *names: str | None) -> bool:
    """Return whether a name is one of these people's or principals' own."""
    own = {part.casefold() for name in names if name for part in (name, name.rsplit("/", 1)[-1], name.split(" ")[-1])}
    return by.strip().casefold() in own


def _places(incident: Incident) -> tuple[str, ...]:
    """Where it was, each as finely as it could be placed."""
    cities = {alert.outcome for alert in incident.alerts if alert.level == "place"}
    within = {city.rsplit(", ", 1)[-1] for city in cities}
    coarser = {alert.outcome for alert in incident.alerts if alert.level != "place"}
    return tuple(sorted(cities | (coarser - within)))


def _require_readable(scope: Scope) -> None:
    """Refuse what could never match, so that nobody relies on it."""
    shapes = {
        "account": (ACCOUNT, "twelve digits"),
        "country": (COUNTRY, "two capital letters, such as UA"),
        "place": (PLACE, "a city with its country, such as Kyiv, UA"),
        "command": (COMMAND, "a service and a call, such as ec2:Describe*"),
    }
    for name, value in scope.given.items():
        shape, wanted = shapes.get(name, (None, ""))
        if shape and not shape.fullmatch(value):
            raise FeedbackError(f"{name} {value!r} is not {wanted}")
    if scope.rule is not None and scope.rule not in rules():
        raise FeedbackError(f"no rule {scope.rule!r}: give one of {', '.join(rules())}")
    if scope.network is not None:
        _require_network(scope.network)


def _require_network(text: str) -> None:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise FeedbackError(f"network {text!r} is no address prefix, such as 198.51.100.0/24") from error
    widest = WIDEST_PREFIX[network.version]
    if network.prefixlen < widest:
        raise FeedbackError(f"network {text} is too wide: give a prefix of /{widest} or longer")


def _require_narrow(found: Entry) -> None:
    """Refuse what would be about everybody."""
    scope = found.scope
    somebody = scope.principal or scope.person
    if isinstance(found, TravelNotice):
        if not somebody or not (scope.place or scope.country):
            raise FeedbackError("a travel notice says who is where: give --person or --principal, --place or --country")
        return
    more = scope.rule or scope.command or scope.place or scope.country or scope.network
    if not somebody and not (scope.account and more):
        raise FeedbackError(
            "that would be about everybody: give --person or --principal, or --account together with a command, "
            "a place, a country, a network or a rule"
        )


def _is_at(place: str | None, wanted: str) -> bool:
    if place is None:
        return False
    city, *wider = [part.strip().casefold() for part in place.split(",")]
    wanted_city, *within = [part.strip().casefold() for part in wanted.split(",")]
    return city == wanted_city and all(part in wider for part in within)


@cache
def _is_inside(network: str | None, wanted: str) -> bool:
    if network is None:
        return False
    inner, outer = ip_network(network), ip_network(wanted)
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
