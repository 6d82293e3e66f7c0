"""A window's objects out of a bucket that answers after 30 ms: ours beside boto3 with 32 threads."""

import os
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.speed.corpus import Window
from bench.speed.sections import Line, Section, Setting
from bench.speed.stand_in import bucket
from bench.speed.taken import Taken, in_its_own_process, in_turns, timed
from prefect_cloudtrail.cloudtrail import BulkSource, FolderSource

OURS, BOTO3 = "ours", "boto3, 32 threads"
BUCKET, MILLISECONDS, THREADS = "example-trail", 30, 32


def section(setting: Setting) -> Section:
    """Return how much sooner the objects are here, and what that costs."""
    window = setting.corpus.window(events=setting.events)
    given = {"trail": str(window.trail)}
    with bucket(window.trail, BUCKET, MILLISECONDS) as environment:
        found = in_turns(
            [OURS, BOTO3],
            setting.runs,
            lambda each: in_its_own_process("fetch", each, given, environment=environment),
            setting.tell,
        )
    ours, theirs = found
    rate = f"{window.objects / ours.seconds:,.0f} objects/s, boto3 {window.objects / theirs.seconds:,.0f}"
    processor = f"{ours.cpu:.2f} s of a processor, boto3 {theirs.cpu:.2f}"
    lines = [
        Line.times("fetch, against boto3 with 32 threads", rate, theirs.seconds / ours.seconds, 2.5),
        Line.times("the same, of a processor", processor, theirs.cpu / ours.cpu, 4),
    ]
    said = f"{window.objects:,} objects, {window.stored_bytes / 1e6:,.0f} MB, each {MILLISECONDS} ms away."
    return Section("fetch", said, found, lines)


def measured(contender: str, trail: str) -> Taken:
    """Return what this contender took to fetch every object of the window."""
    window = Window.of(Path(trail))
    keys = [each.key for each in FolderSource(window.trail).list()]
    expected = _digest(window.trail.joinpath(key).read_bytes() for key in keys)
    work = {OURS: _ours, BOTO3: _boto3}[contender]
    work(keys[:1])
    return timed(lambda: work(keys), lambda found: _digest(found) == expected)


def _digest(contents: Iterable[bytes]) -> tuple[int, int]:
    """How many bytes, and a sum of all objects in their order."""
    size = found = 0
    for content in contents:
        size, found = size + len(content), zlib.crc32(content, found)
    return size, found


def _ours(keys: list[str]) -> list[bytes]:
    from prefect_cloudtrail.aws import open_s3  # noqa: PLC0415 - it takes boto3, which the peer imports by itself

    source = open_s3(f"s3://{BUCKET}", endpoint_url=os.environ["PREFECT_CLOUDTRAIL_ENDPOINT_URL"])
    assert isinstance(source, BulkSource)  # noqa: S101
    contents = [content for _, content in source.fetch(keys)]
    return [content for content in contents if isinstance(content, bytes)]


def _boto3(keys: list[str]) -> list[bytes]:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client(
        "s3",
        endpoint_url=os.environ["PREFECT_CLOUDTRAIL_ENDPOINT_URL"],
        config=Config(max_pool_connections=THREADS, s3={"addressing_style": "path"}),
    )
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read(), keys))
