"""For: nobody of the organisation was ever in this country."""

from prefect_cloudtrail.strand import Strand

GROUP = "organisation"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    facts, country = strand.facts, strand.here[0].country
    if country is None or facts.organisation_country_days or not facts.organisation_active_days:
        return None
    return f"Nobody here was ever in {country}, in {facts.organisation_active_days} days."
