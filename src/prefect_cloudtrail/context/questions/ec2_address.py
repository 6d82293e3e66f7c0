"""Whether the address is a machine in EC2, and whose."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from prefect_cloudtrail.context.asked import Answered, Asked, number, shown
from prefect_cloudtrail.context.lookups import Unanswered

ORDER = 7
ASKS = "Is it an EC2 address, and is it ours?"
PERMISSIONS = ("ec2:DescribeAddresses", "ec2:DescribeNetworkInterfaces")
MOST_PLACES = 12
# Who announces Amazon's ranges.
AMAZON = frozenset({7224, 8987, 14618, 16509})


def answer(case: Asked) -> Answered:
    """Return who holds each address among the accounts and regions it called, else who announces it."""
    here = case.here.filter(pl.col("source.ip").is_not_null())
    if here.is_empty():
        return Answered((), (), "none of its calls came from an address", "the event index")
    announced = {row["source.ip"]: row for row in here.unique("source.ip").sort("source.ip").iter_rows(named=True)}
    sentences = [_announced(ip, row) for ip, row in announced.items()]
    called = case.trace.calls.select("cloud.account.id", "cloud.region").drop_nulls().unique().sort(pl.all())
    places = [(str(account), str(region)) for account, region in called.head(MOST_PLACES).iter_rows()]
    looked_at = "who announces the address"
    rows, why = [], None
    for account, region in places:
        for found in _holders(case, account, region, list(announced)):
            if isinstance(found, Unanswered):
                why = why or found.why
            else:
                rows.append({"address": found[0], "account": account, "region": region, "holder": shown(found[1], 120)})
    sentences += [
        f"{row['address']} is ours: {row['holder']}, account {row['account']}, {row['region']}." for row in rows
    ]
    if why:
        return Answered(tuple(sentences), tuple(rows), f"whether it is ours: {why}", looked_at)
    if not rows:
        asked = number(len(places), "account and region") if len(places) == 1 else f"{len(places)} accounts and regions"
        sentences.append(f"None is an address of ours, asked in {asked}.")
    return Answered(tuple(sentences), tuple(rows))


def _announced(ip: str, row: Mapping[str, Any]) -> str:
    asn, owner = row["source.as.number"], shown(row["source.as.organization.name"] or "nobody known", 60)
    kind = f", marked as {row['network.kind']}" if row["network.kind"] else ""
    if asn in AMAZON:
        return f"{ip} is Amazon's (AS{asn}){kind}: an EC2 address is likely."
    return f"{ip} is announced by {owner}{kind}, not by Amazon."


def _holders(case: Asked, account: str, region: str, ips: list[str]) -> Iterator[tuple[str, str] | Unanswered]:
    asks = (
        ("DescribeAddresses", "public-ip", "Addresses"),
        ("DescribeNetworkInterfaces", "association.public-ip", "NetworkInterfaces"),
    )
    for operation, name, found in asks:
        filters = [{"Name": name, "Values": ips[:50]}]
        answered = case.lookups.ask("ec2", operation, account, region, Filters=filters)
        if isinstance(answered, Unanswered):
            yield answered
            return
        for each in answered[found]:
            ip = each.get("PublicIp") or each.get("Association", {}).get("PublicIp", "")
            holder = each.get("InstanceId") or each.get("Attachment", {}).get("InstanceId")
            yield ip, str(holder or each.get("NetworkInterfaceId") or each.get("AllocationId") or "not in use")
