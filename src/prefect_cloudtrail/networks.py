"""What networks are, beside where they are: our own, shared exits, hosting, VPN, Tor. A list, and a heuristic."""

import csv
import ipaddress
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

from prefect_cloudtrail.errors import SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Kind = Literal["own", "egress", "hosting", "vpn", "tor"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_BY_NAME: dict[str, Kind] = {kind: kind for kind in KINDS}
# Kinds that anybody can rent or join.
FOR_RENT = frozenset({"hosting", "vpn", "tor"})
HEADER = ["network", "kind"]
NETWORK_BITS, IPV4 = 24, 4

# Words that hosting companies call themselves by, and the largest whose names have none of them.
_HOSTING = re.compile(
    r"\b(hosting|host|vps|servers?|data ?cent(er|re)s?|colo(cation)?|cloud|m247|ovh|hetzner|contabo|digitalocean|linode"
    r"|akamai connected|vultr|choopa|leaseweb|scaleway|online s\.?a\.?s|psychz|quadranet|datacamp|alibaba|tencent)\b",
    re.IGNORECASE,
)
# A company's own VPN calls itself one, too: only the names of those that sell it to anybody.
_VPN = re.compile(r"\b(nordvpn|tefincom|mullvad|expressvpn|surfshark|protonvpn)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Networks:
    """The listed networks by prefix length, the longest first."""

    listed: tuple[tuple[int, dict[Network, Kind]], ...] = ()
    divided: frozenset[str] = frozenset()  # IPv4 networks of 24 bits of which only a part is listed

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the networks of a CSV file with the columns `network` and `kind`, and any others.

        Raises:
            SettingsError: it cannot be read, or a row is neither; says which.
        """
        found: dict[int, dict[Network, Kind]] = defaultdict(dict)
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(line for line in file if line.strip() and not line.startswith("#"))
                if not set(HEADER) <= set(rows.fieldnames or ()):
                    raise SettingsError(f"{path} has no columns {' and '.join(HEADER)}: write them into its first line")
                for row in rows:
                    network, kind = _row(row, f"{path}: {row['network']!r}, {row['kind']!r}")
                    found[network.prefixlen][network] = kind
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(f"cannot read the list of networks {path}: {error}") from error
        parts = [each for length, networks in found.items() if length > NETWORK_BITS for each in networks]
        divided = {str(each.supernet(new_prefix=NETWORK_BITS)) for each in parts if each.version == IPV4}
        return cls(tuple(sorted(found.items(), reverse=True)), frozenset(divided))

    def kind(self, address: Address, owner: str | None) -> Kind | None:
        """Return what the address belongs to: as listed, by its longest prefix; else by its owner's name.

        Args:
            address: public.
            owner: who announces it; None where that is not known.
        """
        for length, networks in self.listed:
            if length <= address.max_prefixlen:
                found = networks.get(ipaddress.ip_network((address, length), strict=False))
                if found:
                    return found
        return by_name(owner)


NOTHING_LISTED = Networks()


def by_name(owner: str | None) -> Kind | None:
    """Return what a network's owner calls itself; None for a provider of people's lines, or of no name."""
    if owner and _VPN.search(owner):
        return "vpn"
    return "hosting" if owner and _HOSTING.search(owner) else None


def _row(row: dict[str, str], where: str) -> tuple[Network, Kind]:
    try:
        network = ipaddress.ip_network((row["network"] or "").strip())
    except ValueError as error:
        raise SettingsError(f"{where}: {error}; write a network such as 203.0.113.0/24") from error
    kind = _BY_NAME.get((row["kind"] or "").strip().lower())
    if kind is None:
        raise SettingsError(f"{where}: no such kind; it is one of {', '.join(KINDS)}")
    return network, kind
