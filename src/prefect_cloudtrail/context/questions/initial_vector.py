"""How the credential may have been lost."""

from typing import Any

import polars as pl

from prefect_cloudtrail.context.asked import MOST_ROWS, Answered, Asked, moment, number, shown
from prefect_cloudtrail.context.chains import part
from prefect_cloudtrail.context.lookups import Unanswered

ORDER = 18
ASKS = "What was the initial vector?"
PERMISSIONS = ("iam:GetAccessKeyLastUsed", "iam:ListAccessKeys")


def answer(case: Asked) -> Answered:
    """Return the key's age and last use, what used it in 90 days, and the first event that did not fit."""
    first = case.incident.first_event
    sentences = [f"The first call that did not fit was at {moment(first)}."]
    began = sorted(
        {
            str(part(each, "userIdentity", "sessionContext", "attributes").get("creationDate"))
            for each in case.records_here
        }
        - {"None"}
    )
    if began:
        sentences.append(f"Its session began at {shown(began[0])}.")
    users = case.own.select("agent", "network", "asn").unique()
    rows: list[dict[str, Any]] = [
        {"client": shown(agent), "network": network, "owner": asn, "last": moment(last)}
        for agent, network, asn, last in case.own.group_by("agent", "network", "asn")
        .agg(pl.col("hour").max())
        .sort("hour", "network", descending=[True, False])
        .head(MOST_ROWS)
        .iter_rows()
    ]
    sentences.append(
        f"In the 90 days before it was used by {number(users['agent'].n_unique(), 'client')} "
        f"on {number(users['network'].drop_nulls().n_unique(), 'network')}."
    )
    if case.user_name is None:
        return Answered(tuple(sentences), tuple(rows))
    keys = case.lookups.ask("iam", "ListAccessKeys", case.incident.account_id, UserName=case.user_name)
    if isinstance(keys, Unanswered):
        return Answered(tuple(sentences), tuple(rows), f"the key's age: {keys.why}", "history, the records")
    why = None
    for key in keys["AccessKeyMetadata"]:
        age = number((case.now - key["CreateDate"]).days, "day")
        used = case.lookups.ask("iam", "GetAccessKeyLastUsed", case.incident.account_id, AccessKeyId=key["AccessKeyId"])
        if isinstance(used, Unanswered):
            why = f"the key's last use: {used.why}"
            last = ""
        else:
            at = used["AccessKeyLastUsed"].get("LastUsedDate")
            last = f", last used at {moment(at)}" if at else ", never used"
        sentences.append(f"{key['AccessKeyId']} is {age} old and {key['Status']}{last}.")
    return Answered(tuple(sentences), tuple(rows), why, "history, IAM" if why else "")
