from typing import Any

import pytest
from frames import a_call, strand

from prefect_cloudtrail.evidence import (
    impossible_travel,
    instance_credentials_outside_aws,
    key_first_used_elsewhere,
    our_people_here,
    same_temporary_key_elsewhere,
)


@pytest.mark.parametrize(
    ("people", "said"),
    [
        (0, None),
        (1, "A machine's credentials, on a network where 1 of our people works."),
        (2, "A machine's credentials, on a network where 2 of our people work."),
    ],
)
def test_a_machines_role_where_our_people_work_speaks_against(people: int, said: str | None) -> None:
    assert our_people_here.explain(strand(kind="instance_role", people_here=people)) == said


ALL_DAY = tuple((hour, 41) for hour in range(24))


def test_a_key_that_calls_round_the_clock_is_a_machines() -> None:
    assert our_people_here.explain(strand(hours=ALL_DAY, people_here=1))
    assert our_people_here.explain(strand(hours=ALL_DAY[:19], people_here=1)) is None


def test_a_machine_is_in_no_two_places_while_somebody_borrows_its_role() -> None:
    for people, holds in ((0, True), (1, False)):
        borrowed = strand(elsewhere=[a_call("Berlin", -40)], kind="instance_role", people_here=people)
        assert bool(impossible_travel.explain(borrowed)) is holds


def test_a_persons_key_on_a_colleagues_network_is_silent() -> None:
    assert our_people_here.explain(strand(people_here=3)) is None


def test_who_borrows_a_role_takes_its_key_along() -> None:
    key: dict[str, Any] = {"access_key_id": "ASIAEXAMPLE1"}
    for people, holds in ((0, True), (1, False)):
        borrowed = strand(
            a_call(**key), elsewhere=[a_call("Berlin", -40, **key)], kind="instance_role", people_here=people
        )
        for piece in (instance_credentials_outside_aws, key_first_used_elsewhere, same_temporary_key_elsewhere):
            assert bool(piece.explain(borrowed)) is holds
