"""Against: somebody announced this work, and it covers all that is new here."""

from prefect_cloudtrail.strand import Strand

GROUP = "commands"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    noted = strand.facts.planned_work
    if noted is None:
        return None
    return f"Planned work, entered by {noted.by}: {noted.why}."
