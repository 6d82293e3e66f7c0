"""For: far from every place that is usual for this principal."""

from prefect_cloudtrail.strand import Strand

GROUP = "place"
FAR_KM = 1_000


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    nearest = strand.nearest_usual
    if nearest is None or nearest[0] < FAR_KM:
        return None
    return f"{nearest[0]:,.0f} km from {nearest[1].name.split(',')[0]}, the nearest place usual for it."
