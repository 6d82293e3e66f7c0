"""What S3 and the way to it can answer, as one line each: what failed, on what, what to do."""

import html
import re

from prefect_cloudtrail.errors import SourceError

_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,500})</Message>")
_STATUS = re.compile(r"status code: (\d{3}[^:\n]{0,40})")
_ENDPOINT = re.compile(r"https?://[^/?\s]+")
_ANOTHER_REGION = "the bucket is in another region: set its region, and the endpoint of that region if one is set"
_ADVICE = {
    "NoSuchBucket": "there is no such bucket: check its name, the account, and the endpoint if one is set",
    "NoSuchKey": "it is there no longer",
    "InvalidObjectState": "it is archived: restore it, or name a first day after it",
    "ExpiredToken": "the credentials have expired: renew them, or set a role to assume, which is renewed by itself",
    "TokenRefreshRequired": "the credentials have expired: renew them",
    "InvalidToken": "the session token is not valid: renew the credentials",
    "InvalidAccessKeyId": "S3 does not know the access key: check the credentials, and the endpoint if one is set",
    "SignatureDoesNotMatch": "the secret key does not fit the access key: check the credentials",
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it",
    "PermanentRedirect": _ANOTHER_REGION,
    "AuthorizationHeaderMalformed": _ANOTHER_REGION,
    "SlowDown": "S3 has throttled it for too long: run again later",
}
_GRANTS = {
    "list": "grant s3:ListBucket on the bucket {bucket}",
    "read": "grant s3:GetObject on the bucket {bucket}, and kms:Decrypt on the key that its objects are encrypted with",
}


def explained(error: Exception, verb: str, bucket: str, key: str) -> SourceError:
    """Return the error that says in one line what went wrong.

    Args:
        error: what obstore raised; its text holds S3's answer.
        verb: "list" or "read".
        bucket: the bucket's name.
        key: the key or prefix that was asked for.
    """
    return SourceError(f"cannot {verb} s3://{bucket}/{key}: {_reason(str(error), verb, bucket)}")


def _reason(text: str, verb: str, bucket: str) -> str:
    code, said, status = _CODE.search(text), _MESSAGE.search(text), _STATUS.search(text)
    if code and code[1] in _ADVICE:
        return f"{_ADVICE[code[1]]} ({code[1]})"
    if (code and code[1] == "AccessDenied") or (status and status[1].startswith("403")):
        words = f" ({_one_line(html.unescape(said[1]))})" if said else ""
        return f"access denied: {_GRANTS[verb].format(bucket=bucket)}{words}"
    if status:
        return f"S3 answered {status[1].strip()}{f' {code[1]}' if code else ''}: run again later"
    return _reason_before_an_answer(text)


def _reason_before_an_answer(text: str) -> str:
    if "redirect without LOCATION" in text:
        return _ANOTHER_REGION
    if "credential provider" in text:
        return f"no credentials: {_one_line(text.partition('credential provider: ')[2])}"
    if "invalid path" in text:
        return (
            f"{_one_line(text.partition('invalid path: ')[2])}: "
            "name a longer prefix, below which no key has an empty part, a dot for a part, or a control character"
        )
    return f"{_unreachable(text)}: check the network, the endpoint and the region, or run again later"


def _unreachable(text: str) -> str:
    endpoint = _ENDPOINT.search(text)
    said = _one_line(text.rpartition(" - ")[2] if " - " in text.partition("\n")[0] else text)
    return f"no answer from {endpoint[0]} ({said})" if endpoint else said


def _one_line(text: str) -> str:
    """Return the first line: below it, obstore repeats everything in Rust's notation."""
    return text.lstrip().partition("\n")[0].strip()[:300]
