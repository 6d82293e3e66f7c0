from dataclasses import replace

import pytest
from demo.reading import Reading

from prefect_cloudtrail.demo import DEMO, KINDS, generate, small


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return Reading(generate(DEMO, tmp_path_factory.mktemp("demo")))


@pytest.fixture(scope="session")
def robbed(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """A small organisation that every kind of theft happens to."""
    organisation = replace(small(thefts=tuple(KINDS)), people=20, offices=("Bristol", "Austin"), accounts=2)
    organisation = replace(organisation, habits=(("commercial vpn", 0.3),))
    return Reading(generate(organisation, tmp_path_factory.mktemp("robbed")))
