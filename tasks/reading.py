"""Parts of what arrived, read by the flow's task runner: on other machines where it is Dask's or Ray's."""

import pickle
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger

from prefect_cloudtrail import clients, parts
from prefect_cloudtrail.cloudtrail import LogObject, Reason, Source, fetched
from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.parts import Asked, Part, Reading, in_this_process, parts_of
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.repeating import is_worth_repeating

# As they are stored: about 100 MB of JSON, as a task costs 0.1 to 0.2 seconds under Dask.
PART_BYTES = 12 * 2**20
# What is judged at once: parts for ten workers.
CHUNK_BYTES = 128 * 2**20
# Tasks that wait or are read: more than there are workers, and less than a year's.
MOST_WAITING = 32


@task(
    task_run_name="read a part",
    retries=3,
    retry_delay_seconds=[2, 10, 30],
    retry_condition_fn=is_worth_repeating,
    cache_policy=NO_CACHE,
    # It goes back to the flow as it is; a file on the worker's disk would be of use to nobody.
    persist_result=False,
)
def read_part(known: Settings, objects: Sequence[LogObject], asked: bytes) -> Part:
    """Return what the objects hold, packed, from a source and geo databases that the worker opens itself.

    Args:
        known: the run's settings.
        objects: which.
        asked: how: Asked, pickled. It opens the geo databases, and so is unpacked here, where their absence is said.

    Raises:
        GeoError: the worker has no such databases, or other builds of them.
        SourceError: it cannot reach the source.
    """
    how: Asked = pickle.loads(asked)  # noqa: S301 - the flow's own
    with closing(fetched(clients.archive(known), objects, how.max_object_bytes)) as held:
        part = parts.read_part(objects, held, how).packed()
    get_run_logger().info("read %d objects, %.0f MB of JSON", len(objects), part.bytes / 1e6)
    return part


def mapped(known: Settings) -> Reading:
    """Return a reading by the task runner of the flow that reads.

    Raises:
        SettingsError: more workers would read its source no sooner.
    """
    if (known.source or "").startswith(clients.LOOKUP):
        raise SettingsError(
            f"{clients.LOOKUP} cannot be spread: AWS answers two requests a second, whoever asks; leave spread out"
        )

    def read(source: Source, objects: Sequence[LogObject], asked: Asked) -> Iterator[tuple[int, Part]]:
        sent = pickle.dumps(asked)
        waiting: deque[tuple[list[LogObject], PrefectFuture[Part]]] = deque()
        for part in parts_of(objects, PART_BYTES):
            waiting.append((part, read_part.submit(known, part, sent)))
            if len(waiting) == MOST_WAITING:
                yield from _finished(*waiting.popleft(), source, asked)
        while waiting:
            yield from _finished(*waiting.popleft(), source, asked)

    return read


def _finished(
    objects: Sequence[LogObject], reading: PrefectFuture[Part], source: Source, asked: Asked
) -> Iterator[tuple[int, Part]]:
    """The part, once it is read; read here where the worker could not fetch one object of it, as this process may."""
    part = reading.result()
    if part.rejected.filter(pl.col("reason") == Reason.UNREADABLE).height == len(objects):
        yield from in_this_process(source, objects, asked)
    else:
        yield len(objects), part
