"""What a service of AWS, or the way to it, can answer, as one line each: what failed, on what, what to do."""

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from prefect_cloudtrail.errors import SourceError

# What botocore raises where it cannot ask, or is refused.
Refused = (BotoCoreError, ClientError)
_DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
_EXPIRED = "the credentials have expired: renew them, or set a role to assume, which is renewed by itself"
_UNKNOWN = "AWS does not know the access key here: check the credentials, and that the region is enabled"
_ADVICE = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "InvalidClientTokenId": _UNKNOWN,
    "UnrecognizedClientException": _UNKNOWN,
    "SignatureDoesNotMatch": "the secret key does not fit the access key: check the credentials",
    "InvalidSignatureException": "the secret key does not fit the access key, or this machine's clock is wrong",
}


def refused(
    error: BotoCoreError | ClientError, failed: str, permission: str, advice: Mapping[str, str] | None = None
) -> SourceError:
    """Return the error that says in one line what went wrong.

    Args:
        error: what botocore raised.
        failed: what could not be done, and on what.
        permission: what to grant where it was denied.
        advice: what to do by the service's own error codes.
    """
    if isinstance(error, ClientError):
        code = code_of(error)
        known = {**_ADVICE, **(advice or {})}
        if code in known:
            return SourceError(f"{failed}: {known[code]} ({code})")
        if code in _DENIED:
            return SourceError(f"{failed}: access denied: grant {permission} ({_one_line(error)})")
        if "Throttl" in code or code == "RequestLimitExceeded":
            return SourceError(f"{failed}: AWS has throttled it for too long: run again later ({code})")
        return SourceError(f"{failed}: {_one_line(error)}; run again later")
    if isinstance(error, (NoConnectionError, HTTPClientError)):
        return SourceError(f"{failed}: {_one_line(error)}; check the network, the endpoint and the region")
    return SourceError(f"{failed}: {_one_line(error)}; renew or set the credentials")


def code_of(error: Exception) -> str:
    """Return the service's own word for what is wrong; empty where it did not answer."""
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
