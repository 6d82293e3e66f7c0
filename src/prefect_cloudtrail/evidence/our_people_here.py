"""Against: a machine's credentials on a network where our own people work: somebody who tries it from their desk."""

from prefect_cloudtrail.strand import Strand

GROUP = "organisation"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds; a person is no less stolen from on a colleague's network."""
    if not strand.is_borrowed:
        return None
    people = strand.facts.people_here
    return f"A machine's credentials, on a network where {people} of our people {'works' if people == 1 else 'work'}."
