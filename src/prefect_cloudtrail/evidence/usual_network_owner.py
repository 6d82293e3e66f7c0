"""Against: the same provider's networks are usual for this principal."""

from prefect_cloudtrail.strand import Strand

GROUP = "network"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    for call in strand.here:
        if call.asn is not None and f"AS{call.asn}" in strand.facts.asns:
            return f"{call.organisation or f'AS{call.asn}'} is a provider it often uses."
    return None
