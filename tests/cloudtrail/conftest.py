from collections.abc import Iterator
from datetime import timedelta

import pytest
from moto.s3.models import s3_backends
from obstore.store import S3Store

from bench.drills.s3_server import ENVIRONMENT, Server, serving
from prefect_cloudtrail.aws import Patience, open_bucket
from prefect_cloudtrail.cloudtrail.s3 import S3Source

IMPATIENT = Patience(
    connect=timedelta(seconds=1),
    retries=2,
    first_pause=timedelta(milliseconds=1),
)
UNSET = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION")


@pytest.fixture(scope="session")
def served() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def server(served: Server, aws_environment: pytest.MonkeyPatch) -> Iterator[Server]:
    """moto's server with one empty bucket, `trail`, and the environment's credentials for it."""
    assert aws_environment
    s3_backends.reset()
    served.create("trail")
    served.asked.clear()
    yield served
    served.mend()


@pytest.fixture(scope="session")
def bucket(served: Server) -> S3Store:
    """The bucket `trail`, opened once, as that takes a while; with little patience."""
    with pytest.MonkeyPatch.context() as environment:
        for name in UNSET:
            environment.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        s3_backends.reset()
        served.create("trail")
        return open_bucket("trail", endpoint_url=served.endpoint, patience=IMPATIENT)


@pytest.fixture
def source(bucket: S3Store, server: Server) -> S3Source:
    """The whole of the bucket `trail`."""
    assert server.endpoint
    return S3Source(bucket, "trail")
