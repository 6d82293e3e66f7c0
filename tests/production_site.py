"""Production on loopback: what runs there, what is put into it, and what it is seen to do."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from builders import log_file, packed
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from prefect_server import POOL, PrefectServer, Process, wait_until
from stolen_key import ACCOUNT, LAST_DAY, MILTON, STOLEN, Trail, call
from werkzeug.serving import make_server

from prefect_cloudtrail import clients
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store

TRAIL, STATE = "trail", "state"
# Nobody's credentials, and nothing of the machine's own.
AWS_UNSET = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION")
AWS_SET = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
}
FIRST_THEFT = LAST_DAY + timedelta(hours=12)
Objects = dict[str, bytes]
Told = list[tuple[str, int]]
Run = dict[str, Any]


def objects_of(trail: Trail) -> Objects:
    """Return the trail as it lies in a bucket: to alice's theft, one of carol's and one of bob's in the hours after."""
    found = {_key(path.name): path.read_bytes() for path in sorted(trail.source.iterdir())}
    for hours, person in ((1, "carol"), (2, "bob")):
        at = FIRST_THEFT + timedelta(hours=hours, minutes=20)
        calls = [
            call(person, command, MILTON, at + timedelta(seconds=20 * number), agent="Boto3/1.40")
            for number, command in enumerate(STOLEN)
        ]
        name = f"{ACCOUNT}_CloudTrail_eu-west-2_{at + timedelta(minutes=5):%Y%m%dT%H%MZ}_{person}.json.gz"
        found[_key(name)] = packed(log_file(*calls))
    return found


def between(objects: Objects, after: str, until: str) -> Objects:
    """Return those delivered after one and until another moment of the last day, such as 1230."""
    day = f"{LAST_DAY:%Y%m%d}T"
    return {key: body for key, body in objects.items() if f"{day}{after}Z" < key.split("_")[3] <= f"{day}{until}Z"}


def _key(name: str) -> str:
    """Return where CloudTrail puts an object of this name."""
    account, _, region, delivered, _ = name.split("_")
    return f"AWSLogs/{account}/CloudTrail/{region}/{delivered[:4]}/{delivered[4:6]}/{delivered[6:8]}/{name}"


def undisturbed(steps: list[Objects], trail: Trail, folder: Path) -> tuple[list[Incident], list[Told]]:
    """Return the incidents, and what each step's run told, where a folder is read and nothing happens; one learns."""
    told: list[Told] = []
    with Store.open(folder / "state") as store:
        for number, objects in enumerate(steps):
            for key, body in objects.items():
                (folder / "trail" / key).parent.mkdir(parents=True, exist_ok=True)
                (folder / "trail" / key).write_bytes(body)
            Trail(folder / "trail", trail.city_db).run(store, learn=number == 0)
            told.append(sorted(store.to_tell()))
        return store.incidents(), told


class S3:
    """moto's S3 with the trail's bucket and ours, in which a test can hold the reading of an object."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.reached = Event()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._held, self._released = "", Event()
        s3_backends.reset()
        for bucket in (TRAIL, STATE):
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(bucket, "eu-central-1")

    def put(self, objects: Objects) -> None:
        for key, body in objects.items():
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(TRAIL, key, body)

    def hold(self, key: str) -> None:
        """Let whoever reads this object wait."""
        self._held = key

    def release(self) -> None:
        self._held = ""
        self._released.set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self._held and environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"].endswith(self._held):
            self.reached.set()
            self._released.wait()
        return self._moto(environ, start_response)


@contextmanager
def s3_served() -> Iterator[S3]:
    s3 = S3()
    http = make_server("127.0.0.1", 0, s3, threaded=True)
    s3.endpoint = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield s3
    s3.release()
    http.shutdown()
    http.server_close()
    thread.join()


class Inbox(ThreadingHTTPServer):
    """Where a notification arrives, as somebody's chat takes it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.messages: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Inbox)
        self.server.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Inbox]:
    with Inbox() as opened:
        thread = Thread(target=opened.serve_forever, daemon=True)
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


@dataclass
class Site:
    """Everything that runs, and what it is seen to do."""

    prefect: PrefectServer
    s3: S3
    worker: Process
    known: Settings
    inbox: Inbox
    took: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.took[step] = round(time.monotonic() - began)

    @contextmanager
    def store(self) -> Iterator[Store]:
        with clients.existing_store(self.known) as store:
            yield store

    def is_worker_online(self) -> bool:
        found = self.prefect.post(f"work_pools/{POOL}/workers/filter")
        return any(each["status"] == "ONLINE" for each in found)

    def runs(self, deployment: str, *, state: str | None = None) -> list[Run]:
        """Return a deployment's runs, those expected first first; of a state, by its name."""
        of_state = {"state": {"name": {"any_": [state]}}} if state else {}
        wanted = self.prefect.deployments()[deployment]["id"]
        return [run for run in self.prefect.runs(**of_state) if run["deployment_id"] == wanted]

    def run(self, run_id: str) -> Run:
        found: Run = self.prefect.get(f"flow_runs/{run_id}")
        return found

    def told(self) -> Told:
        """Return the (incident, revision) whose response has completed."""
        given = [run["parameters"] for run in self.runs("respond", state="Completed")]
        return sorted((each["incident_id"], each["revision"]) for each in given)

    def wait_for_told(self, expected: Told) -> None:
        wait_until(lambda: len(self.told()) >= len(expected), f"the responses {expected}", every=1)
        assert self.told() == expected

    def artifacts(self, run: Run) -> set[str]:
        of_run = {"flow_run_id": {"any_": [run["id"]]}}
        return {each["key"] for each in self.prefect.post("artifacts/filter", artifacts=of_run)}

    def heartbeats(self, run: Run) -> int:
        asked = {
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run['id']}"]},
        }
        return int(self.prefect.post("events/filter", filter=asked)["total"])
