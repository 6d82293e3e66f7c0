"""AWS for the demo, played by moto on a port of this machine: the victim of the theft, and a role to respond with.

moto keeps what is there and answers as AWS does; it enforces no policy, and no call leaves the machine.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from prefect_cloudtrail.demo.graft import Theft
from prefect_cloudtrail.errors import CloudTrailResponseError

READER_ROLE, RESPONDER_ROLE = "prefect-cloudtrail-reader", "prefect-cloudtrail-responder"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "demo",
    "AWS_SECRET_ACCESS_KEY": "demo",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def cloud(theft: Theft) -> Iterator[str]:
    """Give the URL at which AWS answers: with the robbed IAM user, its key, and the responder's role in its account.

    Args:
        theft: who was robbed: an IAM user, of which key.

    Raises:
        CloudTrailResponseError: moto is not installed.
    """
    try:
        from moto.iam.models import AccessKeyLastUsed, iam_backends  # noqa: PLC0415 - an extra
        from moto.server import ThreadedMotoServer  # noqa: PLC0415
    except ImportError as error:
        raise CloudTrailResponseError(
            f"the demo plays AWS with moto, which is not here ({error}): install prefect-cloudtrail[demo]"
        ) from error
    # It logs each request, and with its traceback what moto cannot play; the demo says that itself.
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        iam = iam_backends[theft.account]["aws"]
        name = theft.principal.rpartition("/")[2]
        iam.create_user("us-east-1", name)
        key = iam.create_access_key(name)
        # The trail says which key it was; moto would draw one of its own.
        del iam.access_keys[key.physical_resource_id]
        key.access_key_id = theft.access_key
        key.last_used = AccessKeyLastUsed(theft.end, service="iam", region="us-east-1")
        iam.access_keys[key.physical_resource_id] = key
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def key_status(theft: Theft, endpoint: str) -> str:
    """Return whether the stolen key is Active, as AWS says it."""
    mine = boto3.Session("demo", "demo", region_name="us-east-1")
    role = f"arn:aws:iam::{theft.account}:role/{READER_ROLE}"
    given = mine.client("sts", endpoint_url=endpoint).assume_role(RoleArn=role, RoleSessionName="demo")["Credentials"]
    theirs = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name="us-east-1"
    )
    iam = theirs.client("iam", endpoint_url=endpoint)
    listed = iam.list_access_keys(UserName=theft.principal.rpartition("/")[2])["AccessKeyMetadata"]
    return next(str(each.get("Status")) for each in listed if each.get("AccessKeyId") == theft.access_key)
