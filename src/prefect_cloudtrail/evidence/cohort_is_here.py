"""Against: several other people came to the same network in these days: a move, a new VPN."""

from prefect_cloudtrail.strand import Strand

GROUP = "organisation"
COHORT = 3


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if strand.facts.cohort < COHORT:
        return None
    return f"{strand.facts.cohort} other people first came to this network within 72 hours."
