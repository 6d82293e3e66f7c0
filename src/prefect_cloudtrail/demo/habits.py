"""How many innocents do what thieves do, too: one table of habits, one of oddities.

Both are shares of the people, 0 to 1. An organisation may have others: `Organisation.habits` and `.oddities`.
"""

from types import MappingProxyType

# Dealt out: so many of the people, and one of them at least.
HABITS = MappingProxyType(
    {
        "travels": 0.3,
        "machine at home": 0.1,  # goes on running while its owner travels
        "ipv6": 0.15,
        "phone": 0.3,
        "commercial vpn": 0.08,
        "split tunnel": 0.15,  # some calls go through the organisation's egress, the others do not
        "new laptop": 0.1,
        "updates": 0.4,
        "joins": 0.08,
        "leave": 0.08,
        "new job": 0.06,
        "night owl": 0.08,
    }
)
# By chance, each person for themselves; nobody unless the organisation says so. The share is the most that
# `varied.varied` gives an organisation.
ODDITIES = MappingProxyType(
    {
        "consultant": 0.08,  # joins for some weeks, on a desktop at a hosting company
        "hosted desktop": 0.06,  # works on a desktop at a hosting company now and then; its city moves every day
        "relocates": 0.06,  # to another city for good, with a new laptop
        "on call": 0.12,  # is called at the hotel, and denied in a row
        "onboards": 0.08,  # makes users and keys while travelling, commands new to them
        "works on board": 0.1,  # of an aeroplane, whose way out lies anywhere
        "goes off-site": 0.5,  # with the others, some days in one hotel
        "rotating address": 0.3,  # a home whose provider changes its network every few days
        "bad days": 0.15,  # on some of which a third of the calls fail
    }
)
