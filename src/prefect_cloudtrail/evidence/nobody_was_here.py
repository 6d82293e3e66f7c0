"""For: nobody of the organisation was ever in this place."""

from prefect_cloudtrail.strand import Strand

GROUP = "organisation"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    facts = strand.facts
    if strand.level != "place" or facts.organisation_place_days or not facts.organisation_active_days:
        return None
    return f"Nobody here was ever in {strand.city}, in {facts.organisation_active_days} days."
