"""What a question of the investigation guide is asked about, and what it answers with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import polars as pl

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.context.lookups import Lookups
from prefect_cloudtrail.context.trace import Trace, theirs
from prefect_cloudtrail.feedback import Feedback
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.store.slack import OwnerRow
from prefect_cloudtrail.text import plain

MACHINES = frozenset({"role", "instance_role", "aws_service"})
MOST_ROWS = 50


@dataclass(frozen=True)
class Stamp:
    """One moment on the way from a call to its end; `at` is None until it came. `wait` says what for since the last."""

    name: str
    at: datetime | None
    wait: str


@dataclass(frozen=True)
class Asked:
    """One incident, and all that its questions are answered from.

    Attributes:
        incident: the incident.
        trace: what its principal did.
        rules: what people set: critical accounts, owners, regimes.
        now: when it is asked.
        lookups: asks AWS, where that is allowed.
        own: PRESENCES of its people in the 90 days before its first hour.
        peers: principal, command and place of its peers in the same time, distinct.
        agents: agent of whoever used the incident's clients in the same time, with the first hour.
        others: the same people's other incidents around it.
        feedback: what people entered.
        stamps: how far it has come.
        owner_asked: who was asked in Slack whether it was them, and what they said.
    """

    incident: Incident
    trace: Trace
    rules: Rules
    now: datetime
    lookups: Lookups
    own: pl.DataFrame
    peers: pl.DataFrame
    agents: pl.DataFrame
    others: tuple[Incident, ...]
    feedback: Feedback
    stamps: tuple[Stamp, ...]
    owner_asked: OwnerRow | None = None

    @cached_property
    def here(self) -> pl.DataFrame:
        """The incident's own calls: INDEX rows of its alerts, addresses or traded credentials, oldest first."""
        keys = frozenset(each.access_key_id for each in self.trace.sessions if each.access_key_id)
        return self.trace.calls.filter(theirs(self.incident, keys))

    @cached_property
    def records_here(self) -> tuple[Mapping[str, Any], ...]:
        """The records of these that were read again, oldest first."""
        ids = set(self.here["event.id"])
        return tuple(each for each in self.trace.records if each.get("eventID") in ids)

    @property
    def is_machine(self) -> bool:
        """Whether nobody in person is behind it."""
        return self.incident.principal_kind in MACHINES

    @property
    def user_name(self) -> str | None:
        """The IAM user's name; None where the principal is none."""
        principal = self.incident.principal
        return (
            principal.rpartition("/")[2]
            if self.incident.principal_kind == "iam_user" and ":user/" in principal
            else None
        )

    @property
    def role_name(self) -> str | None:
        """The name of the role behind it; None where there is none."""
        _, found, path = self.incident.principal.partition(":role/")
        if not found:
            return None
        parts = path.split("/")
        has_session = self.incident.principal_kind in {"role_session", "sso_user"} and len(parts) > 1
        return parts[-2] if has_session else parts[-1]


@dataclass(frozen=True)
class Answered:
    """What a question is answered with.

    Attributes:
        sentences: the answer, in words, cut and free of control characters.
        rows: what it was counted from, as JSON.
        undetermined: why it could not be determined, whole or in part; None where it was.
        looked_at: what was looked at.
    """

    sentences: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    undetermined: str | None = None
    looked_at: str = ""

    @property
    def said(self) -> tuple[str, ...]:
        """The answer's sentences, and what could not be determined."""
        if self.undetermined is None:
            return self.sentences
        return (*self.sentences, f"Could not determine: {self.undetermined}. Looked at: {self.looked_at}.")


def shown(text: object, longest: int = 80) -> str:
    """Return what somebody else chose, safe to show."""
    return plain(str(text), longest)


def number(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def moment(at: datetime) -> str:
    """Return a moment in words, UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def hour_of(value: object) -> datetime | None:
    """Return a column's first or last hour; None of an empty one."""
    return value if isinstance(value, datetime) else None


def listed(names: list[str], most: int = 5) -> str:
    """Return names in a sentence, cut to `most`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more
