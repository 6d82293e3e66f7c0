"""Parts read by two workers of Dask, warm and under a Prefect server, against one process that reads all."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import polars as pl

from bench.speed.corpus import Window
from bench.speed.organisation import CHECKPOINT, UNTIL
from bench.speed.sections import Line, Section, Setting
from bench.speed.taken import Taken, in_its_own_process, in_turns, timed
from prefect_cloudtrail import clients
from prefect_cloudtrail.cloudtrail import FolderSource, LogObject
from prefect_cloudtrail.parts import Asked, Reading, in_this_process
from prefect_cloudtrail.settings import Settings, settings

ONE, DASK = "one process", "Dask"
WORKERS = 2
ROUNDS = 3.2  # a window of a million events has 1.28 GB of JSON: four in all
AT_LEAST = 1.5
PATIENCE_SECONDS = 120


def section(setting: Setting) -> Section:
    """Return how much sooner Dask is done."""
    corpus, window = setting.corpus, setting.corpus.window(events=setting.events)
    given = {"trail": str(window.trail), "city_db": str(corpus.city_db), "asn_db": str(corpus.asn_db)}
    with prefect_server(setting.work / "prefect") as environment:
        found = in_turns(
            [ONE, DASK],
            setting.runs,
            lambda each: in_its_own_process("dask", each, given, environment=environment),
            setting.tell,
        )
    one, dask = found
    said = f"{one.seconds:.1f} s, Dask {dask.seconds:.1f} s; {one.cpu:.1f} and {dask.cpu:.1f} of a processor"
    size = (
        f"{one.figure('events'):,.0f} records, {one.figure('json_mb'):,.0f} MB of JSON, the window's objects again and "
        f"again; {dask.figure('parts'):.0f} tasks for {WORKERS} workers."
    )
    what = f"reading, Dask's {WORKERS} workers against one process"
    return Section("dask", size, found, [Line.times(what, said, one.seconds / dask.seconds, AT_LEAST)])


def measured(contender: str, trail: str, city_db: str, asn_db: str, rounds: float = ROUNDS) -> Taken:
    """Return what the contender took from the first object to the last part."""
    if contender == ONE:
        return _Read.of(trail, city_db, asn_db, rounds).taken(in_this_process)
    return _by_dask(trail, city_db, asn_db, rounds)


@dataclass(frozen=True)
class _Read:
    source: FolderSource
    objects: Sequence[LogObject]
    asked: Asked
    window: Window
    known: Settings

    @classmethod
    def of(cls, trail: str, city_db: str, asn_db: str, rounds: float) -> Self:
        """Return what is read: the window's objects, so many times."""
        known = settings(source=trail, city_db=Path(city_db), asn_db=Path(asn_db))
        source = FolderSource(Path(trail))
        listed = source.list()
        objects = [listed[at % len(listed)] for at in range(round(rounds * len(listed)))]
        asked = Asked(clients.geo(known), UNTIL, None, CHECKPOINT, timedelta(hours=2), {})
        return cls(source, objects, asked, Window.of(Path(trail)), known)

    def taken(self, reading: Reading) -> Taken:
        """What it took to read all; it agrees where every record is there."""
        held = dict(self.window.drawn.group_by("log.file.path").len().iter_rows())
        expected = sum(held[each.key] for each in self.objects)

        def figures() -> Mapping[str, float]:
            counted = [
                (size, part.rows().select(pl.len()).collect().item(), part.bytes)
                for size, part in reading(self.source, self.objects, self.asked)
            ]
            objects, events, json_bytes = map(sum, zip(*counted, strict=True))
            return {"parts": len(counted), "objects": objects, "events": events, "json_mb": json_bytes / 1e6}

        return timed(figures, lambda found: found["events"] == expected, lambda found: found)


def _by_dask(trail: str, city_db: str, asn_db: str, rounds: float) -> Taken:
    """By a cluster that has read before, from within a flow."""
    from dask.distributed import Client, LocalCluster  # noqa: PLC0415 - one process is to hold none of it
    from prefect import Flow, flow  # noqa: PLC0415
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415

    # Typed as what they are not, these two, and the runner not as Prefect would have it.
    local: Any = LocalCluster
    connected: Any = Client
    by_dask: Any = DaskTaskRunner
    started = local(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None)
    with started as cluster, connected(cluster) as client:
        read: Flow[..., Taken] = flow(task_runner=by_dask(address=cluster.scheduler_address))(_taken_by_tasks)
        read(trail, city_db, asn_db, rounds / 4)
        before = sum(client.run(time.process_time).values())
        taken = read(trail, city_db, asn_db, rounds)
        return replace(taken, cpu=taken.cpu + sum(client.run(time.process_time).values()) - before)


def _taken_by_tasks(trail: str, city_db: str, asn_db: str, rounds: float) -> Taken:
    # A flow travels to the workers with its parameters: texts and numbers.
    from prefect_cloudtrail.tasks.reading import mapped  # noqa: PLC0415

    read = _Read.of(trail, city_db, asn_db, rounds)
    return read.taken(mapped(read.known))


@contextmanager
def prefect_server(home: Path) -> Iterator[Mapping[str, str]]:
    """Give the environment in which a Prefect server of our own is asked; it is gone afterwards."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    own = {"PREFECT_HOME": str(home), "PREFECT_API_URL": url, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    # The contender's answer is its last line.
    environment = {**os.environ, **own, "PREFECT_LOGGING_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--no-ui", "--port", str(port)]
    home.mkdir(parents=True)
    with (
        (home / "server.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            _wait(f"{url}/health", server)
            yield environment
        finally:
            server.terminate()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"no Prefect server answers at {url}")
