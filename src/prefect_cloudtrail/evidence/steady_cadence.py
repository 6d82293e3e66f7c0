"""Against: at this place on the same beat as before, weekly or monthly: a job or a visit that comes round."""

from prefect_cloudtrail.strand import Strand

GROUP = "time"
# The beat, how many days there may be between two visits, and how many times it must have come round.
BEATS = (("week", range(6, 9), 3), ("month", range(27, 33), 2))


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds; a beat that was kept anywhere else explains nothing here.

    Somebody who is here day by day keeps no beat.
    """
    between = strand.facts.days_between
    for beat, days, times in BEATS:
        if len(between) >= times and all(gap in days for gap in between):
            return f"In {strand.city} every {beat}, {len(between)} times before."
    return None
