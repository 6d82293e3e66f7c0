import ipaddress
from pathlib import Path

import pytest

from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.networks import NOTHING_LISTED, Networks, by_name

LISTED = """# ours, and what we know of others'
network,kind,note
203.0.113.0/24,egress,office VPN
203.0.113.7,own,NAT gateway
2001:db8:1::/48,Tor,
"""


@pytest.fixture
def listed(tmp_path: Path) -> Networks:
    path = tmp_path / "networks.csv"
    path.write_text(LISTED)
    return Networks.read(path)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("203.0.113.1", "egress"),
        ("203.0.113.7", "own"),
        ("2001:db8:1::5", "tor"),
        ("2001:db8:2::5", None),
        ("198.51.100.1", None),
    ],
)
def test_an_address_is_what_its_longest_listed_prefix_says(listed: Networks, address: str, kind: str | None) -> None:
    assert listed.kind(ipaddress.ip_address(address), "Example Broadband") == kind


def test_what_is_listed_wins_over_the_owners_name(listed: Networks) -> None:
    assert listed.kind(ipaddress.ip_address("203.0.113.7"), "Example Hosting GmbH") == "own"
    assert NOTHING_LISTED.kind(ipaddress.ip_address("203.0.113.7"), "Example Hosting GmbH") == "hosting"


@pytest.mark.parametrize(
    ("owner", "kind"),
    [
        ("M247 Europe SRL", "hosting"),
        ("DigitalOcean, LLC", "hosting"),
        ("Budget VPS Hosting", "hosting"),
        ("Mullvad VPN AB", "vpn"),
        ("Example Corp VPN", None),
        ("Deutsche Telekom AG", None),
        ("Ghost Telecom", None),
        ("", None),
        (None, None),
    ],
)
def test_owners_call_themselves_what_they_are(owner: str | None, kind: str | None) -> None:
    assert by_name(owner) == kind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("address,kind\n", "has no columns network and kind"),
        ("network,kind\n203.0.113.5/24,own\n", "'203.0.113.5/24', 'own': 203.0.113.5/24 has host bits set"),
        ("network,kind\nours,own\n", "write a network such as 203.0.113.0/24"),
        ("network,kind\n203.0.113.0/24,mine\n", "no such kind; it is one of own, egress, hosting, vpn, tor"),
        ("network,kind\n203.0.113.0/24\n", "no such kind"),
        ("", "has no columns"),
    ],
)
def test_a_list_that_cannot_be_read_says_which_row(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "networks.csv"
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        Networks.read(path)
    assert said in str(raised.value)


def test_a_list_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the list of networks"):
        Networks.read(tmp_path / "none.csv")
