"""Records of CloudTrail, whole and odd, from a seed."""

from random import Random
from typing import Any

TIMES = (
    "2026-02-02 10:11:12",
    "2024-02-30T00:00:00Z",
    1_718_000_000,
    "2024-06-03T15:23:22+0200",
    "0001-01-01T00:00:00Z",
)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1.5, float("nan"), "", "\0", "\ud800", "a\udc00b", "true", "False", "Insight"),
    *([], [None], {}, {"a": {}}, {"b": [1, 2]}, "\U0001f600", "x" * 30, "ConsoleLogin", "8.8.8.8", *TIMES),
)


def record(chance: Random, odd: int) -> dict[str, Any]:
    """Return a record of which so many fields, at any depth, are something else or gone."""
    made: dict[str, Any] = {
        "eventVersion": "1.09",
        "userIdentity": _identity(chance),
        "eventTime": f"2026-02-02T{chance.randrange(24):02}:11:12Z",
        "eventSource": chance.choice(("iam.amazonaws.com", "signin.amazonaws.com", "s3.amazonaws.com")),
        "eventName": chance.choice(("CreateUser", "ConsoleLogin", "GetObject")),
        "awsRegion": "eu-central-1",
        "sourceIPAddress": f"8.8.{chance.randrange(9)}.{chance.randrange(256)}",
        "userAgent": "aws-cli/2.15",
        "errorCode": chance.choice((None, "AccessDenied")),
        "responseElements": chance.choice((None, {"ConsoleLogin": "Failure"})),
        "additionalEventData": chance.choice((None, {"MFAUsed": "Yes"})),
        "eventID": chance.choice((None, f"e-{chance.getrandbits(64):x}")),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "sharedEventID": None,
        "eventCategory": "Management",
    }
    for _ in range(odd):
        _make_odd(chance, made)
    return made


def _identity(chance: Random) -> dict[str, Any]:
    kind = chance.choice(
        ("IAMUser", "AssumedRole", "Root", "AWSService", "FederatedUser", "IdentityCenterUser", "Role")
    )
    issuer = {"type": "Role", "arn": "arn:aws:iam::111122223333:role/deploy"}
    return {
        "type": kind,
        "principalId": "AROAEXAMPLE:alice",
        "arn": chance.choice(
            (
                "arn:aws:iam::111122223333:user/alice",
                "arn:aws:sts::111122223333:assumed-role/deploy/i-0123456789abcdef0",
            )
        ),
        "accountId": "111122223333",
        "accessKeyId": "AKIAEXAMPLE",
        "userName": "alice",
        "invokedBy": None,
        "sessionContext": {
            "sessionIssuer": issuer,
            "attributes": {"creationDate": "2026-02-02T10:00:00Z", "mfaAuthenticated": "true"},
        },
    }


def _make_odd(chance: Random, made: dict[str, Any]) -> None:
    field = chance.choice(sorted(made))
    below = made[field]
    if isinstance(below, dict) and below and chance.random() < 0.7:  # noqa: PLR2004
        _make_odd(chance, below)
    elif chance.random() < 0.1:  # noqa: PLR2004
        del made[field]
    else:
        made[field] = chance.choice(ODD)
    if not made:
        made["a"] = None
