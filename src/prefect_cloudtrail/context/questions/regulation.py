"""Which laws and standards hold for what was touched, and by when they want to hear of it."""

from datetime import timedelta
from types import MappingProxyType

from prefect_cloudtrail.context.asked import Answered, Asked, listed, moment, shown

ORDER = 17
ASKS = "Are there regulatory or legal ramifications?"
PERMISSIONS = ()
# How long each gives, from when one is aware of a breach. Others are named without a clock.
CLOCKS = MappingProxyType(
    {
        "GDPR": (timedelta(hours=72), "to tell the supervisory authority (article 33)"),
        "HIPAA": (timedelta(days=60), "to tell the people concerned (45 CFR 164.404)"),
        "NIS2": (timedelta(hours=24), "for the early warning (article 23)"),
    }
)


def answer(case: Asked) -> Answered:
    """Return the regimes that the rules mark a touched account or service with, each with its clock."""
    if not case.rules.regimes:
        why = "the rules mark no account or service with a regime (regimes)"
        return Answered((), (), why, "the rules")
    touched = {command.partition(":")[0] for command in case.here["command"]}
    touched |= set(case.here["cloud.account.id"].drop_nulls()) | {case.incident.account_id}
    detected = min((alert.raised_at for alert in case.incident.alerts), default=case.incident.opened_at)
    sentences, rows = [], []
    for name, marked in sorted(case.rules.regimes.items()):
        hit = sorted(touched & set(marked))
        if not hit:
            continue
        length, what = CLOCKS.get(name.upper().replace(" ", ""), (None, ""))
        until = detected + length if length else None
        clock = f"until {moment(until)} {what}, counted from detection" if until else "no clock of it is known here"
        sentences.append(f"{shown(name)} holds for {listed(hit)}: {clock}.")
        rows.append({"regime": shown(name), "touched": hit, "until": until.isoformat() if until else None})
    return Answered(tuple(sentences) or ("None of the marked accounts and services was touched.",), tuple(rows))
