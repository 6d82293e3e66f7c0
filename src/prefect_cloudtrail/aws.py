"""Opens what lies in AWS: credentials that renew themselves, a bucket in whichever region it is."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ProfileNotFound
from botocore.exceptions import ConnectionError as NoConnectionError
from obstore.store import S3Store

from prefect_cloudtrail.cloudtrail.s3 import S3Source
from prefect_cloudtrail.errors import SettingsError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import ClientConfig, RetryConfig, S3Credential
    from types_boto3_s3 import S3Client
    from types_boto3_sts import STSClient

_SESSION_NAME = "prefect-cloudtrail"
ANY_REGION = "us-east-1"  # it answers for buckets of all of them, and records the calls of services that have none
# botocore renews what would not last for 10 minutes more.
_LASTS = timedelta(minutes=10)
CONTROL = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
_UNREACHABLE = (NoConnectionError, HTTPClientError)
_NO_ROLE = "an external id is given, but no role to assume: set the role's ARN too"
_NOT_FOUND, _SERVER_ERROR = 404, 500


@dataclass(frozen=True)
class Patience:
    """How long a request may take and how often it is repeated: after a throttle, an error of S3's, a broken answer."""

    connect: timedelta = timedelta(seconds=5)
    silence: timedelta = timedelta(seconds=20)
    whole: timedelta = timedelta(minutes=5)
    retries: int = 6
    retry_for: timedelta = timedelta(seconds=60)
    first_pause: timedelta = timedelta(milliseconds=200)

    def client_options(self) -> "ClientConfig":
        """Return it as obstore's options of the client."""
        return {
            "connect_timeout": self.connect,
            "read_timeout": self.silence,
            "timeout": self.whole,
            "user_agent": _SESSION_NAME,
        }

    def retry_config(self) -> "RetryConfig":
        """Return it as obstore's rules for retries."""
        return {
            "max_retries": self.retries,
            "retry_timeout": self.retry_for,
            "backoff": {"init_backoff": self.first_pause, "max_backoff": timedelta(seconds=10), "base": 2},
        }


PATIENCE = Patience()


def open_s3(
    url: str,
    *,
    endpoint_url: str | None = None,
    role_arn: str | None = None,
    external_id: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    first_day: date | None = None,
    patience: Patience = PATIENCE,
) -> S3Source:
    """Return the log objects below `s3://bucket/prefix`.

    Args:
        url: bucket and prefix.
        endpoint_url: where S3 and STS answer, if it is not AWS; of an endpoint of AWS, where S3 answers.
        role_arn: the role to assume, again and again for as long as objects are read.
        external_id: what the role's account asks for.
        region: of the bucket; found where it is not given.
        profile: of the AWS configuration; by default the environment's credentials.
        first_day: objects delivered before this UTC day are left out.
        patience: how long to wait, and how often to try again.

    Raises:
        SettingsError: the URL, the endpoint, the profile or the role cannot be meant.
        SourceError: there is no such bucket, it cannot be reached, or there are no credentials.
    """
    bucket, prefix = bucket_and_prefix(url)
    store = open_bucket(
        bucket,
        endpoint_url=endpoint_url,
        role_arn=role_arn,
        external_id=external_id,
        region=region,
        profile=profile,
        patience=patience,
    )
    return S3Source(store, bucket, prefix, first_day=first_day)


def open_bucket(
    bucket: str,
    *,
    endpoint_url: str | None = None,
    role_arn: str | None = None,
    external_id: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    patience: Patience = PATIENCE,
) -> S3Store:
    """Return the bucket as a store, in its region, with credentials that renew themselves; see `open_s3`."""
    if external_id and not role_arn:
        raise SettingsError(_NO_ROLE)
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
    except ProfileNotFound as error:
        raise SettingsError(f"{_one_line(error)}: name one of the AWS configuration") from error
    base = session.region_name or ANY_REGION
    try:
        credentials = session.get_credentials()
        if role_arn:
            sts = session.client("sts", base, endpoint_url=_endpoint_of_others(endpoint_url), config=CONTROL)
            credentials = assumed(sts, role_arn, external_id)
        if credentials is None:
            raise SourceError(f"no credentials for s3://{bucket}: set AWS_PROFILE, a role, or AWS_ACCESS_KEY_ID")
        s3 = _s3(session, base, endpoint_url, credentials)
        found = bucket_region(s3, bucket) or base
        if found != base:
            s3 = _s3(session, found, endpoint_url, credentials)
    except (BotoCoreError, ClientError) as error:
        raise SourceError(f"no credentials for s3://{bucket}: {_one_line(error)}; renew or set them") from error
    except ValueError as error:  # botocore's word for an endpoint that is no URL
        raise SettingsError(f"cannot use the endpoint {endpoint_url}: {_one_line(error)}") from error
    return _store(bucket, s3.meta.endpoint_url, found, renewing(credentials), patience)


def open_client(
    service: str,
    *,
    endpoint_url: str | None = None,
    role_arn: str | None = None,
    external_id: str | None = None,
    region: str | None = None,
    config: Config = CONTROL,
) -> Any:  # noqa: ANN401 - boto3's types cannot tell which client it is
    """Return a client of the service, with credentials that renew themselves.

    Raises:
        SettingsError: the endpoint or the role cannot be meant.
        SourceError: there are no credentials.
    """
    if external_id and not role_arn:
        raise SettingsError(_NO_ROLE)
    endpoint = _endpoint_of_others(endpoint_url)
    try:
        session = boto3.Session(region_name=region)
        base = session.region_name or ANY_REGION
        if role_arn:
            sts = session.client("sts", base, endpoint_url=endpoint, config=CONTROL)
            core = botocore.session.get_session()
            given = Given(assumed(sts, role_arn, external_id))
            core.register_component("credential_provider", CredentialResolver([given]))
            session = boto3.Session(botocore_session=core, region_name=region)
        if session.get_credentials() is None:
            raise SourceError(f"no credentials for {service}: set AWS_PROFILE, a role, or AWS_ACCESS_KEY_ID")
        opened: Any = session
        return opened.client(service, region_name=base, endpoint_url=endpoint, config=config)
    except BotoCoreError as error:
        raise SourceError(f"no credentials for {service}: {_one_line(error)}; renew or set them") from error
    except ValueError as error:  # botocore's word for an endpoint that is no URL
        raise SettingsError(f"cannot use the endpoint {endpoint_url}: {_one_line(error)}") from error


class Given(CredentialProvider):
    """Gives botocore credentials that exist already."""

    METHOD = "sts-assume-role"
    CANONICAL_NAME = "custom-prefect-cloudtrail"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials:
        """Return them."""
        return self._credentials


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """Return the bucket's name and the prefix, without slashes around it.

    Raises:
        SettingsError: it is no `s3://bucket/prefix`.
    """
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.removesuffix("/")
    if scheme != "s3" or not bucket:
        raise SettingsError(f"cannot read from {url}: name a bucket as s3://bucket or s3://bucket/prefix")
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise SettingsError(f"cannot read from {url}: its prefix has a part that is empty or a dot")
    return bucket, prefix


def assumed(sts: "STSClient", role_arn: str, external_id: str | None, session_name: str = _SESSION_NAME) -> Credentials:
    """Return the role's credentials: asked for when first used, and again before they expire.

    Using them raises SourceError where the role cannot be assumed.
    """

    def assume() -> dict[str, str]:
        try:
            if external_id:
                answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name, ExternalId=external_id)
            else:
                answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)
        except _UNREACHABLE as error:
            raise SourceError(
                f"cannot reach STS to assume the role {role_arn}: {_one_line(error)}; check the network and the region"
            ) from error
        except (BotoCoreError, ClientError) as error:
            raise SourceError(
                f"cannot assume the role {role_arn}: {_one_line(error)}; check that it trusts these credentials"
                f"{', that the external id is its own,' if external_id else ' (without an external id)'} "
                "and that they may call sts:AssumeRole on it"
            ) from error
        keys = answer["Credentials"]
        return {
            "access_key": keys["AccessKeyId"],
            "secret_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "expiry_time": keys["Expiration"].isoformat(),
        }

    return DeferredRefreshableCredentials(refresh_using=assume, method="sts-assume-role")


def renewing(credentials: Credentials) -> "Callable[[], S3Credential]":
    """Return what obstore asks for credentials, again whenever the last answer has become old."""

    def current() -> "S3Credential":
        keys = credentials.get_frozen_credentials()
        return {
            "access_key_id": str(keys.access_key),
            "secret_access_key": str(keys.secret_key),
            "token": keys.token,
            "expires_at": datetime.now(UTC) + _LASTS,
        }

    return current


def bucket_region(s3: "S3Client", bucket: str) -> str | None:
    """Return the region that the bucket is in, None where the answer does not say.

    Raises:
        SourceError: there is no such bucket, or S3 cannot be reached.
    """
    try:
        answer = s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        metadata = error.response.get("ResponseMetadata")
        if metadata is None:
            raise SourceError(f"cannot look at the bucket {bucket}: {_one_line(error)}") from error
        if metadata["HTTPStatusCode"] == _NOT_FOUND:
            raise SourceError(
                f"there is no bucket {bucket} at {s3.meta.endpoint_url}: check its name, and the endpoint if one is set"
            ) from error
        if metadata["HTTPStatusCode"] >= _SERVER_ERROR:
            raise SourceError(f"cannot look at the bucket {bucket}: {_one_line(error)}; run again later") from error
        # A grant for one prefix only refuses this question too; whether listing is refused shows when listing.
        return metadata["HTTPHeaders"].get("x-amz-bucket-region")
    except _UNREACHABLE as error:
        raise SourceError(
            f"cannot reach S3 for the bucket {bucket}: {_one_line(error)}; "
            "check the network, the endpoint and the region"
        ) from error
    except BotoCoreError as error:
        raise SourceError(f"cannot look at the bucket {bucket}: {_one_line(error)}") from error
    return answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")


def _s3(session: boto3.Session, region: str, endpoint_url: str | None, credentials: Credentials) -> "S3Client":
    keys = credentials.get_frozen_credentials()
    return session.client(
        "s3",
        region,
        endpoint_url=endpoint_url,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=CONTROL,
    )


def _store(
    bucket: str, endpoint: str, region: str, credential_provider: "Callable[[], S3Credential]", patience: Patience
) -> S3Store:
    # As boto3 does: the bucket in the host's name where that is AWS's and the certificate fits it.
    in_host = _is_aws(endpoint) and "." not in bucket and ".vpce." not in endpoint
    if in_host:
        endpoint = endpoint.replace("://", f"://{bucket}.", 1)
    options = patience.client_options()
    options["allow_http"] = endpoint.startswith("http://")
    return S3Store(
        bucket,
        endpoint=endpoint,
        aws_endpoint_url_s3=endpoint,  # else the environment's would win
        region=region,
        virtual_hosted_style_request=in_host,
        client_options=options,
        retry_config=patience.retry_config(),
        credential_provider=credential_provider,
    )


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _endpoint_of_others(endpoint_url: str | None) -> str | None:
    return None if endpoint_url and _is_aws(endpoint_url) else endpoint_url


def _is_aws(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
