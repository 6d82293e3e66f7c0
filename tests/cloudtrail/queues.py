"""A queue at moto's server, which a bucket's notices come to as AWS sends them."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote_plus

import boto3
from botocore.config import Config
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from bench.drills.s3_server import REGION, Server

ACCOUNT = DEFAULT_ACCOUNT_ID


@dataclass(frozen=True)
class Site:
    """A bucket `trail`, and a queue `notices` with a dead-letter queue `letters`."""

    endpoint: str

    def client(self, service: str) -> Any:
        return client_of(service, self.endpoint)

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{ACCOUNT}/notices"

    def make(self, *, tries: int = 10) -> None:
        sqs = self.client("sqs")
        sqs.create_queue(QueueName="letters")
        redrive = {"deadLetterTargetArn": arn("sqs", "letters"), "maxReceiveCount": tries}
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]},
            "Action": "sqs:SendMessage",
            "Resource": arn("sqs", "notices"),
        }
        sqs.create_queue(
            QueueName="notices",
            Attributes={
                "RedrivePolicy": json.dumps(redrive),
                "Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
                "MessageRetentionPeriod": "1209600",
            },
        )

    def notify_queue(self, bucket: str = "trail") -> None:
        """Have S3 send notices to the queue; the first is its test."""
        wanted = [{"QueueArn": arn("sqs", "notices"), "Events": ["s3:ObjectCreated:*"]}]
        self._notify(bucket, {"QueueConfigurations": wanted})

    def notify_topic(self, *, raw: bool, bucket: str = "trail") -> None:
        """Have S3 send notices to a topic, and that to the queue."""
        sns = self.client("sns")
        topic = sns.create_topic(Name="trail")["TopicArn"]
        attributes = {"RawMessageDelivery": str(raw).lower()}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", "notices"), Attributes=attributes)
        wanted = [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
        self._notify(bucket, {"TopicConfigurations": wanted})

    def _notify(self, bucket: str, wanted: dict[str, Any]) -> None:
        self.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)

    def put(self, objects: dict[str, bytes], bucket: str = "trail") -> None:
        s3 = self.client("s3")
        for key, content in objects.items():
            s3.put_object(Bucket=bucket, Key=key, Body=content)

    def send(self, *bodies: str | dict[str, Any]) -> None:
        sqs = self.client("sqs")
        written = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        for first in range(0, len(written), 10):
            entries = [
                {"Id": str(number), "MessageBody": body} for number, body in enumerate(written[first : first + 10])
            ]
            sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def left(self, name: str = "notices") -> int:
        """Return how many messages are on the queue, hidden or not."""
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = self.client("sqs")
        url = self.url.replace("notices", name)
        return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"].values()))

    def come_again(self) -> None:
        """Let the time pass that what was taken is hidden for."""
        for message in sqs_backends[ACCOUNT][REGION].queues["notices"]._messages:  # noqa: SLF001 - no other way
            message.visible_at = 0


def site(server: Server) -> Site:
    """Return the site, made anew."""
    for backends in (sqs_backends, sns_backends, cloudwatch_backends):
        backends[ACCOUNT].reset()  # of all services at once it would be, without the account
    made = Site(server.endpoint)
    made.make()
    return made


@cache
def client_of(service: str, endpoint: str) -> Any:
    opened: Any = boto3.Session(region_name=REGION)
    return opened.client(service, endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def names(key: str, bucket: str = "trail") -> dict[str, Any]:
    """Return S3's own notice of an object."""
    s3 = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "size": 1}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]}
