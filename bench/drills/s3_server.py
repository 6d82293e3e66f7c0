"""moto's server, which remembers what it was asked, and answers wrongly where a test or a drill says so."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock, Thread
from time import sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

REGION = "eu-central-1"
# What a process must have in its environment to ask it, and nobody else.
ENVIRONMENT = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
}
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Asked:
    """One request: its method, its path decoded, its query and form, and by whom and for where it is signed."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    access_key: str
    region: str


@dataclass(frozen=True)
class Fault:
    """A wrong answer.

    S3's error; or a body cut off after so many bytes, or one that is so short and says that this is all of it; or the
    right answer after so many seconds, or after something else was done.
    """

    status: int = 200
    code: str = ""
    message: str = "no"
    cut: int = 0
    short: int = 0
    late: float = 0
    after: Callable[[], None] | None = None

    def answer(self, method: str, right: Response) -> Response:
        """Return what is answered instead of the right answer."""
        if self.late or self.after:
            sleep(self.late)
            if self.after:
                self.after()
            return right
        if self.short:
            return Response(right.get_data()[: self.short], right.status_code, content_type=right.content_type)
        if self.cut:
            body = right.get_data()
            cut = Response(iter([body[: self.cut]]), right.status_code, right.headers)
            cut.headers["Content-Length"] = str(len(body))
            return cut
        error = f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        if method == "POST":  # STS
            error = f"<ErrorResponse>{error}</ErrorResponse>"
        return Response(f"<?xml version='1.0'?>{error}", self.status, content_type="application/xml")


@dataclass
class _Failing:
    """A fault, and how many requests of its kind are spared and then hit."""

    method: str
    ending: str
    fault: Fault
    spared: int
    times: int


@dataclass
class Server:
    """Where S3 and STS answer."""

    endpoint: str = ""
    asked: list[Asked] = field(default_factory=list)
    _faults: list[_Failing] = field(default_factory=list)
    _moto: DomainDispatcherApplication = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))
    _lock: Lock = field(default_factory=Lock)
    _one_at_a_time: Lock = field(default_factory=Lock)  # moto's queues lose messages otherwise

    def fail(self, method: str, ending: str, fault: Fault, times: int = 1_000, spared: int = 0) -> None:
        """Answer wrongly so many times, where a request has this method and its path ends so; spare some first."""
        self._faults.append(_Failing(method, ending, fault, spared, times))

    def mend(self) -> None:
        """Answer rightly again."""
        self._faults.clear()

    def create(self, bucket: str) -> None:
        """Make an empty bucket."""
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(bucket, REGION)

    def has(self, bucket: str) -> bool:
        """Return whether there is such a bucket."""
        return bucket in s3_backends.bucket_accounts

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Put these objects into the bucket."""
        for key, content in objects.items():
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, content)

    def delete(self, bucket: str, key: str) -> None:
        """Delete one object."""
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].delete_object(bucket, key)

    def listings(self) -> list[str]:
        """Return the prefixes that were listed."""
        return [each.query.get("prefix", "") for each in self.asked if "list-type" in each.query]

    def gets(self) -> list[str]:
        """Return the paths of what was read."""
        return [each.path for each in self.asked if each.method == "GET" and "list-type" not in each.query]

    def fault_of(self, request: Request) -> Fault | None:
        """Return the fault that hits this request; None where it is answered rightly."""
        with self._lock:
            for each in self._faults:
                if each.times and each.method == request.method and request.path.endswith(each.ending):
                    if each.spared:
                        each.spared -= 1
                        continue
                    each.times -= 1
                    return each.fault
        return None

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request, as WSGI has it."""
        request = Request(environ)
        body = request.get_data()
        environ["wsgi.input"] = BytesIO(_impatient(body))  # moto reads it too
        # Only STS is asked by a form; what is uploaded to S3 need not be text.
        fields = parse_qs(body.decode()) if request.mimetype == FORM else {}
        form = {name: values[0] for name, values in fields.items()}
        signed = request.headers.get("Authorization", "").partition("Credential=")[2].split("/")
        access_key, _, region = signed[:3] if signed[2:] else ("", "", "")
        query = {name: unquote(value) for name, value in request.args.items()}
        self.asked.append(Asked(request.method, request.path, query, form, access_key, region))
        with self._one_at_a_time if "AmazonSQS" in request.headers.get("X-Amz-Target", "") else nullcontext():
            right = Response.from_app(self._moto, environ)
        fault = self.fault_of(request)
        return (fault.answer(request.method, right) if fault else right)(environ, start_response)


def _impatient(body: bytes) -> bytes:
    """Return a request to SQS with no wait for an empty queue, in as many bytes."""
    return body.replace(b'"WaitTimeSeconds": 1', b'"WaitTimeSeconds": 0')


class _Quiet(WSGIRequestHandler):
    """Says nothing of each request: they are counted in thousands."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    """Serve until the `with` ends."""
    server = Server()
    http = make_server("127.0.0.1", 0, server, threaded=True, request_handler=_Quiet)
    server.endpoint = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield server
    http.shutdown()
    http.server_close()
    thread.join()
