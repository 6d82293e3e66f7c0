"""What people enter, for tests: each shows only the fields it is about."""

from datetime import timedelta
from typing import Any, TypeVar

from frames import NOON

from prefect_cloudtrail.feedback import Answer, Entry, Scope, Subject, Verdict, entry

SomeEntry = TypeVar("SomeEntry", bound=Entry)
KYIV = "Kyiv, 30, UA"
DAY = timedelta(days=1)


def an_entry(kind: type[SomeEntry], scope: Scope | None = None, **other: Any) -> SomeEntry:
    """Return an entry about ana, for the two days around noon, known since the day before."""
    said = {"since": NOON - DAY, "until": NOON + DAY, "why": "moved", "by": "maria", "effective_at": NOON - DAY}
    return entry(kind, scope or Scope(person="user ana", country="UA"), **(said | other))


def a_verdict(answer: Answer = Answer.EXPECTED, **other: Any) -> Verdict:
    """Return a verdict on ana's incident in Kyiv, given at noon on the hour in which it opened."""
    fields: dict[str, Any] = {
        "incident_id": "inc_1",
        "verdict": answer,
        "by": "maria",
        "why": "moved",
        "effective_at": NOON,
        "person": "user ana",
        "opened_at": NOON,
        "risk": 0.5,
        "places": (KYIV,),
    }
    return Verdict(**(fields | other))


def a_subject(**other: Any) -> Subject:
    """Return a call of ana's in Kyiv."""
    fields: dict[str, Any] = {
        "principal": "arn:aws:iam::111122223333:user/ana",
        "person": "user ana",
        "account": "111122223333",
        "command": "ec2:RunInstances",
        "place": KYIV,
        "country": "UA",
        "network": "50.0.5.0/24",
        "rule": "unusual_city_for_command",
    }
    return Subject(**(fields | other))
