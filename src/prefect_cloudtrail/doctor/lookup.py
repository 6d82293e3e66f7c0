"""Whether LookupEvents answers in each region, and whether the region that records global services is among them."""

from collections.abc import Iterator
from datetime import datetime

from prefect_cloudtrail.aws import ANY_REGION
from prefect_cloudtrail.checks import Check, ago
from prefect_cloudtrail.cloudtrail.lookup import LookupSource


def look_at_lookup(source: LookupSource, now: datetime) -> Iterator[Check]:
    """Yield what is to be said of each region that is asked.

    Args:
        source: with a client for each.
        now: what this machine's clock says.

    Raises:
        SourceError: a region cannot be asked.
    """
    for region in source.clients:
        newest = source.look(region)
        where = f"LookupEvents of account {source.account} in {region}"
        if newest is None:
            fix = f"leave {region} out of --source where nobody works there"
            yield Check("source", "warn", f"{where}: no management event in 90 days", fix)
        else:
            yield Check("source", "ok", f"{where}: the newest event happened {ago(now - newest)}")
    # China and GovCloud have global services of their own.
    if ANY_REGION not in source.clients and not any(each.startswith(("cn-", "us-gov-")) for each in source.clients):
        said = f"{ANY_REGION} is not asked, which records IAM, sign-ins as root, and what other services do globally"
        yield Check("source", "warn", said, f"name it too: lookup://{','.join((ANY_REGION, *source.clients))}")
