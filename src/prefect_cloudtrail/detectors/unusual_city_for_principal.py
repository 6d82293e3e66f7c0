"""Unusual city for a principal: a call from a city this identity is hardly ever in."""

import polars as pl

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.history import History
from prefect_cloudtrail.rarity import unusual
from prefect_cloudtrail.rule import CLOUD_ACCOUNTS, Rule, context

RULE = Rule(
    name="unusual_city_for_principal",
    asks="Is this city unusual for this principal?",
    outcome="place",
    contexts=(context("principal", k=0.2), context("peers", k=16), context("account", k=16), context(k=16)),
    threshold_decibans=20,
    severity=Severity.MEDIUM,
    risk_score=47,
    techniques=(CLOUD_ACCOUNTS,),
    source="Ours: no peer asks it of every call",
)


def find(sightings: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:
    """Return the sightings whose city is surprising for their principal, with how surprising and why.

    Args:
        sightings: SIGHTINGS and LEARNS, in any order; may be empty.
        history: what was usual before.
        places: PLACES, where each place lies.

    Returns:
        FINDING, one row per (principal, command, place, hour); `surprise` in decibans (0 and up), `score` 0 to 100.

    Source: RULE.source; MITRE ATT&CK T1078.004 Cloud Accounts.
    """
    return unusual(sightings, history, places, RULE)
