"""For: an hour at which this person is hardly ever active."""

from prefect_cloudtrail.strand import Strand

GROUP = "time"
KNOWN_DAYS = 10
RARE_SHARE = 0.05


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds; the hours before and after count as the same."""
    days, hour = strand.facts.active_days, strand.first.hour
    if strand.is_machine or days < KNOWN_DAYS:
        return None
    around = {(hour + step) % 24 for step in (-1, 0, 1)}
    active = max((count for each, count in strand.facts.hours if each in around), default=0)
    if active > RARE_SHARE * days:
        return None
    return f"At {strand.first:%H:%M} UTC, about when it was active on {active} of {days} days."
