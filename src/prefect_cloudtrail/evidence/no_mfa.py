"""For: a session without MFA, where every one before had it."""

from prefect_cloudtrail.strand import Strand

GROUP = "identity"
KNOWN_DAYS = 5


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    facts = strand.facts
    if facts.mfa_days < KNOWN_DAYS or facts.no_mfa_days or not any(call.mfa is False for call in strand.here):
        return None
    return f"A session without MFA; on each of {facts.mfa_days} earlier days it had it."
