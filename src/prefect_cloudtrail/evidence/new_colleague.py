"""Against: new, and where several of its peers are: somebody who started work."""

from prefect_cloudtrail.strand import Strand

GROUP = "identity"
NEW_DAYS = 14
PEERS = 3


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    facts = strand.facts
    if facts.known_days > NEW_DAYS or facts.peers_here < PEERS:
        return None
    return f"First seen {facts.known_days} days ago; {facts.peers_here} of its peers are in {strand.city}, too."
