"""For: the network is one that anybody can rent or join: hosting, a VPN, Tor."""

from prefect_cloudtrail.networks import FOR_RENT
from prefect_cloudtrail.strand import Strand

GROUP = "network"
NAMES = {"hosting": "a hosting network", "vpn": "a VPN", "tor": "the Tor network"}
USUAL_DAYS = 2


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds; somebody who often is on such networks is no stranger there."""
    here = [call for call in strand.here if call.kind in FOR_RENT]
    rented = sorted({(call.organisation or call.network or "", call.kind or "") for call in here})
    if not rented or strand.is_machine or strand.facts.rented_days >= USUAL_DAYS:
        return None
    owner, kind = rented[0]
    return f"The address belongs to {owner}, {NAMES[kind]}."
