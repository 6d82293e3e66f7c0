"""For: rules that ask of something else than the place find the same calls unusual."""

from prefect_cloudtrail.strand import Strand

GROUP = "other"
AT_LEAST_WITHOUT_PLACE = 2


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if len(strand.other_rules) < (1 if strand.new_place else AT_LEAST_WITHOUT_PLACE):
        return None
    return f"Other rules agree: {', '.join(rule.replace('_', ' ') for rule in strand.other_rules)}."
