"""For: an EC2 instance's credentials used from a network that is not Amazon's."""

from prefect_cloudtrail.strand import Strand

GROUP = "network"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if strand.principal_kind != "instance_role" or strand.is_borrowed:
        return None
    outside = next(
        (call for call in strand.here if call.organisation and "amazon" not in call.organisation.lower()), None
    )
    if outside is None:
        return None
    return f"An EC2 instance's credentials, used from {outside.organisation}, outside AWS."
