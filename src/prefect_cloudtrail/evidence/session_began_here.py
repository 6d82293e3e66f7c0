"""Against: an Identity Center session that began here and is used nowhere else."""

from prefect_cloudtrail.strand import Strand

GROUP = "identity"
KIND = "sso_user"


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds: whoever is here signed in to the portal, and took no session along."""
    keys = {call.temporary_key for call in strand.here}
    if strand.principal_kind != KIND or None in keys or keys & {call.temporary_key for call in strand.elsewhere}:
        return None
    return "Its Identity Center sessions began here, and are used nowhere else."
