"""moto's server, which remembers what it was asked of which bucket."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server
from werkzeug.wrappers import Request

REGION = "eu-central-1"
OF_OBJECTS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}


@dataclass(frozen=True)
class Asked:
    """What somebody with credentials asked for, as a policy says it."""

    action: str
    resource: str


@dataclass
class RecordedS3:
    """Where S3 answers."""

    asked: set[Asked] = field(default_factory=set)
    endpoint: str = ""
    _moto: DomainDispatcherApplication = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        for key, content in objects.items():
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, content)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if "Authorization" in request.headers:
            self.asked.add(_asked(request))
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer


def _asked(request: Request) -> Asked:
    bucket, _, key = request.path.removeprefix("/").partition("/")
    if request.method == "POST" and "delete" in request.args:
        return Asked("s3:DeleteObject", f"arn:aws:s3:::{bucket}/*")
    if not key:
        return Asked("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    return Asked(OF_OBJECTS[request.method], f"arn:aws:s3:::{bucket}/{key}")


@contextmanager
def recorded_s3(*buckets: str) -> Iterator[RecordedS3]:
    """Serve, with these buckets, until the `with` ends."""
    s3_backends.reset()
    for bucket in buckets:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(bucket, REGION)
    server = RecordedS3()
    http = make_server("127.0.0.1", 0, server, threaded=True)
    server.endpoint = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
