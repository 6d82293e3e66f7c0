"""Against: near a place that is usual for this principal."""

from prefect_cloudtrail.strand import Strand

GROUP = "place"
NEAR_KM = 150


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    nearest = strand.nearest_usual
    if nearest is None or nearest[0] > NEAR_KM:
        return None
    return f"Only {nearest[0]:,.0f} km from {nearest[1].name.split(',')[0]}, which is usual for it."
