"""What is usual: presences in, decayed counts out, as known when an hour began.

A presence is one distinct (principal, command, network, place, agent, error) of one UTC hour, so a burst counts once. A
tally counts them: for each context (a principal, an account and command, the organisation) and outcome (a place, a
network, a command), each (principal, outcome) once a UTC day or hour, decaying with a half-life of 30 days.

A row of hour H is judged against the presences whose own hours and 15-minute windows ended by the beginning of H. That
depends on when records happened and were delivered, and on nothing else: the same records give the same counts however
the runs are cut.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeVar

import polars as pl

from prefect_cloudtrail.networks import FOR_RENT
from prefect_cloudtrail.schema import PRESENCES, UTC_MICROSECONDS, empty

HALF_LIFE_DAYS = 30
FORGOTTEN_AFTER_DAYS = 90
HELD_BACK = timedelta(hours=48)
# When what a compromised incident taught becomes visible.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
EPOCH = date(2020, 1, 1)
SEPARATOR = "|"

# What becomes visible from `opened` to `until` becomes visible at `released`.
HOLDS = {"person": pl.String} | dict.fromkeys(("opened", "until", "released"), UTC_MICROSECONDS)
ASKED = {"context": pl.String, "outcome": pl.String, "hour": UTC_MICROSECONDS}

Each = Literal["day", "hour", "message"]
# What counts once, beside its context and outcome: a column that is null counts nothing.
UNITS: dict[Each, tuple[str, ...]] = {
    "day": ("principal",),
    "hour": ("principal", "hour"),
    "message": ("principal", "hour", "quarter", "message"),
}
HOUR_OF_WEEK = "hour_of_week"  # "0" is Monday from midnight UTC on
CODED = pl.Categorical()  # a text that is kept once, and looked up as a number
Rows = TypeVar("Rows", pl.DataFrame, pl.LazyFrame)
DAY = "day"  # since 2020-01-01: on which days, and not only on how many


@dataclass(frozen=True)
class Tally:
    """One question that history answers: how often each outcome was seen in each context.

    Both name PRESENCES columns, the outcome may be the hour of the week or the day, too; no context is the whole
    organisation.
    What is `own` to a principal or person is held back while an incident of theirs is young.
    """

    context: tuple[str, ...]
    outcome: str
    own: bool = False
    each: Each = "day"

    @property
    def name(self) -> str:
        """As stored: `account+command>place`, and `each hour` where that is what counts once."""
        return f"{'+'.join(self.context)}>{self.outcome}" + ("" if self.each == "day" else f" each {self.each}")

    @property
    def counted(self) -> list[pl.Expr]:
        """The outcome and what else makes a presence of a context count once, of rows that have PRESENCES' columns."""
        hour = pl.col("hour").dt
        of_week = ((hour.weekday().cast(pl.Int32) - 1) * 24 + hour.hour()).cast(pl.String)
        moments = {HOUR_OF_WEEK: of_week, DAY: day("hour").cast(pl.String)}
        outcome = moments.get(self.outcome, pl.col(self.outcome))
        return [outcome.alias("outcome"), *map(pl.col, UNITS[self.each])]

    @property
    def key(self) -> pl.Expr:
        """The context of a row that has PRESENCES' columns; null where a part is."""
        if len(self.context) == 1:
            return pl.col(self.context[0])
        return pl.concat_str(self.context, separator=SEPARATOR) if self.context else pl.lit("")


def day(moment: str | pl.Expr) -> pl.Expr:
    """Return days since 2020-01-01 of a column of moments."""
    column = pl.col(moment) if isinstance(moment, str) else moment
    return (column.dt.date() - pl.lit(EPOCH)).dt.total_days().cast(pl.Int32)


def day_of(moment: datetime | date) -> int:
    """Return days since 2020-01-01."""
    return ((moment.date() if isinstance(moment, datetime) else moment) - EPOCH).days


def midnight(day_number: int) -> datetime:
    """Return the moment a day begins, UTC."""
    first = EPOCH + timedelta(days=day_number)
    return datetime(first.year, first.month, first.day, tzinfo=UTC)


def whole_hour(moment: datetime) -> datetime:
    """Return the first hour that begins at a moment or after it."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if hour == moment else hour + timedelta(hours=1)


def weight(days: str) -> pl.Expr:
    """Return 2 ^ (day / half-life): a sum of these, over today's, is the sum of decayed presences, each 1 when new."""
    return pl.lit(2.0).pow(pl.col(days) / HALF_LIFE_DAYS)


_CODE = pl.col("aws.cloudtrail.error_code")
# Of PLACED: an error's message, its code where it has none; and the quarter of an hour that it was in.
MESSAGE = pl.when(_CODE.is_not_null()).then(pl.coalesce("aws.cloudtrail.error_message", _CODE)).alias("message")
QUARTER = (
    pl.when(_CODE.is_not_null()).then(pl.col("@timestamp").dt.truncate("15m").dt.strftime("%H:%M")).alias("quarter")
)


def coded(rows: Rows) -> Rows:
    """Return the rows with their texts coded: counted in half the time, in a third of the memory."""
    return rows.with_columns(pl.col(pl.String).cast(CODED))


def plain(rows: Rows) -> Rows:
    """Return coded rows with their texts as texts."""
    return rows.with_columns(pl.col(pl.Categorical).cast(pl.String))


def presences(placed: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Return PRESENCES of these events: what they teach, each thing once an hour.

    Args:
        placed: PLACED, in any order, doubled or not; of a scan, a part at a time is read.
    """
    whole_hour = pl.col("window").dt.truncate("1h")
    asn = pl.col("source.as.number")
    visible = pl.max_horizontal(
        pl.col("hour") + timedelta(hours=1),
        pl.when(whole_hour == pl.col("window")).then(whole_hour).otherwise(whole_hour + timedelta(hours=1)),
    )
    taught = placed.lazy().select(
        "hour",
        "window",
        visible.alias("visible"),
        "principal",
        "person",
        "peers",
        pl.col("cloud.account.id").alias("account"),
        pl.col("event.provider").alias("service"),
        "command",
        "network",
        "place",
        pl.col("source.geo.country_iso_code").alias("country"),
        pl.when(asn.is_not_null()).then(pl.format("AS{}", asn)).alias("asn"),
        pl.when(pl.col("network.kind").is_in(FOR_RENT)).then(pl.lit("rented")).alias("rented"),
        pl.col("aws.cloudtrail.user_identity.session_context.mfa_authenticated").cast(pl.String).alias("mfa"),
        pl.col("user_agent.name").alias("agent"),
        pl.col("aws.cloudtrail.error_code").fill_null("none").alias("error"),
        MESSAGE,
        QUARTER,
    )
    once = coded(taught).group_by(pl.exclude("visible", "window")).agg(pl.col("visible", "window").min())
    return digested(plain(once).collect(engine="streaming")).select(list(PRESENCES))


def with_messages(placed: pl.DataFrame) -> pl.DataFrame:
    """Return the events with `message` and `quarter` of the errors among them, null for the others."""
    return digested(placed.with_columns(MESSAGE, QUARTER))


def digested(events: pl.DataFrame) -> pl.DataFrame:
    """Return the events with their MESSAGE as a digest: it may be long, and hold a secret."""
    texts = events.select("message").drop_nulls().unique()
    digests = [hashlib.blake2b(each.encode(), digest_size=8).hexdigest() for each in texts["message"]]
    return events.with_columns(pl.col("message").replace_strict(texts["message"], digests, return_dtype=pl.String))


def holds(rows: Iterable[tuple[str, datetime]]) -> pl.DataFrame:
    """Return HOLDS of (person, when their incident opened).

    What would become visible in the 48 hours after the opening becomes visible at their end.
    """
    begins = [(person, whole_hour(opened)) for person, opened in rows]
    held = [(person, begin, begin + HELD_BACK, begin + HELD_BACK) for person, begin in begins]
    return pl.DataFrame(held, schema=HOLDS, orient="row")


def hold_back(learned: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Return the presences, in their order, with `own_visible`: from when on a principal's own contexts see them.

    The earliest hold that covers a presence counts; a later one does not hold it again, so nothing waits over 48 hours.
    Only what is never released stays so, whatever else covers it.
    """
    if held.is_empty():
        return learned.with_columns(pl.col("visible").alias("own_visible"))
    held = held.with_columns(pl.col("person").cast(learned.schema["person"]))
    released = pl.col("released")
    covered = (
        learned.select("person", "visible")
        .with_row_index("row")
        .join(held, on="person")
        .filter(pl.col("visible").is_between(pl.col("opened"), pl.col("until"), closed="left"))
        .group_by("row")
        .agg(pl.when(released.max() == NEVER).then(released.max()).otherwise(released.min()))
    )
    return (
        learned.with_row_index("row")
        .join(covered, on="row", how="left", maintain_order="left")
        .with_columns(pl.coalesce("released", "visible").alias("own_visible"))
        .drop("row", "released")
    )


def fold(usual: pl.DataFrame, learned: pl.DataFrame, tallies: Iterable[Tally], today: int) -> pl.DataFrame:
    """Return USUAL with these presences' whole days added, and without what was last seen over 90 days before `today`.

    Args:
        usual: USUAL of earlier days.
        learned: PRESENCES of days that `usual` does not hold, whole days only.
        tallies: every question that will be asked.
        today: days since 2020-01-01.
    """
    dated = coded(learned).lazy().with_columns(day("hour").alias("day"))
    counts = [_daily(dated, tally) for tally in tallies]
    daily = pl.concat([usual.clear().with_columns(pl.lit(0, pl.Int32).alias("day"), _ROW), *pl.collect_all(counts)])
    usual = usual.with_columns(_ROW)
    if not usual["row"].is_sorted():
        usual = usual.sort("row")
    # A day at a time, so that each sum is of two, in the order of the days: equal to the last bit however runs are cut.
    for one in daily.sort("day", "row").partition_by("day", maintain_order=True):
        remembered = usual.filter(pl.col("last_day") >= one["day"][0] - FORGOTTEN_AFTER_DAYS)
        again = one.select("row", pl.col("weight").alias("more"), pl.col("day").alias("seen"))
        known = (
            remembered.join(again, on="row", how="left", maintain_order="left")
            .with_columns(
                pl.col("weight") + pl.col("more").fill_null(0),
                pl.col("days") + pl.col("seen").is_not_null(),
                pl.min_horizontal("first_day", "seen"),
                pl.max_horizontal("last_day", "seen"),
            )
            .drop("more", "seen")
        )
        new = one.join(remembered, on="row", how="anti", maintain_order="left").select(usual.columns)
        # Both are in order already; to sort them all would take most of the time.
        usual = known.merge_sorted(new, key="row")
    return usual.filter(pl.col("last_day") >= today - FORGOTTEN_AFTER_DAYS).drop("row")


# What names a row of USUAL, in the order in which they are kept.
_ROW = pl.concat_str("tally", "context", "outcome", separator="\0").alias("row")


def _daily(dated: pl.LazyFrame, tally: Tally) -> pl.LazyFrame:
    """USUAL of each day by itself, with the `day`, and what names the row."""
    return (
        dated.select(tally.key.alias("context"), *tally.counted, "day")
        .drop_nulls()
        .unique()
        .group_by("context", "outcome", "day")
        .agg(pl.len().alias("units"))
        .select(
            pl.lit(tally.name).alias("tally"),
            pl.col("context").cast(pl.String),
            pl.col("outcome").cast(pl.String),
            (pl.col("units") * weight("day")).alias("weight"),
            pl.lit(1, pl.Int64).alias("days"),
            pl.col("day").alias("first_day"),
            pl.col("day").alias("last_day"),
            "day",
        )
        .with_columns(_ROW)
    )


@dataclass(frozen=True)
class History:
    """Everything known: USUAL of the older days, PRESENCES of the last ones, and whose are held back.

    Look-ups read only the contexts asked about; `usual` may be a scan of a file.
    """

    usual: pl.LazyFrame
    learned: pl.DataFrame  # PRESENCES and own_visible, coded
    # What was counted already, by the question and the first day it was asked of: several rules ask the same.
    _answers: dict[tuple[Tally, int], pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)
    # The contexts of several columns that `learned` has, each once, with these columns.
    _contexts: dict[tuple[str, ...], pl.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, usual: pl.LazyFrame, learned: pl.DataFrame, held: pl.DataFrame) -> "History":
        """Return the history of these parts."""
        return cls(usual, hold_back(coded(learned), held))

    def holding_back(self, held: pl.DataFrame) -> "History":
        """Return the same history with these HOLDS instead; what is nobody's own is not counted again."""
        shared = {key: answer for key, answer in self._answers.items() if not key[0].own}
        return History(self.usual, hold_back(self.learned.drop("own_visible"), held), shared, self._contexts)

    def older(self, tally: Tally, contexts: pl.Series) -> pl.DataFrame:
        """Return the USUAL rows of these contexts, coded."""
        texts = contexts.cast(pl.String).implode()
        return coded(self.usual.filter((pl.col("tally") == tally.name) & pl.col("context").is_in(texts)).collect())

    def units(self, tally: Tally, contexts: pl.Series) -> pl.DataFrame:
        """Return, coded, what counts once in these contexts in the last days: its day, weight, when it is visible."""
        return (
            self._counted(tally, contexts)
            .group_by(pl.exclude("visible"))
            .agg(pl.col("visible").min())
            .with_columns(weight("day").alias("weight"))
            .collect(engine="streaming")
        )

    def _counted(self, tally: Tally, contexts: pl.Series) -> pl.LazyFrame:
        """What each presence of the last days counts as: context, outcome, what makes it one, its day, when visible."""
        visible = pl.col("own_visible" if tally.own else "visible").alias("visible")
        return (
            self._rows_of(tally, contexts)
            .select("context", *tally.counted, day("hour").alias("day"), visible)
            .drop_nulls()
            .with_columns(pl.col("outcome").cast(CODED))
        )

    def _rows_of(self, tally: Tally, contexts: pl.Series) -> pl.LazyFrame:
        """Those of `learned` in these contexts, with the `context`."""
        columns = tally.context
        if not columns[1:]:
            named = self.learned.lazy().with_columns(tally.key.cast(CODED).alias("context"))
            return named.filter(pl.col("context").is_in(contexts.implode()))
        # Named are the few contexts there are, not the many rows; and few of these rows are of a context asked about.
        if columns not in self._contexts:
            met = self.learned.lazy().select(columns).drop_nulls().unique()
            self._contexts[columns] = met.with_columns(tally.key.cast(CODED).alias("context")).collect()
        asked = self._contexts[columns].filter(pl.col("context").is_in(contexts.implode()))
        likely = [pl.col(each).is_in(asked[each].unique().implode()) for each in columns]
        return self.learned.lazy().filter(likely).join(asked.lazy(), on=columns)

    def known(self, tally: Tally, asked: pl.DataFrame) -> pl.DataFrame:
        """Return the asked rows whose outcome had been there when the hour began: those that `counts` has an n of.

        Args:
            tally: the question.
            asked: ASKED, distinct.
        """
        pair, asked = ["context", "outcome"], coded(asked)
        older = self._remembered(tally, asked).select(*pair, "last_day")
        counted = self._counted(tally, asked["context"].unique())
        recent = counted.group_by(pair).agg(pl.col("visible").min()).collect(engine="streaming")
        seen = (
            asked.join(older, on=pair, how="left")
            .join(recent, on=pair, how="left")
            .filter(pl.col("last_day").is_not_null() | (pl.col("visible") <= pl.col("hour")))
        )
        return plain(seen.select(list(ASKED)))

    def counts(self, tally: Tally, asked: pl.DataFrame) -> pl.DataFrame:
        """Return the asked rows with what was known when their hours began.

        Args:
            tally: the question.
            asked: ASKED, distinct.

        Returns:
            ASKED and `n`, the decayed presences of the outcome in the context; `total`, of all its outcomes; `seen`,
            how many outcomes the context ever had; `days`, on how many earlier UTC days the outcome was there.
        """
        asked = asked.select(list(ASKED)).sort(list(ASKED))
        key = tally, day_of(_first(asked))
        before = self._answers.get(key)
        new = asked if before is None else asked.join(before, on=list(ASKED), how="anti")
        if before is None or not new.is_empty():
            counted = plain(self._count(tally, coded(new)))
            before = self._answers[key] = counted if before is None else pl.concat([before, counted])
        return asked.join(before, on=list(ASKED), maintain_order="left")

    def _remembered(self, tally: Tally, asked: pl.DataFrame) -> pl.DataFrame:
        """The USUAL rows of the asked contexts, without what was forgotten by the first hour."""
        older = self.older(tally, asked["context"].unique())
        return older.filter(pl.col("last_day") >= day_of(_first(asked)) - FORGOTTEN_AFTER_DAYS)

    def _count(self, tally: Tally, asked: pl.DataFrame) -> pl.DataFrame:
        older, units = self._remembered(tally, asked), self.units(tally, asked["context"].unique())
        pair = ["context", "outcome"]
        mine = units.join(asked, on=pair, how="semi")
        news = _running(mine, pair, "visible", pl.col("weight").sum(), "recent_n")
        totals = _running(units, ["context"], "visible", pl.col("weight").sum(), "recent_total")
        fresh = units.group_by(pair).agg(pl.col("visible").min()).join(older, on=pair, how="anti")
        seen = _running(fresh, ["context"], "visible", pl.len().cast(pl.Int64), "recent_seen")
        per_day = mine.group_by(*pair, "day").agg(pl.col("visible").min())
        days = _running(per_day, pair, "visible", pl.len().cast(pl.Int64), "recent_days")
        known = (
            asked.with_columns(pl.col("hour").dt.truncate("1d").alias("midnight"))
            .join(
                older.select(*pair, pl.col("weight").alias("older_n"), pl.col("days").alias("older_days")),
                on=pair,
                how="left",
            )
            .join(
                older.group_by("context").agg(
                    pl.col("weight").sum().alias("older_total"), pl.len().cast(pl.Int64).alias("older_seen")
                ),
                on="context",
                how="left",
            )
        )
        known = _as_of(known, news, "hour", pair)
        known = _as_of(known, totals, "hour", ["context"])
        known = _as_of(known, seen, "hour", ["context"])
        known = _as_of(known, days, "midnight", pair)
        now = pl.lit(2.0).pow(day("hour") / HALF_LIFE_DAYS)
        both = {
            name: pl.col(f"older_{name}").fill_null(0) + pl.col(f"recent_{name}").fill_null(0)
            for name in ("n", "total", "seen", "days")
        }
        return known.select(
            *ASKED,
            (both["n"] / now).alias("n"),
            (both["total"] / now).alias("total"),
            both["seen"].alias("seen"),
            both["days"].alias("days"),
        )

    def outcomes(self, tally: Tally, asked: pl.DataFrame) -> pl.DataFrame:
        """Return every outcome that each asked context had when the hour began.

        Args:
            tally: the question.
            asked: context and hour, distinct.

        Returns:
            context, hour, outcome, `n` (decayed presences), `days` (earlier UTC days), `first_day`, `last_day`.
        """
        asked = coded(asked)
        contexts = asked["context"].unique()
        older = self.older(tally, contexts)
        units = self.units(tally, contexts)
        recent = (
            asked.join(units, on="context")
            .filter(pl.col("visible") <= pl.col("hour"))
            .group_by("context", "hour", "outcome")
            .agg(
                pl.col("weight").sum(),
                pl.col("day")
                .filter(pl.col("visible") <= pl.col("hour").dt.truncate("1d"))
                .n_unique()
                .cast(pl.Int64)
                .alias("days"),
                pl.col("day").min().alias("first_day"),
                pl.col("day").max().alias("last_day"),
            )
        )
        before = asked.join(older, on="context").select(recent.columns)
        found = (
            pl.concat([before, recent])
            .group_by("context", "hour", "outcome")
            .agg(pl.col("weight").sum(), pl.col("days").sum(), pl.col("first_day").min(), pl.col("last_day").max())
            .with_columns((pl.col("weight") / pl.lit(2.0).pow(day("hour") / HALF_LIFE_DAYS)).alias("n"))
            .drop("weight")
        )
        return plain(found).sort("context", "hour", "outcome")


def nothing_known() -> pl.DataFrame:
    """Return PRESENCES of nobody."""
    return empty(PRESENCES)


def _first(asked: pl.DataFrame) -> datetime:
    first = asked["hour"].min()
    return first if isinstance(first, datetime) else datetime(1970, 1, 1, tzinfo=UTC)


def _running(units: pl.DataFrame, by: list[str], moment: str, amount: pl.Expr, name: str) -> pl.DataFrame:
    """Return the running sum of `amount` in each group, a row a moment at which it grew."""
    return (
        units.group_by(*by, moment)
        .agg(amount.alias(name))
        .sort(*by, moment)
        .with_columns(pl.col(name).cum_sum().over(by))
        .sort(moment)
    )


def _as_of(rows: pl.DataFrame, running: pl.DataFrame, moment: str, by: list[str]) -> pl.DataFrame:
    """Return the rows with the last running sum at or before their moment."""
    return (
        rows.sort(moment)
        .join_asof(running, left_on=moment, right_on="visible", by=by, strategy="backward", check_sortedness=False)
        .drop("visible", strict=False)
    )
