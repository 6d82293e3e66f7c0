"""Against: on hosting, VPN or Tor networks before: somebody whose own way out this is."""

from prefect_cloudtrail.networks import FOR_RENT
from prefect_cloudtrail.strand import Strand

GROUP = "network"
USUAL_DAYS = 2


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    days = strand.facts.rented_days
    if days < USUAL_DAYS or any(call.kind not in FOR_RENT for call in strand.here):
        return None
    return f"A hosting network or VPN, as on {days} earlier days."
