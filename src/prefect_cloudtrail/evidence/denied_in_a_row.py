"""For: refused again and again: looking for what the key opens."""

import re

from prefect_cloudtrail.strand import Strand

GROUP = "errors"
DENIED = re.compile("AccessDenied|UnauthorizedOperation|Forbidden")
AT_LEAST = 3
DIFFERENT = 3


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    denied = sum(call.events for call in strand.here if call.error and DENIED.search(call.error))
    commands = {call.command for call in strand.here if call.error and DENIED.search(call.error)}
    if denied < AT_LEAST or len(commands) < DIFFERENT:
        return None
    return f"{denied} calls of {len(commands)} commands were refused: looking for what the key opens."
