"""For: a visit of minutes, with home active around it."""

from datetime import timedelta

from prefect_cloudtrail.strand import Strand

GROUP = "travel"
SHORT = timedelta(minutes=90)
AROUND = timedelta(hours=36)


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if strand.last - strand.first >= SHORT:
        return None
    home = next(
        (
            call
            for call in strand.away
            if abs(call.first - strand.first) < AROUND or abs(strand.last - call.last) < AROUND
        ),
        None,
    )
    if home is None:
        return None
    minutes = int((strand.last - strand.first).total_seconds() // 60)
    return f"Here for {minutes} minutes only, while {home.where} was active within 36 hours."
