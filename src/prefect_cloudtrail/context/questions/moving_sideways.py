"""Where its credentials were taken to."""

import polars as pl

from prefect_cloudtrail.context.asked import Answered, Asked, listed, moment, number, shown

ORDER = 15
ASKS = "Is it moving sideways?"
PERMISSIONS = ()
_KEY = pl.col("aws.cloudtrail.user_identity.access_key_id")


def answer(case: Asked) -> Answered:
    """Return the sessions it traded its credentials for, hop by hop, and the other accounts it reached."""
    calls = case.trace.calls
    rows, sentences = [], []
    for each in case.trace.sessions:
        used = calls.filter(each.access_key_id == _KEY).height
        until = f", good until {moment(each.expires_at)}" if each.expires_at else ""
        sentences.append(f"{moment(each.started_at)}: {shown(each.role, 150)}{until}; {number(used, 'call')} with it.")
        rows.append(
            {
                "role": shown(each.role, 200),
                "session": shown(each.name),
                "account": each.account_id,
                "access_key_id": each.access_key_id,
                "started_by": each.started_by,
                "calls": used,
            }
        )
    reached = sorted(set(case.here["cloud.account.id"].drop_nulls()) - {case.incident.account_id})
    if reached:
        sentences.append(f"It reached {number(len(reached), 'other account')}: {listed(reached)}.")
    if not sentences and case.trace.incomplete:
        return Answered(
            (), (), shown(case.trace.incomplete.rstrip("."), 300), "the event index, the records of its trades"
        )
    first = () if rows else ("It traded its credentials for no others.",)
    return Answered((*first, *sentences), tuple(rows))
