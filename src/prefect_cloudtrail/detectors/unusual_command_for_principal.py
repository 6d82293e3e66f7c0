"""Unusual command for a principal: a command that this identity never called, and that hardly anybody calls."""

import polars as pl

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.history import History
from prefect_cloudtrail.rarity import unusual
from prefect_cloudtrail.rule import CLOUD_ACCOUNTS, Rule, context

RULE = Rule(
    name="unusual_command_for_principal",
    asks="Is this command unusual for this principal?",
    outcome="command",
    contexts=(context("principal", k=2), context("peers", k=16), context("account", k=16), context(k=16)),
    threshold_decibans=25.8,
    severity=Severity.LOW,
    risk_score=21,
    techniques=(CLOUD_ACCOUNTS,),
    source='Elastic, "Unusual AWS Command for a User", ac706eae-d5ec-4b14-b4fd-e8ba8086f0e1',
)


def find(sightings: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:
    """Return the sightings whose command their principal never called, with how surprising it is and why.

    Args:
        sightings: SIGHTINGS and LEARNS, in any order; may be empty.
        history: what was usual before.
        places: PLACES, where each place lies.

    Returns:
        FINDING, one row per (principal, command, hour); `surprise` in decibans (0 and up), `score` 0 to 100.

    Source: RULE.source; MITRE ATT&CK T1078.004 Cloud Accounts.
    """
    return unusual(sightings, history, places, RULE)
