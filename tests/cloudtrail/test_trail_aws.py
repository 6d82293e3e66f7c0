import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber
from builders import log_file, record
from obstore.store import S3Store

from bench.drills.s3_server import REGION, Fault, Server
from prefect_cloudtrail.aws import assumed, bucket_and_prefix, open_bucket, open_s3, renewing
from prefect_cloudtrail.cloudtrail.s3 import S3Source
from prefect_cloudtrail.errors import SettingsError, SourceError

ROLE = "arn:aws:iam::444455556666:role/trail-reader"


@pytest.fixture
def one_object(server: Server) -> Server:
    server.put("trail", {"a.json": log_file(record())})
    return server


def test_the_region_is_the_buckets(one_object: Server) -> None:
    source = open_s3("s3://trail", endpoint_url=one_object.endpoint)
    assert [each.key for each in source.list()] == ["a.json"]
    assert source.read("a.json") == log_file(record())
    assert {each.region for each in one_object.asked if each.method == "GET"} == {REGION}


def test_a_grant_for_a_prefix_only_is_enough(one_object: Server) -> None:
    one_object.fail("HEAD", "/trail", Fault(403, "AccessDenied"))
    source = open_s3("s3://trail", endpoint_url=one_object.endpoint, region=REGION)
    assert [each.key for each in source.list()] == ["a.json"]


def test_the_endpoint_of_the_environment_is_used(one_object: Server, aws_environment: pytest.MonkeyPatch) -> None:
    aws_environment.setenv("AWS_ENDPOINT_URL_S3", one_object.endpoint)
    assert open_s3("s3://trail").read("a.json") == log_file(record())


def test_an_endpoint_given_wins(one_object: Server, aws_environment: pytest.MonkeyPatch) -> None:
    aws_environment.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    aws_environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert open_s3("s3://trail", endpoint_url=one_object.endpoint).read("a.json") == log_file(record())


def test_a_profile_gives_credentials_and_region(
    one_object: Server, aws_environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"[profile security]\nregion={REGION}\naws_access_key_id=AKIAOFPROFILE\naws_secret_access_key=s\n"
    )
    aws_environment.setenv("AWS_CONFIG_FILE", str(config))
    aws_environment.delenv("AWS_ACCESS_KEY_ID")
    source = open_s3("s3://trail", endpoint_url=one_object.endpoint, profile="security")
    assert source.read("a.json") == log_file(record())
    assert {each.access_key for each in one_object.asked} == {"AKIAOFPROFILE"}


def test_a_role_is_assumed_with_its_external_id(one_object: Server) -> None:
    source = open_s3("s3://trail", endpoint_url=one_object.endpoint, role_arn=ROLE, external_id="e-1")
    assert source.read("a.json") == log_file(record())
    (asked,) = [each.form for each in one_object.asked if each.form.get("Action") == "AssumeRole"]
    assert (asked["RoleArn"], asked["ExternalId"], asked["RoleSessionName"]) == (ROLE, "e-1", "prefect-cloudtrail")
    keys = {each.access_key for each in one_object.asked if each.method in {"GET", "HEAD"}}
    assert len(keys) == 1
    assert keys.pop().startswith("ASIA")


def test_a_role_without_external_id_sends_none(one_object: Server) -> None:
    open_s3("s3://trail", endpoint_url=one_object.endpoint, role_arn=ROLE)
    (asked,) = [each.form for each in one_object.asked if each.form.get("Action") == "AssumeRole"]
    assert "ExternalId" not in asked


def test_a_role_that_may_not_be_assumed_says_what_to_check(server: Server) -> None:
    server.fail("POST", "/", Fault(403, "AccessDenied", "User x is not authorized to perform: sts:AssumeRole"))
    with pytest.raises(SourceError, match=rf"^cannot assume the role {ROLE}: .*not authorized.*the external id is its"):
        open_s3("s3://trail", endpoint_url=server.endpoint, role_arn=ROLE, external_id="wrong")


def test_sts_out_of_reach_is_said(server: Server, aws_environment: pytest.MonkeyPatch) -> None:
    aws_environment.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match=rf"^cannot reach STS to assume the role {ROLE}: .*127\.0\.0\.1:9"):
        open_s3("s3://trail", endpoint_url="https://s3.eu-central-1.amazonaws.com", role_arn=ROLE)
    assert server.asked == []


def answers(*lasting: timedelta) -> Iterator[tuple[str, dict[str, object]]]:
    for number, each in enumerate(lasting):
        key = f"ASIAEXAMPLE00000000{number}"
        yield (
            key,
            {
                "Credentials": {
                    "AccessKeyId": key,
                    "SecretAccessKey": "secret",
                    "SessionToken": "token",
                    "Expiration": datetime.now(UTC) + each,
                }
            },
        )


def test_credentials_are_renewed_before_they_expire(aws_environment: pytest.MonkeyPatch) -> None:
    assert aws_environment
    sts = boto3.client("sts", REGION)
    asked = {"RoleArn": ROLE, "RoleSessionName": "prefect-cloudtrail", "ExternalId": "e-1"}
    with Stubber(sts) as stub:
        expected = []
        for key, answer in answers(timedelta(minutes=9), timedelta(hours=1)):
            stub.add_response("assume_role", answer, asked)
            expected.append(key)
        current = renewing(assumed(sts, ROLE, "e-1"))
        given = [current() for _ in range(4)]
        stub.assert_no_pending_responses()
    assert given[0]["access_key_id"] == expected[0]
    assert {each["access_key_id"] for each in given[1:]} == {expected[1]}
    left = [each["expires_at"] - datetime.now(UTC) for each in given if each["expires_at"]]
    assert all(timedelta(minutes=9) < each <= timedelta(minutes=10) for each in left)


def test_a_run_that_outlives_its_credentials_asks_for_new_ones(one_object: Server) -> None:
    asked: list[str] = []

    def short_lived() -> dict[str, object]:
        asked.append(f"AKIA{len(asked)}")
        expires = datetime.now(UTC) + timedelta(seconds=1)
        return {"access_key_id": asked[-1], "secret_access_key": "s", "token": None, "expires_at": expires}

    store = S3Store(
        "trail",
        endpoint=one_object.endpoint,
        region=REGION,
        client_options={"allow_http": True},
        credential_provider=short_lived,  # type: ignore[arg-type]
    )
    source = S3Source(store, "trail")
    source.read("a.json")
    time.sleep(0.15)  # obstore asks for new ones after a tenth of a second at the soonest
    source.read("a.json")
    assert len(asked) == 2
    assert one_object.asked[-1].access_key == asked[-1]


def test_a_role_lost_during_the_run_is_said(one_object: Server) -> None:
    def refused() -> dict[str, object]:
        raise SourceError("cannot assume the role x")

    store = S3Store("trail", endpoint=one_object.endpoint, credential_provider=refused)  # type: ignore[arg-type]
    with pytest.raises(
        SourceError, match=r"read s3://trail/a\.json: no credentials: SourceError: cannot assume the role x$"
    ):
        S3Source(store, "trail").read("a.json")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://trail", ("trail", "")),
        ("s3://trail/", ("trail", "")),
        ("s3://trail/logs", ("trail", "logs")),
        ("s3://trail/logs/AWSLogs/", ("trail", "logs/AWSLogs")),
    ],
)
def test_a_url_names_bucket_and_prefix(url: str, expected: tuple[str, str]) -> None:
    assert bucket_and_prefix(url) == expected


@pytest.mark.parametrize("url", ["s3://", "s3:///logs", "gs://trail", "trail", "s3://trail//logs", "s3://trail/a/../b"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=rf"^cannot read from {url}: "):
        bucket_and_prefix(url)


def test_a_bucket_that_is_not_there_is_named(server: Server) -> None:
    with pytest.raises(SourceError, match=rf"^there is no bucket trial at {server.endpoint}: check its name"):
        open_bucket("trial", endpoint_url=server.endpoint)


def test_a_name_no_bucket_can_have_is_said_in_one_line(server: Server) -> None:
    with pytest.raises(SourceError, match=r"^cannot look at the bucket a b: [^\n]*Invalid bucket name[^\n]*$"):
        open_bucket("a b", endpoint_url=server.endpoint)


def test_an_endpoint_that_does_not_answer_is_said(aws_environment: pytest.MonkeyPatch) -> None:
    assert aws_environment
    with pytest.raises(
        SourceError, match=r"^cannot reach S3 for the bucket trail: .*127\.0\.0\.1:9.*check the network"
    ):
        open_bucket("trail", endpoint_url="http://127.0.0.1:9")


def test_an_endpoint_that_is_no_url_is_refused(aws_environment: pytest.MonkeyPatch) -> None:
    assert aws_environment
    with pytest.raises(SettingsError, match=r"^cannot use the endpoint localhost:5000: "):
        open_bucket("trail", endpoint_url="localhost:5000")


def test_no_credentials_are_said(server: Server, aws_environment: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        aws_environment.delenv(name)
    for role in (None, ROLE):
        with pytest.raises(SourceError, match="credentials"):
            open_bucket("trail", endpoint_url=server.endpoint, role_arn=role)


def test_a_profile_that_is_not_there_is_refused(server: Server) -> None:
    with pytest.raises(SettingsError, match=r"profile \(nobody\) could not be found"):
        open_bucket("trail", endpoint_url=server.endpoint, profile="nobody")


def test_an_external_id_needs_a_role(server: Server) -> None:
    with pytest.raises(SettingsError, match=r"an external id is given, but no role"):
        open_bucket("trail", endpoint_url=server.endpoint, external_id="e-1")


def test_s3_out_of_order_is_said(server: Server) -> None:
    server.fail("HEAD", "/trail", Fault(503, "SlowDown"))
    with pytest.raises(SourceError, match=r"^cannot look at the bucket trail: .*503.*run again later"):
        open_bucket("trail", endpoint_url=server.endpoint)
