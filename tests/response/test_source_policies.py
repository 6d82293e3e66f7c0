"""The policy of each source allows what reading it asks, and nothing that nobody asks."""

import json
import re
from pathlib import Path

import pytest
from botocore import xform_name

from prefect_cloudtrail.response import policies

ROOT = Path(__file__).parents[2]
CORE = ROOT / "src" / "prefect_cloudtrail"
SOURCE = {
    scheme: "".join((CORE / file).read_text("utf-8") for file in files)
    for scheme, files in {
        "s3": ("cloudtrail/s3.py", "cloudtrail/s3_listing.py"),
        "sqs": ("cloudtrail/sqs.py", "cloudtrail/s3.py", "cloudtrail/s3_listing.py", "doctor/queue.py"),
        "lookup": ("cloudtrail/lookup.py",),
    }.items()
}
# obstore's own words for what IAM calls otherwise.
OBSTORE = {"s3:GetObject": "obstore.get", "s3:ListBucket": "list_with_delimiter"}


def allowed() -> list[tuple[str, str]]:
    found = policies.sources()
    return [(scheme, action) for scheme in found for each in found[scheme]["Statement"] for action in each["Action"]]


@pytest.mark.parametrize(("scheme", "action"), allowed())
def test_what_it_allows_is_asked(scheme: str, action: str) -> None:
    said = OBSTORE.get(action) or rf"\.{xform_name(action.partition(':')[2])}(?:_batch)?\("
    assert re.search(said, SOURCE[scheme])


@pytest.mark.parametrize("scheme", policies.sources())
def test_the_file_is_what_the_code_declares(scheme: str) -> None:
    file = ROOT / "deploy" / "iam" / f"source-{scheme}.json"
    assert json.loads(file.read_text("utf-8")) == policies.sources()[scheme]


def test_no_source_is_given_everything_but_where_iam_knows_no_less() -> None:
    everywhere = {
        action
        for policy in policies.sources().values()
        for each in policy["Statement"]
        if each["Resource"] == ["*"]
        for action in each["Action"]
    }
    assert everywhere == {"cloudtrail:LookupEvents", "cloudwatch:GetMetricStatistics"}
