"""Which objects are new, which window brought each record, and each record once: so the cut of runs does not matter."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from prefect_cloudtrail.cloudtrail import LogObject, Reason
from prefect_cloudtrail.schema import ARRIVED, SEEN, UTC_MICROSECONDS
from prefect_cloudtrail.seen import BITS, known

WINDOW = timedelta(minutes=15)
# As they are stored; unpacked and placed they take about forty times as much memory.
CHUNK_BYTES = 32 * 2**20
# The `read_until` of an object that could not be fetched: all of it is left to a later run, however long that takes.
NEVER_READ = datetime(1970, 1, 1, tzinfo=UTC)


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


def chunks(objects: Sequence[LogObject], most_bytes: int | None = None) -> Iterator[list[LogObject]]:
    """Yield what to read at once: bounded in bytes, cut between windows; objects of unknown time come whole, first.

    Args:
        objects: which, by delivery.
        most_bytes: as they are stored, after which the next window is left; CHUNK_BYTES by default.
    """
    most = most_bytes or CHUNK_BYTES
    chunk: list[LogObject] = []
    size = 0
    for each in objects:
        cut = bool(chunk) and chunk[-1].delivered is not None and window_of(chunk[-1]) != window_of(each)
        if cut and size >= most:
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


def each_once(
    arrived: pl.LazyFrame, seen: pl.LazyFrame, look_back: timedelta
) -> tuple[pl.LazyFrame, pl.DataFrame, pl.DataFrame]:
    """Return the events without doubles, where the doubles are, and SEEN of what is left.

    A call recorded in two trails carries one shared id. A copy is a double when the first came in the same window, or
    when it is young enough for the look-back to know it.

    Args:
        arrived: ARRIVED.
        seen: SEEN of the look-back.
        look_back: how far that goes.
    """
    where = ["log.file.path", "log.offset"]
    young = pl.col("@timestamp") >= pl.col("window") - look_back
    ids = arrived.select(list(SEEN)).collect()
    # Hardly any is there twice; the others need no order.
    twice = ids.filter(pl.col("high").is_duplicated())["high"].unique()
    before = known(ids.select(BITS), seen)
    if twice.is_empty() and before.is_empty():
        return arrived, pl.DataFrame(schema={name: ARRIVED[name] for name in where}), ids
    copies = arrived.filter(pl.col("high").is_in(twice.implode())).select(
        *BITS, "@timestamp", "window", "event.id", *where
    )
    copies = copies.sort(*BITS, "window", "event.id", *where)
    follows = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in BITS)
    same_window = follows & (pl.col("window") == pl.col("window").shift(1))
    again = copies.filter(same_window | (follows & young)).select(where)
    repeated = arrived.filter(young).join(before.lazy(), on=list(BITS), how="semi").select(where)
    doubles = pl.concat([again, repeated]).unique().collect()
    once = arrived.join(doubles.lazy(), on=where, how="anti")
    return once, doubles, once.select(list(SEEN)).collect()


def ledger(
    chunk: Sequence[LogObject],
    arrived: pl.LazyFrame,
    doubles: pl.DataFrame,
    rejected: pl.DataFrame,
    left: pl.DataFrame,
    until: datetime,
) -> pl.DataFrame:
    """Return what to note of each object: how far it was read, and what it held.

    Args:
        chunk: the objects.
        arrived: their events, doubles and all.
        doubles: of these, those that are some; by object and place.
        rejected: REJECTED of them.
        left: how many events of an object are later than `until`.
        until: up to when events were taken.
    """
    path = "log.file.path"

    def count(frame: pl.LazyFrame, name: str) -> pl.DataFrame:
        return frame.group_by(path).agg(pl.len().cast(pl.Int64).alias(name)).collect()

    # What is larger than what is read is not noted: the next run fetches it again, for as long as it looks back.
    refused = rejected.filter(pl.col("reason") == Reason.TOO_LARGE)[path].implode()
    unread = rejected.filter(pl.col("reason") == Reason.UNREADABLE)[path].implode()
    objects = pl.DataFrame(
        [(each.key, each.size, each.delivered) for each in chunk],
        schema={path: pl.String, "size": pl.Int64, "delivered": UTC_MICROSECONDS},
        orient="row",
    )
    objects = objects.filter(~pl.col(path).is_in(refused)).join(left, on=path, how="left")
    for frame, name in ((arrived, "all"), (doubles.lazy(), "duplicates"), (rejected.lazy(), "rejected")):
        objects = objects.join(count(frame, name), on=path, how="left")
    return objects.with_columns(pl.col("all", "duplicates", "rejected", "left").fill_null(0)).select(
        path,
        "size",
        "delivered",
        pl.when(pl.col(path).is_in(unread))
        .then(pl.lit(NEVER_READ))
        .when(pl.col("left") > 0)
        .then(pl.lit(until))
        .cast(UTC_MICROSECONDS)
        .alias("read_until"),
        (pl.col("all") - pl.col("duplicates")).alias("events"),
        "duplicates",
        "rejected",
    )
