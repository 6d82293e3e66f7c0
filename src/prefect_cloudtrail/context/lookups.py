"""What is asked of AWS to answer a question: throttled, kept for one incident, and never more than said here."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.response.actions import Aws
from prefect_cloudtrail.response.plan import canonical
from prefect_cloudtrail.text import plain

MOST_CALLS = 100
MOST_SECONDS = 30.0
PAUSE_SECONDS = 0.05
NO_READER = "no reader role is set (reader_role)"
_NOT_PERMITTED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
_NOT_THERE = {"NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException"}


@dataclass(frozen=True)
class Unanswered:
    """Why AWS did not answer; `missing` where it knows nothing by that name."""

    why: str
    missing: bool = False


@dataclass
class Lookups:
    """Asks AWS, the same thing once.

    Attributes:
        aws: clients by account; None where no reader role is set.
        most_calls: how many questions are asked in all.
        most_seconds: how long, in all.
        wait: told how many seconds to pause before each.
        clock: seconds that only go on.
    """

    aws: Aws | None
    most_calls: int = MOST_CALLS
    most_seconds: float = MOST_SECONDS
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    kept: dict[bytes, Mapping[str, Any] | Unanswered] = field(default_factory=dict)
    began: float | None = None

    def ask(
        self,
        service: str,
        operation: str,
        account_id: str,
        region: str | None = None,
        *,
        again: int = 0,
        **arguments: Any,  # noqa: ANN401 - boto3's own
    ) -> Mapping[str, Any] | Unanswered:
        """Return AWS's answer, or why there is none; nothing is raised.

        Args:
            service: as boto3 calls it.
            operation: as IAM calls it, `ListMFADevices`.
            account_id: in which account.
            region: where the service has one.
            again: how often it was asked before, where the answer is expected to change.
            arguments: boto3's.
        """
        if self.aws is None:
            return Unanswered(NO_READER)
        key = canonical((service, operation, account_id, region, again, arguments))
        if key not in self.kept:
            self.kept[key] = self._asked(self.aws, service, operation, account_id, region, arguments)
        return self.kept[key]

    def _asked(
        self,
        aws: Aws,
        service: str,
        operation: str,
        account_id: str,
        region: str | None,
        arguments: Mapping[str, Any],
    ) -> Mapping[str, Any] | Unanswered:
        began = self.began = self.clock() if self.began is None else self.began
        if len(self.kept) >= self.most_calls:
            return Unanswered(f"more than {self.most_calls} look-ups in AWS were needed")
        if self.clock() - began > self.most_seconds:
            return Unanswered(f"look-ups in AWS took more than {self.most_seconds:g} seconds")
        self.wait(PAUSE_SECONDS)
        try:
            answer: Mapping[str, Any] = getattr(aws.client(service, account_id, region), xform_name(operation))(
                **arguments
            )
        except ClientError as error:
            return _refused(error, f"{service}:{operation}", account_id)
        except (BotoCoreError, ResponseParserError, CloudTrailResponseError) as error:
            return Unanswered(f"{service}:{operation} in account {account_id}: {_one_line(error)}")
        return answer


def _refused(error: ClientError, action: str, account_id: str) -> Unanswered:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _NOT_PERMITTED:
        return Unanswered(f"{action} is not permitted in account {account_id}")
    if code in _NOT_THERE:
        return Unanswered(f"{action} finds nothing by that name in account {account_id}", missing=True)
    return Unanswered(f"{action} in account {account_id}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return plain(" ".join(str(error).split()), 200)
