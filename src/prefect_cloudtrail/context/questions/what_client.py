"""With which client the calls were made."""

from prefect_cloudtrail.context.asked import Answered, Asked, hour_of, moment, number, shown

ORDER = 2
ASKS = "What kind of client was it?"
PERMISSIONS = ()


def answer(case: Asked) -> Answered:
    """Return each client here: its user agent, and since when the principal and the organisation use it."""
    here = case.here
    if here.is_empty():
        return Answered((), (), "none of its calls is in the event index", "the event index of 14 days")
    written: dict[str, str] = {}
    for record in case.records_here:
        agent = str(record.get("userAgent") or "")
        written.setdefault(agent.strip("[]\"' ").partition("/")[0].strip(), agent)
    rows, sentences = [], []
    for (family,), calls in sorted(here.group_by("user_agent.name"), key=lambda each: -each[1].height):
        days = case.own.filter(agent=family)["hour"].dt.date().n_unique()
        first = hour_of(case.agents.filter(agent=family)["hour"].min())
        known = f"used by it on {number(days, 'earlier day')}" if days else "new for it"
        ours = (
            "new for the organisation, too" if first is None else f"the organisation has used it since {moment(first)}"
        )
        sentences.append(f"{shown(family)}, {number(calls.height, 'call')}: {known}; {ours}.")
        rows.append(
            {"client": shown(family), "user_agent": shown(written.get(str(family), ""), 200), "days_of_90": days}
        )
    return Answered(tuple(sentences), tuple(rows))
