"""Against: usual for the same person under another principal."""

from prefect_cloudtrail.strand import Strand

GROUP = "place"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if strand.place not in strand.facts.person_places:
        return None
    return f"{strand.city} is usual for the same person under another identity."
