"""For: the same temporary key used here and over 150 km away; a session does not travel."""

from prefect_cloudtrail.strand import Strand, how_far

GROUP = "travel"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds; who borrows a machine's role takes its key along."""
    if strand.is_borrowed:
        return None
    keys = {call.access_key_id for call in strand.here if (call.access_key_id or "").startswith("ASIA")}
    for call in strand.away:
        if call.access_key_id in keys:
            far = how_far(strand.kilometres(call))
            return f"The same temporary key …{(call.access_key_id or '')[-4:]} is used in {call.where}, {far}."
    return None
