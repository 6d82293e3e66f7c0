"""For: a temporary key that was first used over 150 km away; a session does not travel."""

from prefect_cloudtrail.strand import Strand, how_far

GROUP = "identity"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds; a shared exit is elsewhere, too, as a session began there is somebody's."""
    call = strand.began_elsewhere
    if call is None or strand.is_borrowed:
        return None
    key = f"…{(call.temporary_key or '')[-4:]}"
    return f"The temporary key {key} was first used in {call.where}, {how_far(strand.kilometres(call))}."
