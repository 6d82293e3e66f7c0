from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from entries import DAY, KYIV, a_subject, a_verdict, an_entry
from frames import NOON, user
from store.case_builders import an_alert, an_incident

from prefect_cloudtrail.errors import FeedbackError
from prefect_cloudtrail.feedback import (
    Answer,
    End,
    Feedback,
    PlannedWork,
    Scope,
    Suppression,
    TravelNotice,
    verdict,
)

QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({"person": "user ana"}, True),
        ({"person": "user bo"}, False),
        ({"principal": user("ana")}, True),
        ({"account": "111122223333", "command": "ec2:Run*"}, True),
        ({"account": "111122223333", "command": "ec2:run*"}, False),
        ({"account": "444455556666", "command": "ec2:Run*"}, False),
        ({"person": "user ana", "place": "Kyiv, UA"}, True),
        ({"person": "user ana", "place": "kyiv, 30, UA"}, True),
        ({"person": "user ana", "place": "Kyiv, 31, UA"}, False),
        ({"person": "user ana", "place": "Lviv, UA"}, False),
        ({"person": "user ana", "country": "PL"}, False),
        ({"person": "user ana", "network": "50.0.5.0/24"}, True),
        ({"person": "user ana", "network": "50.0.0.0/16"}, True),
        ({"person": "user ana", "network": "50.1.0.0/16"}, False),
        ({"person": "user ana", "network": "2001:db8::/32"}, False),
        ({"person": "user ana", "rule": "unusual_city_for_principal"}, False),
    ],
)
def test_a_scope_covers_what_all_of_its_parts_cover(scope: dict[str, str], covered: bool) -> None:
    assert Scope(**scope).covers(a_subject()) is covered


def test_what_has_no_place_or_network_is_covered_by_no_scope_that_names_one() -> None:
    nowhere = a_subject(place=None, network=None)
    assert not Scope(person="user ana", place="Kyiv, UA").covers(nowhere)
    assert not Scope(person="user ana", network="50.0.5.0/24").covers(nowhere)


@pytest.mark.parametrize(
    ("window", "known"), [(NOON, False), (NOON + QUARTER - timedelta(seconds=1), False), (NOON + QUARTER, True)]
)
def test_an_entry_counts_for_windows_that_begin_once_it_has_effect(window: Any, known: bool) -> None:
    assert an_entry(Suppression, effective_at=NOON).known_in(window) is known


def test_an_ended_entry_counts_for_windows_that_began_before_the_end() -> None:
    ended = replace(an_entry(Suppression), end=End("bo", "over", NOON))
    assert (ended.known_in(NOON), ended.known_in(NOON + QUARTER)) == (True, False)


@pytest.mark.parametrize(("first", "last"), [(-24.1, 0), (0, 24)])
def test_an_entry_covers_no_call_before_it_begins_or_after_it_ends(first: float, last: float) -> None:
    covers = an_entry(TravelNotice).covers
    assert covers(a_subject(), NOON, NOON)
    assert not covers(a_subject(), NOON + timedelta(hours=first), NOON + timedelta(hours=last))


@pytest.mark.parametrize(
    ("kind", "scope", "said"),
    [
        (Suppression, {}, "about everybody"),
        (Suppression, {"account": "111122223333"}, "about everybody"),
        (Suppression, {"country": "UA", "command": "ec2:*"}, "about everybody"),
        (Suppression, {"rule": "unusual_city_for_command"}, "about everybody"),
        (PlannedWork, {"account": "111122223333"}, "about everybody"),
        (TravelNotice, {"person": "user ana"}, "says who is where"),
        (TravelNotice, {"country": "UA"}, "says who is where"),
        (Suppression, {"account": "111122223333", "command": "*"}, "command '\\*' is not a service and a call"),
        (Suppression, {"account": "111122223333", "network": "0.0.0.0/0"}, "too wide: give a prefix of /16 or longer"),
        (Suppression, {"account": "111122223333", "network": "::/0"}, "too wide: give a prefix of /32 or longer"),
        (Suppression, {"person": "user ana", "network": "home"}, "no address prefix"),
        (Suppression, {"person": "user ana", "country": "Ukraine"}, "two capital letters"),
        (Suppression, {"person": "user ana", "place": "Kyiv"}, "a city with its country"),
        (Suppression, {"person": "user ana", "account": "1"}, "twelve digits"),
        (Suppression, {"person": "user ana", "rule": "unusual"}, "no rule 'unusual': give one of error_message_spike"),
    ],
)
def test_what_is_about_everybody_or_could_never_match_is_refused(kind: Any, scope: dict[str, str], said: str) -> None:
    with pytest.raises(FeedbackError, match=said):
        an_entry(kind, Scope(**scope))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"why": " "}, "needs a reason and a name"),
        ({"by": ""}, "needs a reason and a name"),
        ({"until": NOON - DAY}, "before it begins: give a later --until"),
        ({"until": NOON + 90 * DAY}, "at most 90 days ahead"),
        ({"by": "ana"}, "ana cannot suppress alerts about ana"),
        ({"by": "User Ana"}, "cannot suppress alerts about"),
    ],
)
def test_a_suppression_has_a_reason_an_author_and_a_near_end(other: dict[str, Any], said: str) -> None:
    with pytest.raises(FeedbackError, match=said):
        an_entry(Suppression, **other)


def test_a_suppression_that_begins_later_ends_90_days_from_now_at_most() -> None:
    with pytest.raises(FeedbackError, match="at most 90 days ahead"):
        an_entry(Suppression, since=NOON + 80 * DAY, until=NOON + 100 * DAY)
    assert an_entry(TravelNotice, since=NOON + 80 * DAY, until=NOON + 100 * DAY).until == NOON + 100 * DAY


def test_people_may_announce_their_own_journey() -> None:
    assert an_entry(TravelNotice, by="ana").by == "ana"


def test_the_same_entry_has_the_same_id() -> None:
    assert an_entry(Suppression).entry_id == an_entry(Suppression).entry_id != an_entry(Suppression, why="x").entry_id


@pytest.mark.parametrize("by", ["deploy", "user deploy", "arn:aws:iam::111122223333:user/deploy", "DEPLOY"])
def test_nobody_judges_their_own_incident(by: str) -> None:
    with pytest.raises(FeedbackError, match=f"{by} cannot judge an incident about {by}"):
        verdict(an_incident("i", an_alert("a", "i")), Answer.EXPECTED, by=by, why="me", effective_at=NOON)


def test_a_verdict_needs_a_reason() -> None:
    with pytest.raises(FeedbackError, match="needs a reason and a name"):
        verdict(an_incident("i", an_alert("a", "i")), Answer.EXPECTED, by="maria", why="", effective_at=NOON)


@pytest.mark.parametrize(
    ("outcomes", "places"),
    [
        ({"place": KYIV}, (KYIV,)),
        ({"place": KYIV, "country": "UA"}, (KYIV,)),
        ({"place": KYIV, "country": "PL"}, (KYIV, "PL")),
        ({"country": "UA"}, ("UA",)),
        ({"asn": "AS3320"}, ("AS3320",)),
    ],
)
def test_a_verdict_remembers_where_it_was_as_finely_as_is_known(
    outcomes: dict[str, str], places: tuple[str, ...]
) -> None:
    alerts = [an_alert(level, "i", level=level, outcome=outcome) for level, outcome in outcomes.items()]
    said = verdict(an_incident("i", *alerts), Answer.EXPECTED, by="maria", why="moved", effective_at=NOON)
    assert (said.places, said.person, said.risk) == (places, "user deploy", 0.1 + 0.2)


def test_the_last_verdict_is_the_incidents_status() -> None:
    first, second = a_verdict(), a_verdict(Answer.COMPROMISED, effective_at=NOON + QUARTER)
    feedback = Feedback((first, second))
    incidents = [an_incident("inc_1"), an_incident("inc_2")]
    assert [each.status for each in feedback.stated(incidents)] == ["compromised", "open"]
