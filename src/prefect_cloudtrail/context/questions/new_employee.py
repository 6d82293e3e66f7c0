"""Whether it is a newcomer, where colleagues are."""

import polars as pl

from prefect_cloudtrail.context.asked import Answered, Asked, hour_of, moment, shown
from prefect_cloudtrail.context.lookups import Unanswered

ORDER = 12
ASKS = "Is it a new employee in a new city?"
PERMISSIONS = ("iam:GetUser",)


def answer(case: Asked) -> Answered:
    """Return when it was made, when it was first seen, and which peers were in its city."""
    first = hour_of(case.own["hour"].min())
    sentences = [f"It was first seen at {moment(first)}." if first else "It was never seen in the 90 days before."]
    places = sorted(case.here["place"].drop_nulls().unique())
    for place in places[:3]:
        peers = case.peers.filter(pl.col("place") == place)["principal"].n_unique()
        sentences.append(f"Of its peers, {peers} were in {shown(place)} in the 90 days before.")
    if case.user_name is None:
        return Answered(tuple(sentences))
    user = case.lookups.ask("iam", "GetUser", case.incident.account_id, UserName=case.user_name)
    if isinstance(user, Unanswered):
        return Answered(tuple(sentences), (), f"when the user was made: {user.why}", "history")
    return Answered((f"The user was made at {moment(user['User']['CreateDate'])}.", *sentences))
