"""Opens the sources that are no buckets: a queue of notices, and LookupEvents."""

import re
from datetime import datetime, timedelta
from typing import Any

from botocore.config import Config

from prefect_cloudtrail.aws import ANY_REGION, CONTROL, PATIENCE, Patience, bucket_and_prefix, open_bucket, open_client
from prefect_cloudtrail.cloudtrail.lookup import LookupSource
from prefect_cloudtrail.cloudtrail.refusals import Refused, refused
from prefect_cloudtrail.cloudtrail.s3 import S3Source
from prefect_cloudtrail.cloudtrail.sqs import CALLS_AT_ONCE, SqsSource, queue_named
from prefect_cloudtrail.errors import SettingsError

_QUEUE = Config(
    connect_timeout=5,
    read_timeout=30,  # an empty queue is waited for
    max_pool_connections=CALLS_AT_ONCE,
    retries={"mode": "standard", "total_max_attempts": 5},
)
# What was throttled is asked again with growing pauses: for a minute and more, by far the longest of them all.
LOOKUP_ATTEMPTS = 8
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_QUEUE_URL = re.compile(
    r"sqs://(?:(?:sqs\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?|[^/]+)/(?P<account>\d{12})/)?"
    r"(?P<name>[A-Za-z0-9_-]{1,80})"
)


def open_notices(
    url: str,
    trail: str,
    *,
    endpoint_url: str | None = None,
    role_arn: str | None = None,
    external_id: str | None = None,
    region: str | None = None,
    patience: Patience = PATIENCE,
) -> SqsSource:
    """Return the log objects of a trail that notices on a queue name.

    Args:
        url: `sqs://QUEUE_NAME`, or the queue's own URL with sqs:// for https://.
        trail: `s3://bucket/prefix`, which the notices may name, and nothing else.
        endpoint_url: where AWS answers, if it is not AWS.
        role_arn: the role to assume for both.
        external_id: what the role's account asks for.
        region: of the queue, where its URL does not say it.
        patience: how long to wait for the bucket, and how often to try again.

    Raises:
        SettingsError: the URLs, the endpoint or the role cannot be meant.
        SourceError: there is no such queue or bucket, it cannot be reached, or there are no credentials.
    """
    name, account, of_region = queue_of(url)
    bucket, prefix = bucket_and_prefix(trail)
    sqs = open_client(
        "sqs",
        endpoint_url=endpoint_url,
        role_arn=role_arn,
        external_id=external_id,
        region=of_region or region,
        config=_QUEUE,
    )
    queue = queue_named(sqs, name, account)
    store = open_bucket(
        bucket,
        endpoint_url=endpoint_url,
        role_arn=role_arn,
        external_id=external_id,
        region=region,
        patience=patience,
    )
    return SqsSource(queue, S3Source(store, bucket, prefix))


def open_lookup(
    url: str,
    *,
    endpoint_url: str | None = None,
    role_arn: str | None = None,
    external_id: str | None = None,
    region: str | None = None,
    look_back: timedelta = timedelta(hours=2),
    since: datetime | None = None,
    until: datetime | None = None,
    attempts: int = LOOKUP_ATTEMPTS,
) -> LookupSource:
    """Return the account's management events of the last 90 days, as LookupEvents answers them.

    Args:
        url: `lookup://REGION,REGION`; without any, the region that is set, and the one of the global services.
        endpoint_url: where AWS answers, if it is not AWS.
        role_arn: the role to assume, whose account it is then.
        external_id: what the role's account asks for.
        region: the one that is set; by default the environment's.
        look_back: as the runs have it.
        since: nothing that happened before is asked.
        until: nothing that happened after it is asked.
        attempts: how often a request that was throttled or cut off is made.

    Raises:
        SettingsError: the URL, the endpoint or the role cannot be meant.
        SourceError: STS cannot be asked whose account it is, or there are no credentials.
    """
    config = CONTROL.merge(Config(retries={"mode": "standard", "total_max_attempts": attempts}))
    regions = regions_of(url)

    def opened(service: str, of_region: str | None, how: Config) -> Any:  # noqa: ANN401 - boto3's own
        return open_client(
            service,
            endpoint_url=endpoint_url,
            role_arn=role_arn,
            external_id=external_id,
            region=of_region,
            config=how,
        )

    sts = opened("sts", regions[0] if regions else region, CONTROL)
    try:
        account = sts.get_caller_identity()["Account"]
    except Refused as error:
        raise refused(error, "cannot tell whose account it is", "sts:GetCallerIdentity") from error
    asked = regions or tuple(dict.fromkeys((ANY_REGION, sts.meta.region_name)))
    clients = {each: opened("cloudtrail", each, config) for each in asked}
    return LookupSource(clients, account, look_back=look_back, since=since, until=until)


def queue_of(url: str) -> tuple[str, str | None, str | None]:
    """Return the queue's name, and its account and region where the URL says them.

    Raises:
        SettingsError: it is no `sqs://QUEUE_NAME`, nor a queue's URL.
    """
    found = _QUEUE_URL.fullmatch(url)
    if not found:
        raise SettingsError(
            f"cannot read from {url}: name a queue as sqs://NAME, or by its URL with sqs:// for https://, as in "
            "sqs://sqs.eu-central-1.amazonaws.com/111122223333/NAME"
        )
    return found["name"], found["account"], found["region"]


def regions_of(url: str) -> tuple[str, ...]:
    """Return the regions that `lookup://REGION,REGION` names.

    Raises:
        SettingsError: one of them is no region's name.
    """
    named = url.partition("://")[2].strip("/")
    regions = tuple(dict.fromkeys(each.strip() for each in named.split(","))) if named else ()
    if not all(_REGION.fullmatch(each) for each in regions):
        raise SettingsError(f"cannot read from {url}: name regions, as in lookup://us-east-1,eu-central-1")
    return regions
