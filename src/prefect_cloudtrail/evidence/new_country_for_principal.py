"""For: a country this principal was never in, after a long history elsewhere."""

from prefect_cloudtrail.strand import Strand

GROUP = "place"
LONG_HISTORY_DAYS = 5


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    country = strand.here[0].country
    facts = strand.facts
    if country is None or country in facts.countries or facts.active_days < LONG_HISTORY_DAYS:
        return None
    usual = f"; usual: {strand.usual_in_words}" if strand.facts.usual else ""
    return f"Never in {country} before, in {facts.active_days} active days{usual}."
