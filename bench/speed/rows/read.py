"""Objects as they lie in the bucket, in memory, to EVENTS: on one core, with the same gunzip for everybody."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import deflate
import polars as pl

from bench.speed.corpus import Window
from bench.speed.rows import limits
from bench.speed.rows import peers_of_read as peers
from bench.speed.sections import Line, Section, Setting
from bench.speed.taken import Contender, Taken, in_its_own_process, in_turns, timed
from prefect_cloudtrail.cloudtrail import FolderSource, parse
from prefect_cloudtrail.cloudtrail.unpack import Text
from prefect_cloudtrail.schema import EVENTS

Objects = Sequence[tuple[str, bytes]]
OURS, ORJSON, STDLIB = "ours", "orjson", "stdlib json"
DUCKDB_STRUCT, DUCKDB_PATHS, POLARS = "DuckDB from_json", "DuckDB json paths", "polars NDJSON"


def section(setting: Setting) -> Section:
    """Return ours beside every other reader and the limits, on one core."""
    window = setting.corpus.window(events=setting.events)
    program = limits.built(setting.work)
    keys = keys_of(window, setting.few)

    def run(contender: str) -> Taken | str:
        if contender in limits.MODES:
            return program if isinstance(program, str) else limits.measured(program, contender, window, keys)
        return in_its_own_process("read", contender, {"trail": str(window.trail), "events": setting.few}, threads=1)

    found = in_turns([*READERS, *limits.MODES], setting.runs, run, setting.tell)
    by = {each.name: each for each in found}
    ours, best = by[OURS], min((by[DUCKDB_STRUCT], by[DUCKDB_PATHS]), key=lambda each: each.cpu)
    goals = [(by[ORJSON], 3.0), (best, 3.0), (by[STDLIB], 5.0), (by[limits.FIELDS], 0.8)]
    size = ours.figure("json_mb")
    lines = [
        Line.times(
            f"read into EVENTS, one core, against {peer.name}", _rates(ours, peer, size), peer.cpu / ours.cpu, least
        )
        if peer.runs
        else Line.left_out(
            f"read into EVENTS, one core, against {peer.name}", f"at least {least:g} times", f"{peer.left_out}"
        )
        for peer, least in goals
    ]
    said = f"{ours.figure('events'):,.0f} records, {size:,.0f} MB of JSON; every reader answers the same EVENTS."
    return Section("read", said, found, lines)


def _rates(ours: Contender, peer: Contender, size: float) -> str:
    return f"{size / ours.cpu:,.0f} MB/s, {peer.name} {size / peer.cpu:,.0f}"


def keys_of(window: Window, events: int) -> list[str]:
    """Return the first objects that hold so many events."""
    counts = window.drawn.group_by("log.file.path").len().sort("log.file.path")
    return counts.filter(pl.col("len").cum_sum().shift(1, fill_value=0) < events)["log.file.path"].to_list()


def objects_of(window: Window, events: int) -> Objects:
    """Return the first objects that hold so many events, with their bytes."""
    source = FolderSource(window.trail)
    return [(key, source.read(key)) for key in keys_of(window, events)]


def measured(contender: str, trail: str, events: int) -> Taken:
    """Return what this contender took to read so many events of the window in this folder."""
    window = Window.of(Path(trail))
    objects = objects_of(window, events)
    expected = window.drawn.filter(pl.col("log.file.path").is_in([key for key, _ in objects]))
    size = sum(int.from_bytes(content[-4:], "little") for _, content in objects)
    read = READERS[contender]
    read(objects[:1])  # nobody's first import or plan counts

    def figures(_: pl.DataFrame) -> dict[str, float]:
        return {"json_mb": size / 1e6, "events": expected.height}

    return timed(lambda: read(objects), lambda found: _same(found, expected), figures)


def _same(found: pl.DataFrame, expected: pl.DataFrame) -> bool:
    return found.select(list(EVENTS)).cast(dict(EVENTS)).equals(expected)  # type: ignore[arg-type]


def _ours(objects: Objects) -> pl.DataFrame:
    return parse(objects).events


def _texts(objects: Objects) -> peers.Texts:
    return ((key, deflate.gzip_decompress(content)) for key, content in objects)


def _by(loads: Callable[[Text], Any]) -> Callable[[Objects], pl.DataFrame]:
    return lambda objects: peers.of_dicts(((key, loads(text)["Records"]) for key, text in _texts(objects)))


def _orjson(text: Text) -> Any:  # noqa: ANN401
    import orjson  # noqa: PLC0415 - so that nobody else's process holds it

    return orjson.loads(text)


READERS: dict[str, Callable[[Objects], pl.DataFrame]] = {
    OURS: _ours,
    ORJSON: _by(_orjson),
    STDLIB: _by(json.loads),
    DUCKDB_STRUCT: lambda objects: peers.of_duckdb(_texts(objects), peers.STRUCTS),
    DUCKDB_PATHS: lambda objects: peers.of_duckdb(_texts(objects), peers.PATHS),
    POLARS: lambda objects: peers.of_polars(_texts(objects), io.BytesIO),
}
