"""What AWS answers when it does not do as it is asked, in one line: what, on what, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from prefect_cloudtrail.errors import ActionError, SourceError, TargetGoneError, UnansweredError
from prefect_cloudtrail.text import plain

_GONE = {
    "AccountNotFoundException",
    "InvalidAssociationID.NotFound",
    "InvalidInstanceID.NotFound",
    "NoSuchEntity",
    "NoSuchEntityException",
    "PolicyNotFoundException",
    "ResourceNotFoundException",
    "TargetNotFoundException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
_THROTTLED = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
QUOTA = {"ConstraintViolationException", "LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException"}
_NOT_WELL = 500  # and above: AWS's own failures, which do not say whether it was done
_FIXED = {"UnmodifiableEntity", "UnmodifiableEntityException"}


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Say what cannot be done where AWS, or the way to it, does not do it.

    Args:
        what: what is asked for and of whom, after "cannot": `disable the access key AKIA... of deploy-user`.

    Raises:
        TargetGoneError: what was named is there no more.
        UnansweredError: the answer was lost, or AWS is not well or throttles: asked again, it may be done.
        ActionError: AWS refuses, or cannot be asked.
    """
    try:
        yield
    except ClientError as error:
        found = code(error)
        if found in _GONE:
            raise TargetGoneError(f"cannot {what}: it is there no more ({_message(error)})") from error
        kind = UnansweredError if found in _THROTTLED or _status(error) >= _NOT_WELL else ActionError
        raise kind(f"cannot {what}: {found}, {_message(error)}; {_advice(found)}") from error
    except SourceError as error:  # the role cannot be assumed: it says why, and what to do
        raise ActionError(f"cannot {what}: {error}") from error
    except ParamValidationError as error:
        said = plain(" ".join(str(error).split()), 300)
        raise ActionError(f"cannot {what}: {said}; the step names it wrongly: propose it again") from error
    except (BotoCoreError, ResponseParserError) as error:  # the latter: what answered is not AWS, or not all there
        said = plain(" ".join(str(error).split()), 300)
        # What never left this host was not done, and what was lost on the way may have been: nobody can tell here.
        raise UnansweredError(f"cannot {what}: {said}; check the network, the region and the credentials") from error


def code(error: ClientError) -> str:
    """Return AWS's word for the error."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _message(error: ClientError) -> str:
    return plain(" ".join(str(error.response.get("Error", {}).get("Message", "no reason given")).split()), 300)


def _advice(found: str) -> str:
    if found in _DENIED:
        return "allow it to the responder's role (deploy/iam/responder.json), and see whether an SCP denies it"
    if found in _EXPIRED:
        return "renew the responder's credentials"
    if found in _THROTTLED:
        return "AWS throttles: try again in a minute"
    if found in QUOTA:
        return "a quota is full: take away what is not needed, or choose another step"
    if found in _FIXED:
        return "only AWS may change it: choose another step"
    return "look at it in the console"
