"""For: silent for weeks, then active here."""

from prefect_cloudtrail.strand import Strand

GROUP = "time"
KNOWN_DAYS = 3
SILENT_DAYS = 21


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    facts = strand.facts
    if facts.active_days < KNOWN_DAYS or facts.silent_days < SILENT_DAYS:
        return None
    return f"Silent for {facts.silent_days} days, then active here."
