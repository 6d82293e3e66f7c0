"""For: a client this principal never used."""

from prefect_cloudtrail.strand import Strand

GROUP = "client"
KNOWN_DAYS = 3


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if strand.facts.active_days < KNOWN_DAYS:
        return None
    new = sorted({call.agent for call in strand.here} - strand.facts.agents)
    return f"{new[0]}: a client it never used before." if new else None
