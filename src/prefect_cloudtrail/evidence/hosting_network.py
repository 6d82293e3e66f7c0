"""For: the network belongs to a hosting company, not to people."""

import re

from prefect_cloudtrail.strand import Strand

GROUP = "network"
# Words that hosting companies call themselves by, and the largest whose names have none of them.
HOSTING = re.compile(
    r"\b(hosting|host|vps|servers?|data ?cent(er|re)s?|colo(cation)?|cloud|m247|ovh|hetzner|contabo|digitalocean|linode"
    r"|akamai connected|vultr|choopa|leaseweb|scaleway|online s\.?a\.?s|psychz|quadranet|datacamp|alibaba|tencent)\b",
    re.IGNORECASE,
)
MACHINES = ("instance_role", "role")


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    names = sorted(
        {call.organisation for call in strand.here if call.organisation and HOSTING.search(call.organisation)}
    )
    if not names or strand.principal_kind in MACHINES:
        return None
    return f"The address belongs to {names[0]}, a hosting network."
