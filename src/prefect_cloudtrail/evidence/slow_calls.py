"""For: a few calls, an hour and more apart: slow enough not to be seen."""

from itertools import pairwise
from statistics import median

from prefect_cloudtrail.strand import Strand

GROUP = "time"
AT_LEAST = 3
APART_HOURS = 1


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    events = sum(call.events for call in strand.here)
    if events < AT_LEAST:
        return None
    moments = sorted({call.first for call in strand.here})
    hours = [(after - before).total_seconds() / 3600 for before, after in pairwise(moments)]
    apart = median([0.0] * (events - len(moments)) + hours)
    if apart <= APART_HOURS:
        return None
    return f"{events} calls from here, {apart:.1f} hours apart: slow enough not to be seen."
