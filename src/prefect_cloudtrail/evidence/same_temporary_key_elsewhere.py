"""For: the same temporary key used here and over 150 km away; a session does not travel."""

from prefect_cloudtrail.strand import Strand, how_far

GROUP = "travel"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds; who borrows a machine's role takes its key along.

    A session that began here is its owner's, who has a tunnel or a machine elsewhere: nobody hands a victim a key.
    """
    if strand.is_borrowed:
        return None
    keys = {call.temporary_key for call in strand.here} - strand.began_here - {None}
    for call in strand.away:
        if call.temporary_key in keys:
            far = how_far(strand.kilometres(call))
            return f"The same temporary key …{(call.temporary_key or '')[-4:]} is used in {call.where}, {far}."
    return None
