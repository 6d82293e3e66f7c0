"""A generated organisation, its geography and its thief: feeds the demo, the benchmarks and the tests."""

from prefect_cloudtrail.demo.generate import Generated, generate
from prefect_cloudtrail.demo.graft import Theft
from prefect_cloudtrail.demo.organisation import (
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
)
from prefect_cloudtrail.demo.replay import Replay, replay
from prefect_cloudtrail.demo.thief import KINDS
from prefect_cloudtrail.demo.varied import varied

__all__ = [
    "DEMO",
    "KINDS",
    "Generated",
    "Organisation",
    "Replay",
    "Theft",
    "automation_heavy",
    "carriers",
    "generate",
    "ipv6",
    "many_accounts",
    "missing_cities",
    "remote_first",
    "replay",
    "small",
    "spread",
    "varied",
]
