"""CloudTrail records for tests, and the objects they lie in."""

import gzip
import json
from collections.abc import Callable
from typing import Any

KEY = (
    "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/02/02/111122223333_CloudTrail_eu-central-1_20260202T1015Z_a.json"
)


Layout = Callable[..., bytes]  # of records, an object


def record(**overrides: Any) -> dict[str, Any]:
    """Return one record; a field overridden with `...` is left out."""
    fields = {
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "accessKeyId": "AKIAEXAMPLE",
            "userName": "alice",
        },
        "eventTime": "2026-02-02T10:11:12Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.15",
        "requestParameters": {"userName": "bob"},
        "responseElements": None,
        "requestID": "r-1",
        "eventID": "e-1",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    } | overrides
    return {name: value for name, value in fields.items() if value is not ...}


def log_file(*records: Any) -> bytes:
    """Return the object that CloudTrail writes, not compressed."""
    return json.dumps({"Records": records}, separators=(",", ":")).encode()


def lines(*records: Any) -> bytes:
    """Return one record a line."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in records)


def packed(*members: bytes) -> bytes:
    """Return gzip with each text as a member of its own."""
    return b"".join(gzip.compress(member, mtime=0) for member in members)
