"""Who holds which network, and where a geo database puts it.

Every kind of line has its own range, numbered in the order networks are first asked for. A thief's lines lie in ranges
that nobody else uses, so a theft more moves no innocent's address. The ranges are globally routable ones, as real
callers' are; what they resolve to, they resolve to in the generated databases alone.
"""

from dataclasses import dataclass
from enum import StrEnum

from prefect_cloudtrail.demo.chance import stream
from prefect_cloudtrail.demo.geography import CITIES, City, hub

# Private-use numbers (RFC 6996), so that no invented provider carries a real one's.
FIRST_ASN = 4_200_000_000
AMAZON_ASN = 16509
HOSTING = ("Example Hosting", "Northwind Cloud Hosting", "Quayside Servers Hosting", "Budget VPS Hosting")
# How many home lines a geo database puts into the wrong city of the right country.
MISPLACED_SHARE = 0.02


class Line(StrEnum):
    """What an address is: each a range of its own."""

    OFFICE = "office"
    HOME = "home"
    HOME6 = "home6"  # a home line that speaks IPv6
    HOTEL = "hotel"
    CARRIER = "carrier"  # resolves to the carrier's hub, not to where the phone is
    EGRESS = "egress"  # the organisation's own way out, for people in many places
    EXIT = "exit"  # a commercial VPN
    NOWHERE = "nowhere"  # the database knows the country and no city
    CLOUD = "cloud"  # AWS's own addresses
    HOSTING = "hosting"  # rented servers; thieves only
    STRANGER = "stranger"  # a home line of somebody outside; thieves only


FIRST_OCTET = {
    Line.OFFICE: 62,
    Line.HOME: 81,
    Line.HOTEL: 93,
    Line.CARRIER: 77,
    Line.EGRESS: 145,
    Line.EXIT: 185,
    Line.NOWHERE: 109,
    Line.CLOUD: 52,
    Line.HOSTING: 194,
    Line.STRANGER: 86,
}


@dataclass(frozen=True, slots=True)
class Spot:
    """A caller's place on the net: which line, where, whose, and the host on it (1 to 250)."""

    line: Line
    city: City
    holder: str
    host: int


@dataclass(frozen=True, slots=True)
class Network:
    """One /24 or /48, and what the databases say of it; `city` is None where they know the country alone."""

    cidr: str
    country: str
    city: City | None
    asn: int
    organisation: str

    def address(self, host: int) -> str:
        """Return the host's address in it."""
        start = self.cidr.split("/")[0]
        return f"{start}{host:x}" if ":" in start else f"{start.removesuffix('0')}{host}"


class AddressPlan:
    """The networks handed out so far."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._networks: dict[tuple[Line, City, str], Network] = {}
        self._counts = dict.fromkeys(Line, 0)

    @property
    def networks(self) -> tuple[Network, ...]:
        """Every network handed out."""
        return tuple(self._networks.values())

    def network(self, spot: Spot) -> Network:
        """Return the network this spot is on, the same for the same line, city and holder."""
        key = (spot.line, spot.city, spot.holder)
        if key not in self._networks:
            number = self._counts[spot.line]
            self._counts[spot.line] += 1
            self._networks[key] = self._hand_out(number, spot)
        return self._networks[key]

    def address(self, spot: Spot) -> str:
        """Return the caller's address at this spot."""
        return self.network(spot).address(spot.host)

    def _hand_out(self, number: int, spot: Spot) -> Network:
        asn, organisation = _provider(self._seed, spot)
        return Network(
            cidr=_cidr(number, spot.line),
            country=spot.city.country,
            city=_resolved(self._seed, spot),
            asn=asn,
            organisation=organisation,
        )


def _cidr(number: int, line: Line) -> str:
    if line == Line.HOME6:
        return f"2a00:1000:{number + 1:x}::/48"
    return f"{FIRST_OCTET[line]}.{number >> 8}.{number & 255}.0/24"


def _resolved(seed: int, spot: Spot) -> City | None:
    if spot.line == Line.NOWHERE:
        return None
    misplaced = (
        spot.line == Line.HOME and stream(seed, "misplaced", spot.city.name, spot.holder).random() < MISPLACED_SHARE
    )
    return hub(spot.city) if spot.line == Line.CARRIER or misplaced else spot.city


def _provider(seed: int, spot: Spot) -> tuple[int, str]:
    """Return the number and the name of who runs the line; the range of numbers says what kind of line it is."""
    place = CITIES.index(spot.city)
    chance = stream(seed, "provider", spot.line, spot.city.name, spot.holder)
    rented = chance.randrange(len(HOSTING))
    # Two providers a city for homes: a thief in a colleague's city is as likely to be on the colleague's own.
    second = chance.randrange(2)
    residential = FIRST_ASN + 1000 + 2 * place + second, f"{spot.city.name} {('Broadband', 'Fibre')[second]}"
    return {
        Line.CLOUD: (AMAZON_ASN, "Amazon.com, Inc."),
        Line.EGRESS: (FIRST_ASN, "Example Corp Network"),
        Line.EXIT: (FIRST_ASN + 1, "Example VPN"),
        Line.HOSTING: (FIRST_ASN + 10 + rented, HOSTING[rented]),
        Line.CARRIER: (FIRST_ASN + 100 + place, f"{spot.city.country} Mobile"),
        Line.NOWHERE: (FIRST_ASN + 200 + place, f"{spot.city.country} Telecom"),
        Line.OFFICE: (FIRST_ASN + 300 + place, f"{spot.city.name} Business Net"),
    }.get(spot.line, residential)
