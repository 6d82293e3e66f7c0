"""For: commands new to this principal that hardly any of its peers use."""

from prefect_cloudtrail.strand import Strand

GROUP = "commands"
KNOWN_DAYS = 3
RARE_SHARE = 0.1
AT_LEAST = 1


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    if strand.facts.active_days < KNOWN_DAYS:
        return None
    shares = dict(strand.facts.peers_using)
    called = {call.command for call in strand.here} - strand.facts.commands
    rare = sorted(command for command in called if shares.get(command, 0.0) <= RARE_SHARE)
    if len(rare) < AT_LEAST:
        return None
    more = f" and {len(rare) - 3} more" if len(rare) > 3 else ""  # noqa: PLR2004 - three fit a line
    return f"New for it, and used by at most a tenth of its peers: {', '.join(rare[:3])}{more}."
