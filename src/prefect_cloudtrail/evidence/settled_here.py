"""Against: hours here with home silent: somebody who travelled."""

from datetime import timedelta

from prefect_cloudtrail.strand import Strand

GROUP = "travel"
STAY = timedelta(hours=4)
SILENT = timedelta(hours=36)
QUIET_BEFORE = timedelta(0)


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if strand.last - strand.first < STAY:
        return None
    if any(call.last >= strand.first - QUIET_BEFORE and call.first <= strand.first + SILENT for call, _ in strand.away):
        return None
    hours = (strand.last - strand.first).total_seconds() / 3600
    return f"Here for {hours:.0f} hours, and silent everywhere else since: like somebody who travelled."
