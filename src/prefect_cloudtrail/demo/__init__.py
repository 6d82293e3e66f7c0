"""A generated organisation, its geography and its thief: feeds the demo, the benchmarks and the tests."""

from prefect_cloudtrail.demo.generate import Generated, generate
from prefect_cloudtrail.demo.graft import Theft
from prefect_cloudtrail.demo.organisation import (
    DEMO,
    Organisation,
    automation_heavy,
    many_accounts,
    remote_first,
    small,
    spread,
)
from prefect_cloudtrail.demo.thief import KINDS

__all__ = [
    "DEMO",
    "KINDS",
    "Generated",
    "Organisation",
    "Theft",
    "automation_heavy",
    "generate",
    "many_accounts",
    "remote_first",
    "small",
    "spread",
]
