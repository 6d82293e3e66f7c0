"""Varies a shape by its seed: another seed is another organisation, not another draw of the same one."""

from dataclasses import replace
from random import Random

from prefect_cloudtrail.demo.chance import shuffled, stream
from prefect_cloudtrail.demo.geography import BY_NAME, City, far_from
from prefect_cloudtrail.demo.habits import HABITS, ODDITIES
from prefect_cloudtrail.demo.organisation import Organisation

# How long an organisation is learned from before its thefts begin.
LEARNING_DAYS = (21, 46)
# Calls of people, and rounds of machines, that an organisation stays under, so that it is generated in seconds.
MOST_CALLS = 45_000
MOST_ROUNDS = 25_000
WORKING_SHARE = 0.65


def varied(shape: Organisation) -> Organisation:
    """Return an organisation of this shape with everything that a seed may change changed by its seed.

    People, accounts, robots, offices and their cities, shares, habits, oddities, how busy everybody is, how good the
    geo database is, and for how many days (21 to 46) there is something to learn before the last `theft_days`.
    """
    chance = stream(shape.seed, "varied", shape.people, *shape.offices)
    people = _about(chance, shape.people)
    days = chance.randint(*LEARNING_DAYS) + shape.theft_days
    sessions = chance.choice((1, 2, 2, 3))
    robots = min(_about(chance, shape.robots), MOST_ROUNDS // (24 * days))
    most_calls = MOST_CALLS / (people * days * WORKING_SHARE * sessions)
    return replace(
        shape,
        days=days,
        people=people,
        robots=robots,
        accounts=_about(chance, shape.accounts),
        offices=_offices(chance, max(1, len(shape.offices) + chance.randint(-1, 1))),
        remote_share=_share(chance, shape.remote_share),
        iam_share=_share(chance, shape.iam_share),
        second_account_share=_share(chance, shape.second_account_share),
        borrowed_share=max(shape.borrowed_share, chance.uniform(0, 0.003)),
        sessions=sessions,
        calls=max(4, min(chance.randint(6, 20), int(most_calls))),
        visits=max(1, min(shape.visits, MOST_ROUNDS // (robots * days * 24))),
        habits=tuple((name, _share(chance, dict(shape.habits).get(name, share))) for name, share in HABITS.items()),
        oddities=tuple((name, chance.uniform(0, most)) for name, most in ODDITIES.items()),
        on_the_phone=_share(chance, shape.on_the_phone),
        activity_spread=chance.uniform(0.2, 0.7),
        runners=chance.randint(0, 2),
        emergencies=chance.uniform(0, 0.06),
        misplaced_share=chance.uniform(0, 0.06),
        nameless_share=_share(chance, shape.nameless_share) if shape.nameless_share else chance.uniform(0, 0.08),
        rented_exits=chance.random() < 1 / 2,
    )


def _about(chance: Random, number: int) -> int:
    return max(1, round(number * chance.uniform(0.7, 1.4)))


def _share(chance: Random, share: float) -> float:
    """Return about this share; of a large one, what is left of it varies, so that most stay most."""
    factor = chance.uniform(0.5, 1.7)
    return share * factor if share <= 1 / 2 else 1 - (1 - share) * factor


def _offices(chance: Random, count: int) -> tuple[str, ...]:
    """Return the names of cities 100 km and more apart."""
    offices: tuple[City, ...] = ()
    for city in shuffled(chance, tuple(BY_NAME.values())):
        if len(offices) < count and far_from((city,), offices):
            offices = (*offices, city)
    return tuple(city.name for city in offices)
