"""What people see of Slack, in a real browser; pictures of it are taken by `python -m bench.screens`."""

import pytest
from told_cases import principals

from bench.screens.__main__ import walk
from bench.screens.heights import heights
from bench.screens.walk import browsing, chromium
from prefect_cloudtrail.demo.slack import local_slack

pytestmark = [
    pytest.mark.production,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]


def test_on_a_phone_a_card_decides_without_scrolling() -> None:
    with local_slack() as slack, browsing() as browser:
        shown, taken = heights(browser, slack, principals())
    assert {name: pixels for name, pixels in taken.items() if pixels > shown} == {}


def test_a_person_disables_the_key_in_two_taps_and_gives_it_back() -> None:
    assert walk(None) == ["Inactive", "Active"]
