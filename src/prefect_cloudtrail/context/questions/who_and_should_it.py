"""Who it is, what it did, and whether that is what it does."""

from prefect_cloudtrail.context.asked import Answered, Asked, listed, number, shown
from prefect_cloudtrail.context.tags import owner_tag

ORDER = 1
ASKS = "Who is it, which action was it, and should it do this?"
PERMISSIONS = ("iam:ListRoleTags", "iam:ListUserTags")


def answer(case: Asked) -> Answered:
    """Return the principal and its commands: how often here, on how many of the last 90 days, by how many peers."""
    incident, here = case.incident, case.here
    kind, keys = incident.principal_kind.replace("_", " "), listed(list(incident.access_key_ids), 3)
    who = f"{shown(incident.principal, 200)}, {kind}, account {incident.account_id or 'unknown'}"
    tag = owner_tag(case)
    sentences = [f"{who}, key {keys}." if keys else f"{who}, no access key known.", tag.sentence]
    days = {command: _days(case, command) for command in here["command"].unique().sort()}
    peers = case.peers["principal"].n_unique()
    rows = [
        {
            "command": shown(command),
            "calls": here.filter(command=command).height,
            "days_of_90": days[command],
            "peers_using": case.peers.filter(command=command)["principal"].n_unique(),
            "peers": peers,
        }
        for command in sorted(days, key=lambda each: (days[each], -here.filter(command=each).height, each))
    ]
    if not rows:
        return Answered(tuple(sentences), (), "none of its calls is in the event index", "the event index of 14 days")
    new = [str(row["command"]) for row in rows if not row["days_of_90"]]
    unused = [str(row["command"]) for row in rows if not row["days_of_90"] and not row["peers_using"]]
    called = f"It called {number(len(rows), 'command')} here, {number(here.height, 'call')}"
    sentences.append(f"{called}; {len(new)} new for it: {listed(new)}." if new else f"{called}; none is new for it.")
    if peers and new:
        told = f"{listed(unused)}: used by none of its {number(peers, 'peer')} in 90 days."
        sentences.append(told if unused else f"Each is used by some of its {number(peers, 'peer')}.")
    return Answered(tuple(sentences), tuple(rows), tag.undetermined, tag.looked_at)


def _days(case: Asked, command: str) -> int:
    return case.own.filter(command=command)["hour"].dt.date().n_unique()
