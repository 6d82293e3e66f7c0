"""The real command as a process of its own, to be killed: the console script, or forked with its imports done."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

COMMAND = "prefect-cloudtrail"
# What a run imports, and the drill that each process imports before it runs; no Python thread is started by it, so it
# may be forked.
IMPORTS = [
    "bench.drills.__main__",
    *("prefect_cloudtrail.cli", "prefect_cloudtrail.clients", "prefect_cloudtrail.pipeline", "prefect_cloudtrail.rows"),
    *("alembic.command", "alembic.script", "sqlalchemy.dialects.sqlite"),
]
AT_WORK = "another detector is at work"
# A run takes seconds; what takes longer hangs, which no drill may pass over.
LONGEST_SECONDS = 300


@dataclass
class Running:
    """One process that runs the command."""

    is_over: Callable[[], bool]
    kill: Callable[[], None]
    ending: Callable[[], int | None]
    errors: Path
    began: float
    pid: int | None = None

    def wait(self) -> "Ended":
        """Return how it ended.

        Raises:
            TimeoutError: it hangs; it was killed.
        """
        while not self.is_over():
            if time.monotonic() - self.began > LONGEST_SECONDS:
                self.kill()
                raise TimeoutError(f"{COMMAND} hangs for over {LONGEST_SECONDS} s")
            time.sleep(0.005)
        said = self.errors.read_text()
        self.errors.unlink()
        return Ended(self.ending(), said, time.monotonic() - self.began)


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit status, negative for a signal, what it said on standard error, how long it took."""

    status: int | None
    said: str
    seconds: float

    @property
    def is_refused(self) -> bool:
        """Whether another was at work, said in one line."""
        return self.status == 1 and AT_WORK in self.said and self.said.count("\n") == 1


Start = Callable[[Sequence[str]], Running]


def start_script(
    arguments: Sequence[str],
    *,
    through: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    printed: Path | None = None,
) -> Running:
    """Return the console script, started.

    Args:
        arguments: of the command.
        through: a command that becomes this one, such as prlimit with its limits.
        environment: what is set besides.
        printed: where its standard output goes; nowhere by default.
    """
    script = shutil.which(COMMAND, path=str(Path(sys.executable).parent)) or COMMAND
    errors = _file()
    with errors.open("w") as file, (printed or Path(os.devnull)).open("w") as output:
        process = subprocess.Popen(
            [*through, script, *arguments], stdout=output, stderr=file, env={**os.environ, **(environment or {})}
        )
    return Running(
        lambda: process.poll() is not None, process.kill, process.poll, errors, time.monotonic(), process.pid
    )


def start_forked(
    arguments: Sequence[str],
    chunk_bytes: int | None = None,
    processes: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Return the same command in a process that was forked with its imports done: seconds cheaper, else the same.

    Args:
        arguments: of the command.
        chunk_bytes: how much a run reads and commits at once; the command's own bound is never met by a small trail.
        processes: how many read beside it, however little arrived; by default as many as the trail is worth.
        environment: what is set besides.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTS)
    errors = _file()
    process = context.Process(
        target=_run, args=(list(arguments), str(errors), chunk_bytes, processes, dict(environment or {}))
    )
    process.start()
    return Running(
        lambda: not process.is_alive(), process.kill, lambda: process.exitcode, errors, time.monotonic(), process.pid
    )


def _file() -> Path:
    with NamedTemporaryFile(prefix="drill-", suffix=".txt", delete=False) as file:
        return Path(file.name)


def _run(
    arguments: list[str], errors: str, chunk_bytes: int | None, processes: int | None, environment: dict[str, str]
) -> None:
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(errors, os.O_WRONLY), 2)
    # Only the fork server and its children need these.
    from prefect_cloudtrail import arrivals, parts  # noqa: PLC0415
    from prefect_cloudtrail.cli import main  # noqa: PLC0415

    arrivals.CHUNK_BYTES = chunk_bytes or arrivals.CHUNK_BYTES
    if processes:
        os.environ["PREFECT_CLOUDTRAIL_PROCESSES"] = str(processes)
        parts.WORTH_PROCESSES = 0
    main(arguments, prog_name=COMMAND)
