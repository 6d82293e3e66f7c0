"""Clients for every account, with the reader's role assumed in each."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from prefect_cloudtrail import clients
from prefect_cloudtrail.settings import settings


@pytest.fixture(autouse=True)
def _moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def test_without_a_reader_role_there_are_no_clients() -> None:
    assert clients.reader(settings()) is None


def test_each_account_is_read_with_the_role_of_its_own() -> None:
    reader = clients.reader(settings(reader_role="audit", region="eu-central-1"))
    assert reader
    arns = [reader.client("sts", account).get_caller_identity()["Arn"] for account in ("111122223333", "999999999999")]
    assert arns == [
        "arn:aws:sts::111122223333:assumed-role/audit/prefect-cloudtrail",
        "arn:aws:sts::999999999999:assumed-role/audit/prefect-cloudtrail",
    ]


def test_the_same_client_is_given_again_and_regions_are_told_apart() -> None:
    reader = clients.reader(settings(reader_role="audit", region="eu-central-1"))
    assert reader
    first = reader.client("ec2", "111122223333")
    assert reader.client("ec2", "111122223333") is first
    assert reader.client("ec2", "111122223333", "us-west-2").meta.region_name == "us-west-2"
