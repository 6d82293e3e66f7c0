"""For: what an intruder does, new to this principal, and used by hardly any of its peers."""

from prefect_cloudtrail.evidence import rare_commands, sensitive_commands
from prefect_cloudtrail.strand import Strand

GROUP = "commands"


def explain(strand: Strand) -> str | None:
    """Return the sentence when one command is both: what peers do comes with a new job, too."""
    found = sensitive_commands.first_tactic(set(rare_commands.rare(strand)))
    return f"{found}, new for it, and used by at most a tenth of its peers." if found else None
