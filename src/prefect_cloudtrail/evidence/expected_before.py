"""Against: an earlier incident of this person here was called expected."""

from prefect_cloudtrail.strand import Strand

GROUP = "identity"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    noted = strand.facts.expected_before
    if noted is None:
        return None
    return f"{strand.city} was called expected for this person before, by {noted.by}: {noted.why}."
