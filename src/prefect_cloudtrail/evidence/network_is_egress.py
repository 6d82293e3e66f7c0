"""Against: the network is a shared exit, which says nothing about where a person is."""

from prefect_cloudtrail.strand import Strand

GROUP = "travel"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if any(call.network not in strand.facts.egress for call in strand.here):
        return None
    return "The network is shared by people from elsewhere: it says nothing about where this one is."
