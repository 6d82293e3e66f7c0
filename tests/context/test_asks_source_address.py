from typing import Any

from asking import a_case, an_alert, an_incident, answer, stolen
from frames import days

NAME = "source_address"


def test_an_address_is_held_against_the_networks_owners_and_cities_of_thirty_days() -> None:
    said = answer(NAME, a_case(past=days(4)))
    assert said.said == (
        "50.0.5.7 (Example Broadband): its network on 0, its owner's networks on 4, its city on 0 of the last 30 days.",
        "In these days it was on 1 network.",
    )
    assert said.rows == (
        {"network": "50.0.1.0/24", "asn": "AS3320", "place": "Berlin, BE, DE", "days": 4, "presences": 4},
    )


def test_what_is_older_than_thirty_days_is_no_history() -> None:
    case = a_case(past=days(40)[:9])
    assert answer(NAME, case).said[1:] == (
        "Could not determine: it has no history of addresses. Looked at: the presences of 30 days.",
    )


def test_a_call_of_a_service_has_no_address() -> None:
    nowhere: dict[str, Any] = stolen() | {"source.ip": None, "network": None}
    incident = an_incident(an_alert(nowhere["event.id"]))
    assert answer(NAME, a_case(nowhere, incident=incident)).said == (
        "Could not determine: none of its calls came from an address. Looked at: the event index.",
    )
