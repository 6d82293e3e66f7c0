"""For: commands new to this principal that hardly any of its peers use."""

from prefect_cloudtrail.strand import Strand

GROUP = "commands"
KNOWN_DAYS = 3
RARE_SHARE = 0.1


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    found = rare(strand)
    if not found:
        return None
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""  # noqa: PLR2004 - three fit a line
    return f"New for it, and used by at most a tenth of its peers: {', '.join(found[:3])}{more}."


def rare(strand: Strand) -> list[str]:
    """Return the commands called here that are new to it and rare among its peers; none in its first days."""
    if strand.facts.active_days < KNOWN_DAYS:
        return []
    shares = dict(strand.facts.peers_using)
    called = {call.command for call in strand.here} - strand.facts.commands
    return sorted(command for command in called if shares.get(command, 0.0) <= RARE_SHARE)
