"""Whether a machine's role does what it always does."""

from prefect_cloudtrail.context.asked import Answered, Asked, listed, number

ORDER = 8
ASKS = "Is the instance's role behaving as it does?"
PERMISSIONS = ()


def answer(case: Asked) -> Answered:
    """Return the role's commands here that it had not used in 90 days, and the other incidents about it."""
    if case.incident.principal_kind != "instance_role":
        return Answered(("It is not an instance's role.",))
    if case.own.is_empty():
        return Answered((), (), "the role has no history", "the presences of 90 days")
    here = sorted(case.here["command"].unique())
    new = [command for command in here if case.own.filter(command=command).is_empty()]
    told = f"{len(new)} of its {number(len(here), 'command')} new for the role: {listed(new)}."
    about = f"{number(len(case.others), 'other incident')} about it within 48 hours."
    return Answered((told if new else "It called nothing but what it called in the 90 days before.", about))
