"""Clients by account: whose credentials they bear, and what is said where there are none."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from response.cloud import ACCOUNT, MANAGEMENT, REGION

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.accounts import Accounts


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with mock_aws():
        yield


def who(accounts: Accounts, account_id: str) -> str:
    return str(accounts.client("sts", account_id).get_caller_identity()["Arn"])


def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the parameters of every AssumeRole from here on; moto takes any external id, so they are looked at."""
    found: list[dict[str, Any]] = []
    opened = boto3.Session.client

    def watched(session: boto3.Session, *arguments: Any, **options: Any) -> Any:
        client: Any = opened(session, *arguments, **options)
        client.meta.events.register(
            "provide-client-params.sts.AssumeRole", lambda params, **_: found.append(dict(params))
        )
        return client

    monkeypatch.setattr(boto3.Session, "client", watched)
    return found


def test_a_client_acts_as_the_role_in_its_account() -> None:
    accounts = Accounts("responder", "external", region=REGION, session_name="prefect-cloudtrail-responder")
    assert who(accounts, ACCOUNT) == f"arn:aws:sts::{ACCOUNT}:assumed-role/responder/prefect-cloudtrail-responder"
    assert who(accounts, MANAGEMENT).startswith(f"arn:aws:sts::{MANAGEMENT}:assumed-role/responder/")


def test_the_role_is_asked_for_with_its_external_id_once_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = asked(monkeypatch)
    accounts = Accounts("responder", "external", region=REGION, session_name="session")
    for _ in range(2):
        accounts.client("iam", ACCOUNT).list_users()
        accounts.client("ec2", ACCOUNT).describe_instances()
    assert requests == [
        {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/responder",
            "RoleSessionName": "session",
            "ExternalId": "external",
        }
    ]


def test_the_same_client_comes_back_and_another_for_another_region() -> None:
    accounts = Accounts("responder", region=REGION)
    first = accounts.client("ec2", ACCOUNT)
    assert accounts.client("ec2", ACCOUNT, REGION) is first
    assert accounts.client("ec2", ACCOUNT, "us-west-2").meta.region_name == "us-west-2"


def test_without_a_role_the_environments_credentials_reach_their_own_account_only() -> None:
    accounts = Accounts(region=REGION)
    assert who(accounts, MANAGEMENT).startswith(f"arn:aws:sts::{MANAGEMENT}:")
    with pytest.raises(ActionError) as raised:
        accounts.client("iam", ACCOUNT)
    assert str(raised.value) == (
        f"cannot reach account {ACCOUNT}: these credentials are of account {MANAGEMENT}; "
        "name the role to assume there as responder_role"
    )


@pytest.mark.parametrize(
    ("region", "partition"), [(None, "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_role_is_in_the_callers_own_partition(
    monkeypatch: pytest.MonkeyPatch, region: str | None, partition: str
) -> None:
    requests = asked(monkeypatch)
    accounts = Accounts("responder", region=region)
    accounts.client("iam", ACCOUNT).list_users()
    assert accounts.partition == partition
    assert [each["RoleArn"] for each in requests] == [f"arn:{partition}:iam::{ACCOUNT}:role/responder"]


def test_reads_are_tried_again_by_the_standard_rules() -> None:
    retries = Accounts("responder", region=REGION).client("iam", ACCOUNT).meta.config.retries
    assert (retries["mode"], retries["total_max_attempts"]) == ("standard", 3)


def test_credentials_that_are_given_are_used_as_they_are() -> None:
    given = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret", "SessionToken": "token"}
    client = Accounts(region=REGION).held("iam", given)
    assert client._get_credentials().access_key == "ASIAEXAMPLE"  # noqa: SLF001 - nothing else shows it
