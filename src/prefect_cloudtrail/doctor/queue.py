"""Whether notices come to the queue, who may send them, how long they wait, and what becomes of those nobody reads."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from prefect_cloudtrail.aws import open_client
from prefect_cloudtrail.checks import Check, counted, long_as
from prefect_cloudtrail.cloudtrail.refusals import Refused
from prefect_cloudtrail.cloudtrail.sqs import MAX_MESSAGES, Queue, SqsSource, dead_letters
from prefect_cloudtrail.errors import SourceError
from prefect_cloudtrail.settings import Settings

PERMISSIONS = ("cloudwatch:GetMetricStatistics",)
# Some failed runs are no reason to give a notice up.
FEWEST_TRIES = 5
KEPT_FOR = timedelta(days=4)
OLDEST = timedelta(minutes=45)  # three runs
_SENDERS = ("s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com")


def look_at_queue(known: Settings, source: SqsSource, now: datetime) -> Iterator[Check]:
    """Yield what is to be said of the queue; no message is taken.

    Args:
        known: the settings.
        source: with the queue.
        now: what this machine's clock says.

    Raises:
        SourceError: it cannot be asked.
    """
    queue = source.queue
    found = queue.attributes()
    yield _waiting(known, queue, found, now)
    yield from _senders(queue, found)
    yield from _given_up(queue, found)
    kept = timedelta(seconds=int(found.get("MessageRetentionPeriod", 0)))
    if kept < KEPT_FOR:
        said = f"{queue.where} keeps a notice for {long_as(kept)}: what no run reads until then is lost to it"
        yield Check("queue", "warn", said, "set its MessageRetentionPeriod to 14 days, 1209600")


def _waiting(known: Settings, queue: Queue, found: Mapping[str, str], now: datetime) -> Check:
    waiting = int(found.get("ApproximateNumberOfMessages", 0))
    taken = int(found.get("ApproximateNumberOfMessagesNotVisible", 0))
    said = f"{queue.where}: {counted(waiting, 'message')} waiting, {taken:,} taken by a run"
    age, why_not = _oldest(known, queue, now)
    said += f", the oldest for {long_as(age)}" if age else ""
    if waiting > MAX_MESSAGES:
        fix = f"more than a run takes: read past days once with detect --source {known.trail}, on the same state"
        return Check("source", "warn", said, fix)
    if age and age > OLDEST:
        fix = "see that detect is scheduled, and what its last run rejected: a message that is no notice stays"
        return Check("source", "warn", said, fix)
    return Check("source", "ok", said, why_not)


def _oldest(known: Settings, queue: Queue, now: datetime) -> tuple[timedelta | None, str]:
    """How long the oldest message has waited, which CloudWatch alone knows; or what to do to be told."""
    watch: Any = open_client(
        "cloudwatch",
        endpoint_url=known.endpoint_url,
        role_arn=known.role_arn,
        external_id=known.external_id,
        region=queue.sqs.meta.region_name,
    )
    try:
        answer = watch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": queue.url.rpartition("/")[2]}],
            StartTime=now - timedelta(minutes=30),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Maximum"],
        )
    except Refused:
        return None, f"to be told for how long, grant {PERMISSIONS[0]}"
    points = sorted(answer.get("Datapoints", []), key=lambda each: each["Timestamp"])
    return (timedelta(seconds=points[-1]["Maximum"]), "") if points else (None, "")


def _senders(queue: Queue, found: Mapping[str, str]) -> Iterator[Check]:
    statements = [each for each in _statements(found.get("Policy", "")) if each.get("Effect") == "Allow"]
    if any(_is_anybody(each.get("Principal")) and not each.get("Condition") for each in statements):
        said = f"anybody in AWS may send to {queue.where}, or read it: its policy names no condition"
        fix = "allow sqs:SendMessage to the trail's bucket or topic alone, by aws:SourceArn"
        yield Check("queue", "warn", said, fix)
    elif not any(_is_anybody(each.get("Principal")) or _is_service(each.get("Principal")) for each in statements):
        said = f"no service may send to {queue.where}, so no notice comes"
        yield Check("queue", "warn", said, "give it a policy as docs/sources.md has it")


def _statements(policy: str) -> list[Mapping[str, Any]]:
    said = json.loads(policy)["Statement"] if policy else []
    return said if isinstance(said, list) else [said]


def _is_anybody(principal: object) -> bool:
    return principal == "*" or (isinstance(principal, Mapping) and principal.get("AWS") == "*")


def _is_service(principal: object) -> bool:
    return any(sender in json.dumps(principal) for sender in _SENDERS)


def _given_up(queue: Queue, found: Mapping[str, str]) -> Iterator[Check]:
    """What the queue does with messages that no run deletes."""
    redrive = json.loads(found.get("RedrivePolicy") or "{}")
    if not redrive:
        said = f"{queue.where} has no dead-letter queue: a message that is no notice comes back in every run"
        yield Check("queue", "warn", said, "give it a RedrivePolicy with a maxReceiveCount of 10")
        return
    tries = int(redrive["maxReceiveCount"])
    if tries < FEWEST_TRIES:
        said = f"{queue.where} gives a notice up after {counted(tries, 'try')}, and each failed run is one"
        yield Check("queue", "warn", said, "set the maxReceiveCount of its RedrivePolicy to 10")
    try:
        letters = dead_letters(queue, redrive["deadLetterTargetArn"])
        dead = int(letters.attributes().get("ApproximateNumberOfMessages", 0))
    except SourceError as error:
        yield Check("queue", "warn", f"how many notices were given up is not known: {error}")
        return
    if dead:
        said = f"{counted(dead, 'message')} in {letters.where}: notices that no run could use"
        fix = "look at one, mend why, and give them back with aws sqs start-message-move-task"
        yield Check("queue", "warn", said, fix)
