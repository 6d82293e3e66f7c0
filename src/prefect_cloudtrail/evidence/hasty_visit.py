"""For: a visit of minutes, and active elsewhere sooner than a flight takes: nobody travels for that."""

from prefect_cloudtrail.evidence import impossible_travel
from prefect_cloudtrail.evidence.short_visit import SHORT
from prefect_cloudtrail.strand import Strand

GROUP = "travel"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds: who works for hours at both ends has a machine or a tunnel at one of them."""
    active = impossible_travel.explain(strand)
    if active is None or strand.last - strand.first >= SHORT:
        return None
    minutes = int((strand.last - strand.first).total_seconds() // 60)
    return f"Here for {minutes} minutes only. {active}"
