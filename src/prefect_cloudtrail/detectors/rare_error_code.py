"""Rare error code: an error that this service, account or organisation hardly ever answers with."""

import polars as pl

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.history import History
from prefect_cloudtrail.rarity import unusual
from prefect_cloudtrail.rule import CLOUD_ACCOUNTS, CLOUD_DISCOVERY, Rule, context

RULE = Rule(
    name="rare_error_code",
    asks="Is this error code rare here?",
    outcome="error",
    contexts=(context("account", "service", k=4), context("account", k=16), context(k=16)),
    threshold_decibans=25.8,
    severity=Severity.LOW,
    risk_score=21,
    techniques=(CLOUD_ACCOUNTS, CLOUD_DISCOVERY),
    source='Elastic, "Rare AWS Error Code", 19de8096-e2b0-4bd8-80c9-34a820813fff',
)


def find(sightings: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:
    """Return the sightings whose error code is surprising, with how surprising and why.

    Args:
        sightings: SIGHTINGS and LEARNS, in any order; may be empty.
        history: what was usual before; calls without an error count as the code "none".
        places: PLACES, where each place lies.

    Returns:
        FINDING, one row per (principal, command, error code, hour); `surprise` in decibans (0 and up), `score` 0 to
        100.

    Source: RULE.source; MITRE ATT&CK T1078.004 Cloud Accounts, T1526 Cloud Service Discovery.
    """
    return unusual(sightings, history, places, RULE)
