"""Whether somebody announced this."""

from prefect_cloudtrail.context.asked import Answered, Asked, moment, number, shown
from prefect_cloudtrail.feedback import Entry, PlannedWork, Subject, TravelNotice

ORDER = 4
ASKS = "Is it planned patching, an update, or admin work?"
PERMISSIONS = ()


def answer(case: Asked) -> Answered:
    """Return the calendar's entries that are about some of the calls, and how many they cover."""
    calls = list(case.here.iter_rows(named=True))
    entries = [
        each
        for kind in (PlannedWork, TravelNotice)
        for each in case.feedback.of(kind)
        if each.end is None or each.end.effective_at > case.now
    ]
    covered = {each.entry_id: sum(_covers(each, call) for call in calls) for each in entries}
    rows = [_row(each, covered[each.entry_id]) for each in entries if covered[each.entry_id]]
    if not rows:
        if not entries:
            return Answered(("No: the calendar is empty.",))
        if not calls:
            return Answered((), (), "the event index holds none of its calls", "the calendar")
        entered = "one entry" if len(entries) == 1 else f"{len(entries)} entries"
        return Answered((f"No: of {entered} in the calendar, none is about these calls.",))
    sentences = [
        f"{_kind(each)} covers {covered[each.entry_id]} of {number(len(calls), 'call')}: {shown(each.why)}, "
        f"entered by {shown(each.by)}{_after(each, case)}."
        for each in entries
        if covered[each.entry_id]
    ]
    return Answered(tuple(sentences), tuple(rows))


def _covers(entry: Entry, call: dict[str, object]) -> bool:
    names = ("principal", "person", "cloud.account.id", "command", "place", "source.geo.country_iso_code", "network")
    at = call["@timestamp"]
    return entry.covers(Subject(*(call[name] for name in names)), at, at)  # type: ignore[arg-type]


def _kind(entry: Entry) -> str:
    return "Planned work" if isinstance(entry, PlannedWork) else "A travel notice"


def _after(entry: Entry, case: Asked) -> str:
    return ", after the calls" if entry.effective_at > case.incident.first_event else ""


def _row(entry: Entry, covered: int) -> dict[str, object]:
    return {
        "entry_id": entry.entry_id,
        "kind": entry.kind,
        "scope": shown(entry.scope.in_words, 200),
        "since": moment(entry.since),
        "until": moment(entry.until),
        "calls_covered": covered,
    }
