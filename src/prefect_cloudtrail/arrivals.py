"""Which objects are new, which window brought each record, and each record once: so the cut of runs does not matter."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from prefect_cloudtrail.cloudtrail import LogObject, Reason
from prefect_cloudtrail.schema import UTC_MICROSECONDS

WINDOW = timedelta(minutes=15)
# As they are stored; unpacked and placed they take about forty times as much memory.
CHUNK_BYTES = 32 * 2**20


def arrived(read: pl.DataFrame, objects: Sequence[LogObject], until: datetime) -> list[LogObject]:
    """Return the objects that no run read, or of which one left the rows after its own `until`; by delivery."""
    known = {path: (size, read_until) for path, size, read_until in read.iter_rows()}

    def is_new(each: LogObject) -> bool:
        if each.key not in known:
            return True
        size, read_until = known[each.key]
        return size != each.size or (read_until is not None and read_until < until)

    beginning = datetime.min.replace(tzinfo=UTC)
    return sorted(filter(is_new, objects), key=lambda each: (each.delivered or beginning, each.key))


def chunks(objects: Sequence[LogObject]) -> Iterator[list[LogObject]]:
    """Yield what to read at once: bounded in bytes, cut between windows; objects of unknown time come whole, first."""
    chunk: list[LogObject] = []
    size = 0
    for each in objects:
        cut = bool(chunk) and chunk[-1].delivered is not None and window_of(chunk[-1]) != window_of(each)
        if cut and size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(each)
        size += each.size
    if chunk:
        yield chunk


def window_of(each: LogObject) -> datetime | None:
    """Return the end of the window in which the object was delivered, None where its name does not say."""
    if each.delivered is None:
        return None
    over = timedelta(
        minutes=each.delivered.minute % 15, seconds=each.delivered.second, microseconds=each.delivered.microsecond
    )
    return each.delivered if not over else each.delivered - over + WINDOW


def dated(
    events: pl.DataFrame, chunk: Sequence[LogObject], checkpoint: datetime | None, look_back: timedelta
) -> pl.DataFrame:
    """Return the events with the window that brought each event and the hour it is judged as."""
    delivered = pl.DataFrame(
        [(each.key, window_of(each)) for each in chunk],
        schema={"log.file.path": pl.String, "window": UTC_MICROSECONDS},
        orient="row",
    )
    own = pl.col("@timestamp").dt.truncate("15m")
    own = pl.when(own == pl.col("@timestamp")).then(own).otherwise(own + WINDOW)
    dated = events.join(delivered, on="log.file.path", how="left").with_columns(
        pl.coalesce("window", own).alias("window")
    )
    if checkpoint:
        found_late = pl.col("window") < checkpoint - look_back
        dated = dated.with_columns(
            pl.when(found_late).then(pl.lit(checkpoint)).otherwise(pl.col("window")).alias("window")
        )
    late = pl.col("@timestamp") < pl.col("window") - look_back
    return dated.with_columns(
        late.alias("late"),
        pl.when(late).then(pl.col("window")).otherwise(pl.col("@timestamp")).dt.truncate("1h").alias("hour"),
    ).with_columns(pl.col("window", "hour").cast(UTC_MICROSECONDS))


def each_once(dated: pl.DataFrame, known: pl.DataFrame, look_back: timedelta) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events without doubles, and the look-back's keys of what is left.

    A call recorded in two trails carries one shared id. A copy is a double when the first came in the same window, or
    when it is young enough for the look-back to know it.
    """
    key = pl.coalesce("aws.cloudtrail.shared_event_id", "event.id")
    ordered = dated.with_columns(key.alias("key")).sort("key", "window", "event.id", "log.file.path", "log.offset")
    young = pl.col("@timestamp") >= pl.col("window") - look_back
    follows = pl.col("key") == pl.col("key").shift(1)
    same_window = follows & (pl.col("window") == pl.col("window").shift(1))
    again = (same_window | (follows & young)).fill_null(value=False)
    seen = young & pl.col("key").is_in(known["key"].implode())
    once = ordered.filter(~again & ~seen)
    return once.drop("key"), once.select("key", "@timestamp")


def ledger(
    chunk: Sequence[LogObject],
    dated: pl.DataFrame,
    placed: pl.DataFrame,
    rejected: pl.DataFrame,
    left: pl.DataFrame,
    until: datetime,
) -> pl.DataFrame:
    """Return what to note of each object: how far it was read, and what it held."""
    path = "log.file.path"

    def count(frame: pl.DataFrame, name: str) -> pl.DataFrame:
        return frame.group_by(path).agg(pl.len().cast(pl.Int64).alias(name))

    # An object that could not be fetched was not read: the next run tries again.
    gone = rejected.filter(pl.col("reason") == Reason.UNREADABLE)[path].implode()
    objects = pl.DataFrame(
        [(each.key, each.size, each.delivered) for each in chunk],
        schema={path: pl.String, "size": pl.Int64, "delivered": UTC_MICROSECONDS},
        orient="row",
    )
    objects = objects.filter(~pl.col(path).is_in(gone))
    for frame, name in ((dated, "all"), (placed, "events"), (rejected, "rejected"), (left, "left")):
        objects = objects.join(count(frame, name), on=path, how="left")
    return objects.with_columns(pl.col("all", "events", "rejected", "left").fill_null(0)).select(
        path,
        "size",
        "delivered",
        pl.when(pl.col("left") > 0).then(pl.lit(until)).cast(UTC_MICROSECONDS).alias("read_until"),
        "events",
        (pl.col("all") - pl.col("events")).alias("duplicates"),
        "rejected",
    )
