"""Log objects that notices on an SQS queue name; the bucket itself is never listed.

A message is deleted when all that it names is stored, and never before: what a killed run took comes again, and the
ledger knows what of it was stored. So nothing depends on how long a message stays hidden from others.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from obstore.exceptions import InvalidPathError

from prefect_cloudtrail.cloudtrail.folder import LogObject, delivered_at
from prefect_cloudtrail.cloudtrail.notices import Named, named_in
from prefect_cloudtrail.cloudtrail.reasons import Reason
from prefect_cloudtrail.cloudtrail.refusals import Refused, refused
from prefect_cloudtrail.cloudtrail.s3 import S3Source

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

PERMISSIONS = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
)
# More are not taken by one run; 120,000 may be hidden from others at once.
MAX_MESSAGES = 50_000
# So long a message stays hidden; what a killed run took is there again before the next one. Renewed all the while.
HIDDEN_FOR = timedelta(minutes=5)
RENEWED_AFTER = HIDDEN_FOR / 3
CALLS_AT_ONCE = 8
_A_CALL = 10  # SQS takes and gives no more at once
_NOT_THERE = (FileNotFoundError, InvalidPathError, ValueError)
_ADVICE = {
    "OverLimit": "120,000 messages are hidden from it, as others took them: see who else reads this queue",
    "KMS.AccessDeniedException": "grant kms:Decrypt on the key that the queue is encrypted with",
}


Objects = list[LogObject]


@dataclass(frozen=True)
class Queue:
    """One queue, and who asks it.

    `where` is what people know it by.
    """

    sqs: "SQSClient"
    url: str
    where: str

    def attributes(self) -> Mapping[str, str]:
        """Return SQS's own attributes of the queue; raises SourceError where it cannot be asked."""
        try:
            found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        except Refused as error:
            raise refused(error, f"cannot look at {self.where}", "sqs:GetQueueAttributes on it") from error
        return {str(name): value for name, value in found.get("Attributes", {}).items()}

    def receive(self, wait_seconds: int) -> list[Any]:
        """Return some messages, at most ten, hidden from others from now on; none only where none is there."""
        try:
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_A_CALL,
                # With any wait all of its servers are asked, without one only some.
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=int(HIDDEN_FOR.total_seconds()),
            )
        except Refused as error:
            raise refused(error, f"cannot read {self.where}", "sqs:ReceiveMessage on it", _ADVICE) from error
        return [*answer.get("Messages", [])]

    # Of what fails for a single message nothing is said: it comes again, and is found in the ledger then.

    def delete(self, receipts: Sequence[str]) -> None:
        """Take messages off the queue, at most ten."""
        entries: Any = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(receipts)]
        try:
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        except Refused as error:
            raise refused(error, f"cannot take messages off {self.where}", "sqs:DeleteMessage on it") from error

    def hide(self, receipts: Sequence[str]) -> None:
        """Hide messages from others for longer, at most ten."""
        seconds = int(HIDDEN_FOR.total_seconds())
        entries: Any = [
            {"Id": str(at), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for at, receipt in enumerate(receipts)
        ]
        try:
            self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
        except Refused as error:
            raise refused(
                error, f"cannot keep messages of {self.where}", "sqs:ChangeMessageVisibility on it"
            ) from error


def queue_named(sqs: "SQSClient", name: str, account: str | None = None) -> Queue:
    """Return the queue of this name.

    Args:
        sqs: of the queue's region.
        name: the queue's.
        account: whose it is; by default of these credentials.

    Raises:
        SourceError: there is none, or it cannot be asked.
    """
    of: dict[str, Any] = {"QueueOwnerAWSAccountId": account} if account else {}
    try:
        url = sqs.get_queue_url(QueueName=name, **of)["QueueUrl"]
    except Refused as error:
        region = sqs.meta.region_name
        missing = f"there is no such queue in {region}: check its name, its account, and the region"
        advice: dict[str, str] = {"AWS.SimpleQueueService.NonExistentQueue": missing, "QueueDoesNotExist": missing}
        raise refused(error, f"cannot find the queue {name}", "sqs:GetQueueUrl on it", advice) from error
    return Queue(sqs, url, f"the queue {name}")


@dataclass
class _Message:
    """A message taken off the queue for now: what of it is not stored yet."""

    receipt: str
    left: set[str] = field(default_factory=set)
    kept: bool = False  # it names what is not followed, so it stays


class SqsSource:
    """The log objects that messages on a queue name, of one trail; keys are those of the trail's own source.

    What a notice says of an object, its size say, is not believed: S3 is asked. One that names another bucket, or
    another part of it, is not followed, and stays on the queue; so does a message that is no notice.
    """

    def __init__(
        self,
        queue: Queue,
        trail: S3Source,
        *,
        max_messages: int = MAX_MESSAGES,
        wait_seconds: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the trail's objects as the queue names them.

        Args:
            queue: where the notices are.
            trail: what they may name.
            max_messages: about how many are taken by one list.
            wait_seconds: how long an empty queue is waited for, from 1 to 20.
            clock: seconds that only grow.
        """
        self.queue = queue
        self.trail = trail
        self._max_messages = max_messages
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._of: dict[str, list[_Message]] = {}
        self._renewed = clock()
        self._rejected: Counter[str] = Counter()

    def list(self, since: datetime | None = None) -> list[LogObject]:
        """Return the log objects that the queue's messages name, sorted by key.

        Args:
            since: is not asked: what was stored is on the queue no more, and all else is, however old.

        Raises:
            SourceError: the queue cannot be read, or none of the objects can be looked at.
        """
        del since
        self._of, self._rejected = defaultdict(list), Counter()
        done: list[str] = []
        named: dict[str, str] = {}
        for raw in self._received():
            message = _Message(raw["ReceiptHandle"])
            objects = named_in(raw.get("Body", ""))
            if objects is None:
                self._rejected[Reason.UNKNOWN_NOTICE] += 1
                continue
            elsewhere = [each for each in objects if not self.trail.covers(each.bucket, each.key)]
            self._rejected[Reason.ELSEWHERE] += len(elsewhere)
            message.kept = bool(elsewhere)
            for each in set(objects).difference(elsewhere):
                self._note(each, message, named)
            if not message.left and not message.kept:
                done.append(message.receipt)
        self._in_tens(self.queue.delete, done)
        return self._looked_at(named)

    @property
    def rejected(self) -> Mapping[str, int]:
        """How many messages, or objects, the last list could make nothing of, by reason; they stay on the queue."""
        return {reason: count for reason, count in self._rejected.items() if count}

    def read(self, key: str) -> bytes:
        """Return one object's bytes; raises SourceError where it cannot be read."""
        return self.trail.read(key)

    def fetch(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | Exception]]:
        """Yield each key with its object's bytes, or why it cannot be read; messages stay hidden all the while."""
        for each in self.trail.fetch(keys):
            self._renew()
            yield each

    def settle(self, keys: Collection[str]) -> None:
        """Delete the messages of which everything is stored, now that these are.

        Raises:
            SourceError: the queue cannot be asked; the messages come again, and are deleted then.
        """
        done = []
        for key in keys:
            for message in self._of.pop(key, ()):
                message.left.discard(key)
                if not message.left and not message.kept:
                    done.append(message.receipt)
        self._in_tens(self.queue.delete, done)
        self._renew()

    def _received(self) -> Iterator[Any]:
        """Take messages until one call finds none; the first call alone, as most queues are read empty."""
        self._renewed = self._clock()
        taken, calls = 0, 1
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            while taken < self._max_messages:
                answers = [*pool.map(self.queue.receive, [self._wait_seconds] * calls)]
                for answer in answers:
                    taken += len(answer)
                    yield from answer
                if not all(answers):
                    return
                calls = CALLS_AT_ONCE

    def _note(self, found: Named, message: _Message, named: dict[str, str]) -> None:
        key = self.trail.key_of(found.key)
        if key is None:
            return  # what lies beside the logs, as digests do
        named[key] = found.key
        message.left.add(key)
        self._of[key].append(message)

    def _looked_at(self, named: Mapping[str, str]) -> Objects:
        objects, failures = [], []
        for key, size in self.trail.sizes(sorted(named)):
            if isinstance(size, int):
                objects.append(LogObject(key, size, delivered_at(named[key])))
            else:
                failures.append(size)
                for message in self._of.pop(key):
                    message.kept = True
        self._rejected[Reason.UNREADABLE] += len(failures)
        # One that is gone, or cannot be, costs only itself; a bucket that cannot be asked is no empty queue.
        lasting = [each for each in failures if not isinstance(each.__cause__, _NOT_THERE)]
        if lasting and not objects:
            raise lasting[0]
        return objects

    def _renew(self) -> None:
        if self._clock() - self._renewed < RENEWED_AFTER.total_seconds():
            return
        self._renewed = self._clock()
        held = {id(message): message.receipt for messages in self._of.values() for message in messages}
        self._in_tens(self.queue.hide, [*held.values()])

    def _in_tens(self, call: Callable[[Sequence[str]], None], receipts: Sequence[str]) -> None:
        tens = [receipts[at : at + _A_CALL] for at in range(0, len(receipts), _A_CALL)]
        if len(tens) == 1:
            call(tens[0])
        elif tens:
            with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
                for _ in pool.map(call, tens):
                    pass


def dead_letters(queue: Queue, arn: str) -> Queue:
    """Return the queue of this ARN, asked as the first is; raises SourceError where it cannot be found."""
    *_, account, name = arn.split(":")
    return queue_named(queue.sqs, name, account)
