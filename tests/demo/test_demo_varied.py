from collections.abc import Callable
from dataclasses import replace

import pytest

from prefect_cloudtrail.demo import (
    DEMO,
    Organisation,
    automation_heavy,
    carriers,
    ipv6,
    many_accounts,
    missing_cities,
    remote_first,
    small,
    spread,
    varied,
)
from prefect_cloudtrail.demo.geography import BY_NAME, kilometres
from prefect_cloudtrail.demo.habits import HABITS, ODDITIES
from prefect_cloudtrail.demo.roster import recruit

SHAPES: tuple[Callable[[int], Organisation], ...] = (
    lambda seed: replace(DEMO, seed=seed),
    small,
    spread,
    remote_first,
    many_accounts,
    automation_heavy,
    carriers,
    missing_cities,
    ipv6,
)
SEEDS = range(12)


@pytest.mark.parametrize("shape", SHAPES)
def test_seeds_are_organisations_of_their_own(shape: Callable[[int], Organisation]) -> None:
    several = [varied(shape(seed)) for seed in SEEDS]
    assert len({(each.people, each.days, each.offices, each.sessions, each.calls) for each in several}) == len(SEEDS)
    for shares in ("iam_share", "remote_share", "misplaced_share", "emergencies", "oddities", "habits"):
        assert len({getattr(each, shares) for each in several}) == len(SEEDS)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_seed_is_the_same_organisation(shape: Callable[[int], Organisation]) -> None:
    assert varied(shape(3)) == varied(shape(3))


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_the_seed_there_is_something_to_learn_from_and_not_too_much_of_it(
    shape: Callable[[int], Organisation],
) -> None:
    for seed in SEEDS:
        organisation = varied(shape(seed))
        people = organisation.people * organisation.days * organisation.sessions * organisation.calls
        assert 21 <= organisation.days - organisation.theft_days <= 46
        assert people < 90_000
        assert organisation.robots * organisation.visits * organisation.days * 24 <= 25_000
        shares = (*dict(organisation.habits).values(), *dict(organisation.oddities).values(), organisation.remote_share)
        assert all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize("shape", SHAPES)
def test_offices_are_apart_and_thieves_have_cities_nobody_goes_to(shape: Callable[[int], Organisation]) -> None:
    for seed in range(4):
        roster = recruit(varied(shape(seed)))
        offices = [BY_NAME[name] for name in roster.organisation.offices]
        haunts = {city for person in roster.people for city in roster.haunts(person)}
        haunts |= {city for robot in roster.robots for city in robot.haunts}
        assert all(kilometres(one, other) >= 100 for one in offices for other in offices if one != other)
        assert len(roster.unseen) > 5
        assert min(kilometres(unseen, haunt) for unseen in roster.unseen for haunt in haunts) > 99


def test_what_makes_a_shape_stays() -> None:
    for seed in SEEDS:
        assert varied(remote_first(seed)).remote_share > 0.8
        assert varied(many_accounts(seed)).accounts >= 14
        assert varied(carriers(seed)).wandering_carriers
        assert dict(varied(carriers(seed)).habits)["phone"] > 0.7
        assert dict(varied(ipv6(seed)).habits)["ipv6"] > 0.9
        assert varied(missing_cities(seed)).nameless_share > 0.15
        assert varied(small(seed)).people <= 17


def test_no_oddity_is_commoner_than_its_rate() -> None:
    assert dict(varied(spread(1)).habits).keys() == HABITS.keys()
    for seed in SEEDS:
        assert all(share <= ODDITIES[name] for name, share in varied(spread(seed)).oddities)
