"""For: a city this principal was never in, after a long history elsewhere."""

from prefect_cloudtrail.strand import Strand

GROUP = "place"
LONG_HISTORY_DAYS = 5


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if strand.level != "place" or strand.facts.active_days < LONG_HISTORY_DAYS:
        return None
    if strand.place in {usual.name for usual in strand.facts.usual}:
        return None
    usual = f"; usual: {strand.usual_in_words}" if strand.facts.usual else ""
    return f"Never seen in {strand.city} in {strand.facts.active_days} active days{usual}."
