"""Against: hours of work here, with every other network silent: somebody who travelled."""

from datetime import timedelta

from prefect_cloudtrail.evidence import slow_calls
from prefect_cloudtrail.strand import Strand

GROUP = "travel"
STAY = timedelta(hours=4)
SILENT = timedelta(hours=36)


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds; a session that began elsewhere, or calls hours apart, are no stay.

    A call over a shared exit proves no journey, but it breaks the silence.
    """
    if strand.last - strand.first < STAY or strand.began_elsewhere or slow_calls.explain(strand):
        return None
    if any(call.last >= strand.first and call.first <= strand.first + SILENT for call in strand.apart):
        return None
    hours = (strand.last - strand.first).total_seconds() / 3600
    return f"Here for {hours:.0f} hours, and silent everywhere else since: like somebody who travelled."
