"""A small AWS for the actions: the responder's clients, all of whose calls are watched, and an administrator's.

moto keeps the state; what it does not do is put in front of it, as answers of AWS's own form.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from moto.iam.models import AccessKeyLastUsed, iam_backends

from prefect_cloudtrail.response.accounts import Accounts

MANAGEMENT = "123456789012"  # whose credentials moto takes for the environment's
ACCOUNT = "111122223333"
REGION = "eu-central-1"
READS = ("Get", "List", "Describe", "Assume")

Answer = Callable[[Mapping[str, str]], AWSResponse]


@dataclass
class Fault:
    """What AWS answers instead, so many times: to calls that read, to calls that write, or to one of a name."""

    code: str
    message: str = "as the test has it"
    times: int = 1_000_000
    only: str | None = None

    def meets(self, operation: str) -> bool:
        return operation == self.only if self.only else not operation.startswith(READS)


@dataclass
class Cloud:
    """The responder's way into AWS, as `Aws`, watched.

    Attributes:
        permitted: the IAM actions that its calls may need; None where that is not looked at.
        faults: what AWS answers instead.
        answers: what AWS answers where moto cannot, by operation.
        called: the IAM actions that its calls needed, in their order.
    """

    permitted: frozenset[str] | None = None
    faults: list[Fault] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    _accounts: Accounts = field(
        default_factory=lambda: Accounts("prefect-cloudtrail-responder", "external", region=REGION)
    )
    _administrator: Accounts = field(default_factory=lambda: Accounts("administrator", region=REGION))
    _watched: list[Any] = field(default_factory=list)

    def client(self, service: str, account_id: str, region: str | None = None) -> Any:
        return self._watch(self._accounts.client(service, account_id, region))

    def held(self, service: str, credentials: Mapping[str, Any]) -> Any:
        return self._watch(self._accounts.held(service, credentials), of_a_task=True)

    def admin(self, service: str, account_id: str = ACCOUNT) -> Any:
        """Return an administrator's client, whose calls are not watched and meet no fault."""
        return self._administrator.client(service, account_id, REGION)

    def _watch(self, client: Any, *, of_a_task: bool = False) -> Any:
        if any(client is each for each in self._watched):
            return client
        self._watched.append(client)
        prefix = client.meta.service_model.signing_name
        protocol = client.meta.service_model.metadata["protocol"]

        def asked(model: Any, **_: Any) -> None:
            needed = f"{prefix}:{model.name}"
            self.called.append(needed)
            if self.permitted is not None and not of_a_task:
                assert needed in self.permitted, f"{needed} is called, but stands in no permissions"

        def sent(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse | None:
            operation = event_name.rpartition(".")[2]
            for fault in self.faults:
                if fault.times and fault.meets(operation):
                    fault.times -= 1
                    return refusal(protocol, fault.code, fault.message)
            answer = self.answers.get(operation)
            # What the query protocol sends; no answer is needed to the others yet.
            return answer(dict(parse_qsl(_text(request.body)))) if answer else botocore_stubber(event_name, request)

        client.meta.events.register("before-call", asked)
        # botocore asks all who listen, and moto would do what it is not to be asked: it is asked from here only.
        client.meta.events.unregister("before-send", botocore_stubber)
        client.meta.events.register("before-send", sent)
        return client


def _text(body: object) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)


def refusal(protocol: str, code: str, message: str) -> AWSResponse:
    """Return an error as a service of the protocol answers it."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    bodies = {
        "query": f"<ErrorResponse>{error}</ErrorResponse>",
        "ec2": f"<Response><Errors>{error}</Errors></Response>",
        "json": json.dumps({"__type": code, "message": message}),
    }
    return response(bodies[protocol], 400)


def response(body: str, status: int = 200) -> AWSResponse:
    return AWSResponse("https://aws.example", status, HTTPHeaders(), MockRawResponse(body.encode()))


def last_used(access_key_id: str, at: datetime, service: str = "s3", region: str = REGION) -> None:
    """Let AWS know a key's last use, as it would from calls that moto does not see."""
    for backend in iam_backends.values():
        for user in backend["aws"].users.values():
            for key in user.access_keys:
                if key.access_key_id == access_key_id:
                    key.last_used = AccessKeyLastUsed(at, service, region)


def role_last_used(name: str, at: datetime, account_id: str = ACCOUNT) -> None:
    role: Any = iam_backends[account_id]["aws"].get_role(name)
    role.last_used, role.last_used_region = at, REGION


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
