"""For: active at another place less than a flight before or after."""

from prefect_cloudtrail.strand import Strand, flight, how_far

GROUP = "travel"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    away = [(there, strand.kilometres(there)) for there in strand.away]
    for here in strand.here:
        for there, km in away:
            gap = max(here.first - there.last, there.first - here.last)
            if gap < flight(km, 2):
                minutes = int(gap.total_seconds() // 60)
                when = f"{minutes} minutes {there.side_of(here)}" if minutes > 0 else "at the same time"
                return f"Active in {there.where}, {how_far(km)}, {when}."
    return None
