"""For: a client nobody of the organisation ever used."""

from prefect_cloudtrail.strand import Strand

GROUP = "client"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    new = sorted({call.agent for call in strand.here} - strand.facts.organisation_agents)
    if not new or not strand.facts.organisation_active_days:
        return None
    return f"{new[0]}: a client nobody here ever used."
