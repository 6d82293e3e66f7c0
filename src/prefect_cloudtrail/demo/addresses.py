"""Who holds which network, and where a geo database puts it.

Every kind of line has its own range, numbered in the order networks are first asked for. A thief's lines lie in ranges
that nobody else uses, so a theft more moves no innocent's address. The ranges are globally routable ones, as real
callers' are; what they resolve to, they resolve to in the generated databases alone.
"""

from dataclasses import dataclass
from enum import StrEnum

from prefect_cloudtrail.demo.chance import stream
from prefect_cloudtrail.demo.geography import CITIES, COUNTRIES, City, hub
from prefect_cloudtrail.demo.organisation import MISPLACED_SHARE, Organisation

# Private-use numbers (RFC 6996), so that no invented provider carries a real one's.
FIRST_ASN = 4_200_000_000
AMAZON_ASN = 16509
HOSTING = ("Example Hosting", "Northwind Cloud Hosting", "Quayside Servers Hosting", "Budget VPS Hosting")


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
    DESKTOP = "desktop"  # a desktop or a build machine rented at a hosting company; innocents only
    BOARD = "board"  # an aeroplane's or a train's way out, wherever it is
    GATEWAY = "gateway"  # a carrier's gateway, in whichever city of the country it lies that time
    STRANGER6 = "stranger6"  # as STRANGER, speaking IPv6
    STRANGER_PHONE = "stranger phone"  # a phone of somebody outside: resolves to its carrier's hub; thieves only


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
    Line.DESKTOP: 188,
    Line.BOARD: 57,
    Line.GATEWAY: 79,
    Line.STRANGER_PHONE: 87,
}
SIX = {Line.HOME6: "2a00:1000", Line.STRANGER6: "2a00:2000"}


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
    """The networks handed out so far, and what the geo database makes of them.

    Args:
        seed: the organisation's.
        misplaced_share: how many home lines the database puts into the wrong city of the right country, 0 to 1.
        nameless_share: of how many networks it names no city, only a country; AWS's own are always named.
        rented_exits: whether commercial VPNs rent their exits from hosting companies rather than own them.
    """

    def __init__(
        self,
        seed: int,
        *,
        misplaced_share: float = MISPLACED_SHARE,
        nameless_share: float = 0.0,
        rented_exits: bool = False,
    ) -> None:
        self._seed = seed
        self._misplaced_share = misplaced_share
        self._nameless_share = nameless_share
        self._rented_exits = rented_exits
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

    def resolved(self, spot: Spot) -> City | None:
        """Return where the database puts the spot, None where it knows the country alone; hands nothing out."""
        if spot.line == Line.NOWHERE or self._happens(
            "nameless", spot, self._nameless_share * (spot.line != Line.CLOUD)
        ):
            return None
        misplaced = spot.line == Line.HOME and self._happens("misplaced", spot, self._misplaced_share)
        elsewhere = misplaced or spot.line in {Line.CARRIER, Line.STRANGER_PHONE}
        return hub(spot.city) if elsewhere else spot.city

    def _happens(self, what: str, spot: Spot, share: float) -> bool:
        names = (spot.city.name, spot.holder) if what == "misplaced" else (spot.line, spot.city.name, spot.holder)
        return share > 0 and stream(self._seed, what, *names).random() < share

    def _hand_out(self, number: int, spot: Spot) -> Network:
        asn, organisation = _provider(self._seed, spot, rented_exits=self._rented_exits)
        return Network(
            cidr=_cidr(number, spot.line),
            country=spot.city.country,
            city=self.resolved(spot),
            asn=asn,
            organisation=organisation,
        )


def address_plan(organisation: Organisation) -> AddressPlan:
    """Return the plan of this organisation's networks, with none handed out yet."""
    return AddressPlan(
        organisation.seed,
        misplaced_share=organisation.misplaced_share,
        nameless_share=organisation.nameless_share,
        rented_exits=organisation.rented_exits,
    )


def _cidr(number: int, line: Line) -> str:
    if line in SIX:
        return f"{SIX[line]}:{number + 1:x}::/48"
    return f"{FIRST_OCTET[line]}.{number >> 8}.{number & 255}.0/24"


def _provider(seed: int, spot: Spot, *, rented_exits: bool) -> tuple[int, str]:
    """Return the number and the name of who runs the line; the range of numbers says what kind of line it is."""
    place = CITIES.index(spot.city)
    chance = stream(seed, "provider", spot.line, spot.city.name, spot.holder)
    rented = chance.randrange(len(HOSTING))
    # Two providers a city for homes: a thief in a colleague's city is as likely to be on the colleague's own.
    second = chance.randrange(2)
    residential = FIRST_ASN + 1000 + 2 * place + second, f"{spot.city.name} {('Broadband', 'Fibre')[second]}"
    hosting = FIRST_ASN + 10 + rented, HOSTING[rented]
    country = list(COUNTRIES).index(spot.city.country)
    return {
        Line.CLOUD: (AMAZON_ASN, "Amazon.com, Inc."),
        Line.EGRESS: (FIRST_ASN, "Example Corp Network"),
        Line.EXIT: hosting if rented_exits else (FIRST_ASN + 1, "Example VPN"),
        Line.HOSTING: hosting,
        Line.DESKTOP: hosting,
        Line.BOARD: (FIRST_ASN + 2, "Example Onboard Internet"),
        Line.GATEWAY: (FIRST_ASN + 600 + country, f"{spot.city.country} Mobile"),
        Line.STRANGER_PHONE: (FIRST_ASN + 600 + country, f"{spot.city.country} Mobile"),
        Line.CARRIER: (FIRST_ASN + 100 + place, f"{spot.city.country} Mobile"),
        Line.NOWHERE: (FIRST_ASN + 200 + place, f"{spot.city.country} Telecom"),
        Line.OFFICE: (FIRST_ASN + 300 + place, f"{spot.city.name} Business Net"),
    }.get(spot.line, residential)
