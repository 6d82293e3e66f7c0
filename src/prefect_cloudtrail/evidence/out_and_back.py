"""For: away and back sooner than two flights take."""

from prefect_cloudtrail.strand import Strand, flight, how_far

GROUP = "travel"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    before = [(call, km) for call, km in strand.away if call.last <= strand.first]
    after = [(call, km) for call, km in strand.away if call.first >= strand.last]
    if not before or not after:
        return None
    (left, km), (back, _) = before[-1], after[0]
    if back.first - left.last >= 2 * flight(km, 3):
        return None
    hours = (back.first - left.last).total_seconds() / 3600
    return f"{left.where}, here, and {back.where} again within {hours:.1f} hours; {how_far(km)}."
