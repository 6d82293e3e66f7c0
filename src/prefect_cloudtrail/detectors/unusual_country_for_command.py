"""Unusual country for a command: a call from a country this command is hardly ever made from."""

import polars as pl

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.history import History
from prefect_cloudtrail.rarity import unusual
from prefect_cloudtrail.rule import CLOUD_ACCOUNTS, Rule, context

RULE = Rule(
    name="unusual_country_for_command",
    asks="Is this country unusual for this command?",
    outcome="country",
    contexts=(
        context("account", "command", k=4),
        context("account", "service", k=4),
        context("account", k=16),
        context(k=16),
    ),
    threshold_decibans=35,
    severity=Severity.LOW,
    risk_score=21,
    techniques=(CLOUD_ACCOUNTS,),
    source='Elastic, "Unusual Country For an AWS Command", dca28dee-c999-400f-b640-50a081cc0fd1',
)


def find(sightings: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:
    """Return the sightings whose country is surprising for their command, with how surprising and why.

    Args:
        sightings: SIGHTINGS and LEARNS, in any order; may be empty.
        history: what was usual before.
        places: PLACES, where each place lies.

    Returns:
        FINDING, one row per (principal, command, place, hour); `surprise` in decibans (0 and up), `score` 0 to 100.

    Source: RULE.source; MITRE ATT&CK T1078.004 Cloud Accounts.
    """
    return unusual(sightings, history, places, RULE)
