"""For: away and back sooner than two flights take."""

from prefect_cloudtrail.strand import Strand, flight, how_far

GROUP = "travel"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    left = next((call for call in reversed(strand.away) if call.last <= strand.first), None)
    back = next((call for call in strand.away if call.first >= strand.last), None)
    if not left or not back:
        return None
    km = strand.kilometres(left)
    if back.first - left.last >= 2 * flight(km, 3):
        return None
    hours = (back.first - left.last).total_seconds() / 3600
    return f"{left.where}, here, and {back.where} again within {hours:.1f} hours; {how_far(km)}."
