"""Against: somebody announced that this person would be here."""

from prefect_cloudtrail.strand import Strand

GROUP = "travel"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    noted = strand.facts.travel_notice
    if noted is None:
        return None
    return f"Travel notice, entered by {noted.by}: {noted.why}."
