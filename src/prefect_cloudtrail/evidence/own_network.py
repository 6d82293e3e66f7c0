"""Against: the address is listed as our own: an office, a NAT gateway, an instance."""

from prefect_cloudtrail.strand import Strand

GROUP = "network"
OWN = "own"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if any(call.kind != OWN for call in strand.here):
        return None
    return "Every address here is listed as our own."
