"""Processes beside this one that work for it: each with a Python of its own, and gone when this one is."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, ParamSpec, Self, TypeVar

from prefect_cloudtrail.errors import CloudTrailResponseError

_P = ParamSpec("_P")
_T = TypeVar("_T")

# One thread each, as they are as many as there are cores; and memory that was freed is kept for the next part, which
# the kernel would have to clear again.
_ENVIRONMENT = {
    "POLARS_MAX_THREADS": "1",
    "MALLOC_TOP_PAD_": str(64 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(512 * 2**20),
}


class Processes:
    """So many processes, for as long as the `with` lasts. They live in no group of this one's, and end when it does.

    Unlike those of the standard library they do not import the program's main module again, which in a flow run is
    Prefect, and may be used where a process must have no children of that kind, such as in a Dask worker.
    """

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="prefect-cloudtrail-process")
        self._all: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._count = count

    def __enter__(self) -> Self:
        for _ in range(self._count):
            process = subprocess.Popen(  # noqa: S603 - this program's own module
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **_ENVIRONMENT},
                start_new_session=True,
            )
            self._all.append(process)
            self._idle.put(process)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._all:
            if error:
                process.kill()
            elif process.stdin:
                # Where it was killed, what could not be written any more is still there to write.
                with suppress(BrokenPipeError):
                    process.stdin.close()
        self._threads.shutdown(cancel_futures=True)
        for process in self._all:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(BrokenPipeError):
                        pipe.close()

    def submit(self, work: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> Future[_T]:
        """Return the future of the work, a function of a module, done in the first process that is free."""
        return self._threads.submit(self._ask, work, args, named)

    def _ask(self, work: Callable[..., _T], args: tuple[Any, ...], named: dict[str, Any]) -> _T:
        process = self._idle.get()
        try:
            if not process.stdin or not process.stdout:
                raise ValueError("the pipes of a process are always there")
            pickle.dump((work, args, named), process.stdin, protocol=5)
            process.stdin.flush()
            answer, failed = pickle.load(process.stdout)  # noqa: S301 - our own process
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            raise CloudTrailResponseError(
                f"a process that reads ended with {process.wait()}, killed for its memory, maybe: "
                "set PREFECT_CLOUDTRAIL_PROCESSES to fewer"
            ) from error
        finally:
            self._idle.put(process)
        if failed:
            raise answer
        result: _T = answer
        return result


def _work(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Do what is asked until nothing can be asked any more."""
    while True:
        try:
            work, args, named = pickle.load(asked)  # noqa: S301 - the process that started this one
        except EOFError:
            return
        try:
            answer = work(*args, **named), False
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            answer = error, True
        pickle.dump(answer, answers, protocol=5)
        answers.flush()


if __name__ == "__main__":
    _answers = os.fdopen(os.dup(1), "wb")
    # What is printed must not come between the answers.
    os.dup2(2, 1)
    _work(sys.stdin.buffer, _answers)
