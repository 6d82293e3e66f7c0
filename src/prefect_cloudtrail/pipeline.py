"""Reading to judging, and the store, for everything that arrived: what detect, backfill, backtest and the flow call.

A run takes the log objects that no run before it read. Each record belongs to the 15-minute window in which its object
was delivered (the time in the object's name; the record's own where it has none), and is judged by what was known when
its hour began. So one run over a month answers as the month's runs would have, one a window.
"""

import resource
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import polars as pl

from prefect_cloudtrail import (
    alerts,
    arrivals,
    casework,
    detectors,
    effects,
    egress,
    exemptions,
    facts,
    notices,
    rarity,
    replacing,
    silence,
    tampering,
)
from prefect_cloudtrail.cases import Alert, Incident
from prefect_cloudtrail.cloudtrail import MAX_OBJECT_BYTES, LogObject, NoticeSource, Reason, Source
from prefect_cloudtrail.cloudtrail.whole import whole_records
from prefect_cloudtrail.errors import SourceError
from prefect_cloudtrail.feedback import Feedback
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.history import HELD_BACK, History, Tally, coded, day, day_of, midnight, presences
from prefect_cloudtrail.incidents import Draft, assign, judge
from prefect_cloudtrail.notices import Notice, NoticeKind
from prefect_cloudtrail.parts import Asked, Part, Reading, in_this_process
from prefect_cloudtrail.risk import TOLD_FROM
from prefect_cloudtrail.schema import ARRIVED, INDEX, PLACES, PRESENCES, empty
from prefect_cloudtrail.store import MERGED_ROWS, Change, FileKind, Lease, Store, compaction

KEPT: dict[FileKind, timedelta] = {"index": timedelta(days=14), "presences": timedelta(days=90)}
# Renewed all the while: so long a machine that died keeps the next run waiting.
LEASE_MINUTES = 2
FOREVER = datetime.max.replace(tzinfo=UTC)  # as `learn_until`: a run that only learns

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """What a run may be told.

    `until` bounds event time; what is later stays for a later run. Windows up to `learn_until` teach and raise nothing;
    events before `since` are passed over. `look_back` is how late a record may be and still be judged as of its hour;
    `list_back`, how far before the last run a bucket's objects are still looked for. An object with more JSON than
    `max_object_bytes` is rejected, and not held. `chunk_bytes`, as they are stored, are read and judged at once.
    """

    until: datetime
    since: datetime | None = None
    learn_until: datetime | None = None
    look_back: timedelta = timedelta(hours=2)
    list_back: timedelta = timedelta(hours=24)
    tell_from: float = TOLD_FROM
    max_object_bytes: int = MAX_OBJECT_BYTES
    chunk_bytes: int | None = None  # arrivals.CHUNK_BYTES


@dataclass
class Summary:
    """What a run brought, counted; seconds by step."""

    window: list[datetime | None] = field(default_factory=lambda: [None, None])
    objects: int = 0
    bytes: int = 0
    events: int = 0
    duplicates: int = 0
    placed: int = 0
    passed_over: int = 0
    replaced: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    alerts: int = 0
    over_limit: int = 0
    suppressed: int = 0
    incidents: int = 0
    learning: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    notices: list[dict[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("read", "place", "count", "detect", "store"), 0.0)
    )
    peak_rss_mb: int = 0

    def add(self, part: Self) -> None:
        """Add what one chunk brought."""
        counts = ("objects", "bytes", "events", "duplicates", "placed", "passed_over", "replaced")
        for name in (*counts, "alerts", "over_limit", "suppressed"):
            setattr(self, name, getattr(self, name) + getattr(part, name))
        bounds = [moment for moment in (*self.window, *part.window) if moment]
        self.window = [min(bounds), max(bounds)] if bounds else [None, None]
        for reason, count in part.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        for step, seconds in part.seconds.items():
            self.seconds[step] += seconds
        self.learning = part.learning

    def row(self) -> dict[str, Any]:
        """Return it as the summary row of the command line."""
        seconds = {step: round(value, 3) for step, value in self.seconds.items()}
        return {"type": "summary", **asdict(self), "seconds": seconds}


@dataclass(frozen=True)
class Outcome:
    """A run's incidents, new or changed, oldest first, and its summary."""

    incidents: list[Incident]
    summary: Summary


@dataclass(frozen=True)
class Batch:
    """One chunk of objects, read and named, doubles removed."""

    objects: pl.DataFrame
    rejected: pl.DataFrame
    placed: pl.LazyFrame  # ARRIVED
    events: int
    windows: tuple[datetime | None, datetime | None]  # the first and the last
    seen: pl.DataFrame  # SEEN
    checkpoint: datetime | None


def all_tallies() -> tuple[Tally, ...]:
    """Return every question that anything asks of history, each once."""
    return tuple(
        dict.fromkeys((*detectors.tallies(), *rarity.TALLIES, *exemptions.TALLIES, *egress.TALLIES, *facts.TALLIES))
    )


def run(
    store: Store,
    source: Source,
    geo: Geo,
    options: Options,
    *,
    owner: str = "detect",
    progress: Progress | None = None,
    reading: Reading = in_this_process,
) -> Outcome:
    """Return what arrived since the last run, read, judged and stored.

    Args:
        store: the case store; one run at a time works on it.
        source: where the log objects are.
        geo: the open geo databases.
        options: what the run was told.
        owner: who works, for whoever finds the lease taken.
        progress: called with the objects read so far and those in all.
        reading: where objects are read, and placed.

    Raises:
        LeaseHeldError: another run is at work.
        SourceError: the objects cannot be listed.
    """
    summary, changed = Summary(), dict[str, Incident]()
    with store.lease("detect", owner, LEASE_MINUTES, datetime.now(UTC)) as lease, lease.kept() as show_life:
        store.sweep()
        since = _list_since(store, options)
        found = source.list(since)
        moved = replacing.replace(store, geo, all_tallies(), lease, show_life)
        ledger = store.ledger(min((each.delivered for each in found if each.delivered), default=None))
        arrived = arrivals.arrived(ledger, found, options.until)
        # Announced again, as a run was killed between its commit and this.
        _say_stored(source, ledger.filter(~pl.col("log.file.path").is_in([each.key for each in arrived])))
        unread = dict(source.rejected) if isinstance(source, NoticeSource) else {}
        left = ledger.filter(pl.col("read_until").is_not_null()).select("log.file.path", "read_until")
        read = 0
        for chunk in arrivals.chunks(arrived, options.chunk_bytes):
            done = read

            def report(count: int, done: int = done) -> None:
                show_life()
                if progress:
                    progress(done + count, len(arrived))

            show_life()
            lease.renew(datetime.now(UTC))
            part = Summary(learning=summary.learning, replaced=0 if read else moved, rejected={} if read else unread)
            for incident in _run_chunk(store, reading, source, geo, chunk, left, options, part, lease, report):
                changed[incident.incident_id] = incident
            summary.add(part)
            read += len(chunk)
        gone = _gone(store, source, found, since)
        summary.silent = _end_run(store, options, lease, gone)
        summary.notices = [each.row() for each in store.notices.to_show()]
    if not read:
        summary.rejected = unread
    if gone:
        summary.rejected[Reason.GONE] = len(gone)
    summary.incidents = len(changed)
    summary.replaced = moved
    summary.peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    stated = store.feedback().stated(changed.values())
    return Outcome(sorted(stated, key=lambda i: (i.opened_at, i.incident_id)), summary)


def _gone(store: Store, source: Source, found: Sequence[LogObject], since: datetime | None) -> list[str]:
    """Which objects can be read no more: never could they be, and they are listed no longer."""
    if isinstance(source, NoticeSource):
        return []  # it lists what is announced, not what is there
    never = store.left().filter(pl.col("read_until") == arrivals.NEVER_READ)
    listed = never if since is None else never.filter(pl.col("delivered") >= since)
    return listed.filter(~pl.col("log.file.path").is_in([each.key for each in found]))["log.file.path"].to_list()


def _end_run(store: Store, options: Options, lease: Lease, gone: Sequence[str]) -> list[str]:
    """Store which silences began and ended, and that the run did all it does; return those that go on.

    What arrived is committed before: so a run that is killed between leaves it to the next, and none is told twice.
    """
    found: list[Notice] = []
    if options.learn_until is None:
        outage = store.notices.outage(options.until - silence.KEPT)
        going_on = store.notices.all(NoticeKind.SILENCE, going_on=True)
        found = notices.of_silence(store.notices.deliveries(), going_on, options.until, outage)
    store.end_run(found, datetime.now(UTC), lease, given_up=gone)
    return notices.still_silent(store.notices.all(NoticeKind.SILENCE, going_on=True))


def _list_since(store: Store, options: Options) -> datetime | None:
    """From which delivery on objects may hold what no run has read; None where none has."""
    checkpoint, left = store.checkpoint(), store.left_since()
    if checkpoint is None:
        return None
    return min(checkpoint - options.list_back, left or checkpoint)


def _run_chunk(
    store: Store,
    reading: Reading,
    source: Source,
    geo: Geo,
    chunk: Sequence[LogObject],
    left: pl.DataFrame,
    options: Options,
    summary: Summary,
    lease: Lease,
    report: Callable[[int], None],
) -> list[Incident]:
    """Read, judge and commit one chunk."""
    with _timed(summary, "read"):
        asked = Asked(
            geo,
            options.until,
            options.since,
            store.checkpoint(),
            options.look_back,
            dict(left.filter(pl.col("log.file.path").is_in([each.key for each in chunk])).iter_rows()),
            options.max_object_bytes,
        )
        parts, count = [], 0
        for read, part in reading(source, chunk, asked):
            parts.append(part)
            count += read
            report(count)
    _require_readable(chunk, parts, asked)
    with _timed(summary, "place"):
        batch = _batch(store, chunk, parts, asked, summary)
    if not batch.events and batch.objects.is_empty():
        return []
    with _timed(summary, "count"):
        until = store.usual_until()
        recent = store.scan("presences", since=midnight(day_of(until)) if until else None)
        if until:
            recent = recent.filter(day("hour") >= day_of(until))
        learned = presences(batch.placed)
        taught = pl.concat([coded(recent).collect(engine="streaming"), coded(learned)])
        open_incidents = store.incidents(open_at=midnight(day_of(until)) if until else None)
        places = _places(store.places(), batch.placed)
        usual = store.scan("usual")
        feedback = store.feedback()
    with _timed(summary, "detect"):
        known = _Known(usual, taught, places, feedback)
        incidents, history = _judge(store, options.learn_until, batch, known, open_incidents, summary)
        # All that is placed is placed by now.
        geo.require_unwritten()
        _note_learning(batch.placed, history, summary)
        summary.incidents = len(incidents)
    with _timed(summary, "store"):
        change = _change(store, batch, known, learned, incidents, options, summary)
        change = replace(
            change,
            deliveries=_deliveries(store, batch, options.until),
            notices=_of_logging(store, source, batch, options),
        )
        store.commit(change, lease)
        _say_stored(source, batch.objects)
    return incidents


def _say_stored(source: Source, read: pl.DataFrame) -> None:
    """Have what is stored announced no more; an object of which rows are left for a later run still is."""
    if isinstance(source, NoticeSource):
        source.settle(read.filter(pl.col("read_until").is_null())["log.file.path"].to_list())


def _require_readable(chunk: Sequence[LogObject], parts: Sequence[Part], asked: Asked) -> None:
    """A source that went away must not look like one that holds nothing; what it never gave keeps nobody up."""
    gone = pl.concat(part.rejected for part in parts).filter(pl.col("reason") == Reason.UNREADABLE)
    news = any(asked.read_until.get(each.key) != arrivals.NEVER_READ for each in chunk)
    if news and gone.height == len(chunk):
        raise SourceError(f"none of {len(chunk)} log objects can be read; the first: {gone['sample'][0]}")


@dataclass(frozen=True)
class _Known:
    """History's parts, before anything is held back."""

    usual: pl.LazyFrame
    learned: pl.DataFrame  # PRESENCES, coded
    places: pl.DataFrame
    feedback: Feedback

    def history(self, held: Sequence[tuple[str, datetime, str]], before: History | None = None) -> History:
        """Everything known with these held back; `before`, with others."""
        holds = effects.holds(held, self.feedback)
        return before.holding_back(holds) if before else History.of(self.usual, self.learned, holds)


def _batch(store: Store, chunk: Sequence[LogObject], parts: Sequence[Part], asked: Asked, summary: Summary) -> Batch:
    """The chunk's events, each once, and what to enter in the ledger."""
    arrived = pl.concat(part.rows() for part in parts)
    rejected = pl.concat(part.rejected for part in parts)
    kept_from = asked.checkpoint and asked.checkpoint - 2 * asked.look_back
    before = store.scan("seen", since=kept_from)
    if kept_from:
        before = before.filter(pl.col("@timestamp") >= kept_from)
    placed, doubles, seen = arrivals.each_once(arrived, before, asked.look_back)
    window = pl.col("window")
    counted = placed.select(window.min().alias("first"), window.max().alias("last"), pl.col("network").count())
    first, last, located = counted.collect().row(0)

    summary.objects += len(chunk)
    summary.bytes += sum(part.bytes for part in parts)
    summary.events += seen.height
    summary.duplicates += doubles.height
    summary.placed += located
    summary.passed_over += sum(part.passed_over for part in parts)
    for reason, count in rejected["reason"].value_counts().sort("reason").iter_rows():
        summary.rejected[reason] = summary.rejected.get(reason, 0) + count
    bounds = [moment for moment in (*summary.window, first, last) if moment]
    summary.window = [min(bounds), max(bounds)] if bounds else [None, None]
    left = pl.concat(part.left for part in parts)
    objects = arrivals.ledger(chunk, arrived, doubles, rejected, left, asked.until)
    # Tried again by every run, but noted once: the table is short, and others are to be found in it.
    noted = [key for key, until in asked.read_until.items() if until == arrivals.NEVER_READ]
    rejected = rejected.filter((pl.col("reason") != Reason.UNREADABLE) | ~pl.col("log.file.path").is_in(noted))
    return Batch(objects, rejected, placed, seen.height, (first, last), seen, asked.checkpoint)


def _places(known: pl.DataFrame, placed: pl.LazyFrame) -> pl.DataFrame:
    """The places known, and the new ones as their first window had them."""
    new = (
        placed.filter(pl.col("place").is_not_null(), ~pl.col("place").is_in(known["place"].implode()))
        .sort("window", "source.geo.location.lat", "source.geo.location.lon", "source.geo.accuracy_km")
        .group_by("place", maintain_order=True)
        .first()
        .select(list(PLACES))
        .collect()
    )
    return pl.concat([known.select(list(PLACES)), new])


def _judge(
    store: Store,
    learn_until: datetime | None,
    batch: Batch,
    known: _Known,
    stored: list[Incident],
    summary: Summary,
) -> tuple[list[Incident], History]:
    """The incidents that these events open, join or shed light on, and history as they know it."""
    judged = batch.placed.filter(pl.col("window") > learn_until) if learn_until else batch.placed
    drafts, history, raised = _settle(judged, known, stored)
    concerned = {alert.person for draft in drafts for alert in draft.alerts.values()}
    people = pl.col("person").is_in(concerned)
    since = casework.first_needed(drafts)
    past = store.scan("index", since=since).filter(people).collect() if since else empty(INDEX)
    # Learned windows belong to what was called before an incident, too.
    theirs = batch.placed.filter(people).select(list(INDEX)).collect()
    anew = theirs.filter(pl.col("window") > learn_until) if learn_until else theirs
    seen = casework.views(drafts, pl.concat([past, theirs]), anew, (history, known.places), batch.checkpoint)
    seen = effects.noted(drafts, seen, known.feedback)
    incidents = [judge(draft, seen[draft.incident_id]) for draft in drafts if seen.get(draft.incident_id)]
    before = {alert.alert_id for incident in stored for alert in incident.alerts}
    new = [alert for alert in raised if alert.alert_id not in before]
    summary.alerts += len(new)
    summary.over_limit += sum(alert.over_limit for alert in new)
    summary.suppressed += sum(alert.suppressed_by is not None for alert in new)
    return incidents, history


def _settle(judged: pl.LazyFrame, known: _Known, stored: list[Incident]) -> tuple[list[Draft], History, list[Alert]]:
    """Alerts and incidents that agree with each other.

    An incident holds back what its person's later calls teach, and so may raise more alerts of that person, later. Each
    round settles at least the earliest one left; the people whose incidents did not change are not asked again.
    """
    before = {alert.alert_id for incident in stored for alert in incident.alerts}
    held = _held(stored)
    history = known.history(held)
    sightings = rarity.sightings(judged, history)
    found, events = _raised(judged, detectors.find(sightings, history, known.places), None)
    while True:
        raised = effects.marked(alerts.limit(found, before), events, known.feedback)
        index = events.select(list(INDEX))
        cohort_of = casework.cohorts(raised, index, history)
        drafts = assign(raised, stored, cohort_of, casework.whereabouts(raised, index, known.places))
        now = _held(drafts)
        if now == held:
            return drafts, history, raised
        changed = {person for person, *_ in set(now) ^ set(held)}
        held, history = now, known.history(now, history)
        theirs = sightings.filter(pl.col("person").is_in(changed))
        again, events = _raised(judged, detectors.find(theirs, history, known.places), events)
        found = sorted([*(each for each in found if each.person not in changed), *again], key=alerts.order)


def _raised(judged: pl.LazyFrame, found: pl.DataFrame, events: pl.DataFrame | None) -> tuple[list[Alert], pl.DataFrame]:
    """The findings as alerts; and the events of whoever they are about, with those that were read before."""
    read = empty(ARRIVED) if events is None else events
    principals = found.filter(~pl.col("principal").is_in(read["principal"].unique().implode()))["principal"].unique()
    if not principals.is_empty():
        read = pl.concat([read, judged.filter(pl.col("principal").is_in(principals.implode())).collect()])
    return alerts.alerts(found, read), read


def _held(cases: Iterable[Incident | Draft]) -> list[tuple[str, datetime, str]]:
    """Whose presences are held back, from when on, and by which incident."""
    return sorted({(case.person, case.opened_at, case.incident_id) for case in cases if case.holds_back})


def _note_learning(placed: pl.LazyFrame, history: History, summary: Summary) -> None:
    """Say which accounts are in their first days, and until when."""
    rows = placed.group_by(pl.col("cloud.account.id").alias("context")).agg(pl.col("hour").max()).collect()
    first = history.outcomes(rarity.ACCOUNTS, rows.drop_nulls().select("context", "hour"))
    days = {row["context"]: (row["first_day"], row["hour"]) for row in first.iter_rows(named=True)}
    for account, hour in rows.drop_nulls().sort("context").iter_rows():
        first_day, _ = days.get(account, (day_of(hour), hour))
        until = midnight(first_day) + rarity.ACCOUNT_LEARNS
        if hour < until:
            said = f"{account} until {until.isoformat().replace('+00:00', 'Z')}"
            summary.learning = [each for each in summary.learning if not each.startswith(f"{account} ")] + [said]
        else:
            summary.learning = [each for each in summary.learning if not each.startswith(f"{account} ")]


def _change(
    store: Store,
    batch: Batch,
    known: _Known,
    learned: pl.DataFrame,
    incidents: list[Incident],
    options: Options,
    summary: Summary,
) -> Change:
    """Everything the chunk brought, for one transaction; whole days past holding back are folded into what is usual."""
    first, last = batch.windows
    delivered = batch.objects["delivered"].max()
    # Objects without an event, first of all: what comes after them is not late.
    so_far = delivered if isinstance(delivered, datetime) else options.until
    checkpoint = max((moment for moment in (last, batch.checkpoint) if moment), default=so_far)
    until = store.usual_until()
    # Held back for 48 hours, and an open incident still asks what was known when it opened, 48 hours ago.
    closed = day_of(checkpoint - 2 * HELD_BACK - 3 * options.look_back - timedelta(hours=1))
    folded = None
    if until is None or closed > day_of(until):
        whole = known.learned.filter(day("hour") < closed)
        folded = effects.fold_taught(known.usual.collect(), whole, all_tallies(), closed, known.feedback)
    kept: dict[FileKind, timedelta] = {**KEPT, "seen": 2 * options.look_back}
    dropped, merged = _tidied(store, kept, checkpoint, midnight(day_of(until)) if until else midnight(0))
    before = {each.incident_id: each for each in store.incidents(ids=[i.incident_id for i in incidents])}
    return Change(
        run_id=uuid.uuid4().hex,
        window=(first or checkpoint, checkpoint),
        checkpoint=checkpoint,
        objects=batch.objects,
        rejected=batch.rejected,
        seen=batch.seen.filter(pl.col("@timestamp") >= checkpoint - 2 * options.look_back),
        presences=learned.select(list(PRESENCES)),
        index=_index(batch.placed.filter(pl.col("@timestamp") >= checkpoint - KEPT["index"]), incidents),
        places=known.places,
        incidents=incidents,
        tell=effects.to_tell(incidents, before, known.feedback, options.tell_from),
        summary=summary.row(),
        usual=folded,
        usual_until=midnight(closed).date() if folded is not None else None,
        drop_files=dropped,
        replacements=merged,
    )


def _deliveries(store: Store, batch: Batch, until: datetime) -> list[silence.Deliveries]:
    """When those accounts delivered that delivered now."""
    moments = silence.delivered(batch.objects)
    known = {each.account: each for each in store.notices.deliveries(moments)}
    if moments and silence.TRAIL not in known:
        # A state of before this was kept: what its ledger knows.
        earlier = silence.delivered(store.delivered_since(until - silence.KEPT))
        known = {each.account: each for each in silence.learned({}, earlier)}
        moments = {account: moments.get(account, []) or earlier[account] for account in {*moments, *earlier}}
    return silence.learned(known, moments)


def _of_logging(store: Store, source: Source, batch: Batch, options: Options) -> list[Notice]:
    """What is to be told of trails that were stopped, deleted, narrowed or started again."""
    learns = options.learn_until
    calls = tampering.concerned(batch.placed.filter(pl.col("window") > learns) if learns else batch.placed)
    if calls.is_empty():
        return []
    records: dict[str, Mapping[str, Any]] = {}
    for (path,), rows in calls.head(tampering.MOST_READ).group_by(["log.file.path"], maintain_order=True):
        try:
            content = source.read(str(path))
        except SourceError:
            continue  # gone since it was read: the notice says that its record cannot be read
        whole = whole_records(str(path), content, rows["log.offset"].to_list(), options.max_object_bytes)
        if isinstance(whole, Reason):
            continue
        for offset, event_id in rows.select("log.offset", "event.id").iter_rows():
            if offset in whole:
                records[event_id] = whole[offset]
    going_on = store.notices.all(NoticeKind.STOPPED, going_on=True)
    return tampering.found(calls, records, going_on, options.until)


def _index(placed: pl.LazyFrame, incidents: Iterable[Incident]) -> pl.LazyFrame:
    """INDEX of these events as it is kept: with the ids of those that raised an alert."""
    raised = pl.Series(alerts.event_ids(alert for each in incidents for alert in each.alerts), dtype=pl.String)
    own_id = pl.when(pl.col("event.id").is_in(raised.implode())).then(pl.col("event.id"))
    return placed.select(list(INDEX)).with_columns(own_id)


def _tidied(
    store: Store, keep: Mapping[FileKind, timedelta], checkpoint: datetime, folded: datetime
) -> tuple[list[str], list[pl.DataFrame]]:
    """The names of the files that are old or merged, and the rows of the merged ones."""
    dropped: list[str] = []
    merged: list[pl.DataFrame] = []
    for kind, kept in keep.items():
        files = store.files(kind)
        expired = [entry for entry in files if entry.last is not None and entry.last < checkpoint - kept]
        left = MERGED_ROWS - sum(frame.height for frame in merged)
        groups = compaction([entry for entry in files if entry not in expired], folded, left)
        merged.extend(store.rows(group) for group in groups)
        dropped.extend(entry.name for group in (expired, *groups) for entry in group)
    return dropped, merged


@contextmanager
def _timed(summary: Summary, step: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        summary.seconds[step] += time.perf_counter() - began
