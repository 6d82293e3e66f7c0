"""A large organisation drawn straight into frames: what it did in 90 days, rolled up, and a million new events.

Each caller has habits: (account, command, network), the first far more frequent than the last. A call is a draw of a
caller's habit; now and then it is any command, or comes from any network.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from prefect_cloudtrail.history import HELD_BACK, day_of, fold, presences
from prefect_cloudtrail.pipeline import Options, all_tallies
from prefect_cloudtrail.schema import PLACED, PLACES, PRESENCES, USUAL, empty
from prefect_cloudtrail.store.files import ROWS_PER_GROUP

BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
HISTORY_DAYS = 90
# As the pipeline keeps them: what is younger is not rolled up.
RECENT_DAYS = (2 * HELD_BACK + 3 * Options(until=BEGIN).look_back + timedelta(hours=1)).days + 1
HABITS = 60
DRAWS_AN_HOUR = {"robot": 12, "person": 4}
SHARE_OF_ROBOTS_EVENTS = 0.9
ODD_COMMAND, ODD_NETWORK, MACHINES_NETWORK = 0.0005, 0.0002, 0.3
ODD_FAILS = 0.3
OFFICE_HOURS, WEEKEND = range(7, 18), (5, 6)
ERRORS = ("AccessDenied", "Client.UnauthorizedOperation", "NoSuchEntity", "ThrottlingException", "ValidationException")


@dataclass(frozen=True)
class Size:
    """How large it is."""

    principals: int = 2_000
    robots: int = 600
    accounts: int = 200
    commands: int = 3_000
    cities: int = 300
    networks: int = 6_000
    events: int = 1_000_000
    minutes: int = 240  # in which the new events come
    odd: float = 1.0  # how much odder the new events are than the days before


@dataclass(frozen=True)
class Judged:
    """What judging takes in: USUAL, PRESENCES of the last days and of the new events, PLACED and PLACES."""

    usual: pl.LazyFrame
    learned: pl.LazyFrame
    placed: pl.LazyFrame
    places: pl.LazyFrame

    def write(self, folder: Path) -> None:
        """Leave it in Parquet files, in row groups as the store writes them."""
        for name, frame in vars(self).items():
            frame.collect().write_parquet(folder / f"{name}.parquet", row_group_size=ROWS_PER_GROUP)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return scans of what `write` left: nothing is read before it is asked for."""
        return cls(*(pl.scan_parquet(folder / f"{each.name}.parquet") for each in fields(cls)))


def organisation(seed: int, size: Size) -> Judged:
    """Return the input of one run, the same for the same seed."""
    drawn = Drawn(np.random.default_rng(seed), size)
    usual, today = empty(USUAL), day_of(BEGIN)
    for ago in range(HISTORY_DAYS, RECENT_DAYS, -1):
        usual = fold(usual, presences(drawn.day(ago)), all_tallies(), today)
    recent = [presences(drawn.day(ago)) for ago in range(RECENT_DAYS, -1, -1)]
    burst = drawn.burst()
    places = drawn.networks.drop_nulls("place").unique("place", keep="first", maintain_order=True).select(list(PLACES))
    learned = pl.concat([*recent, presences(burst)]).select(list(PRESENCES))
    return Judged(usual.lazy(), learned.lazy(), burst.lazy(), places.lazy())


class Drawn:
    """Callers, commands, networks and habits, and calls drawn of them."""

    def __init__(self, chance: np.random.Generator, size: Size) -> None:
        """Draw them, the same for the same state of `chance`."""
        self._chance, self._size = chance, size
        self.networks = self._networks()
        self._commands = self._command_names()
        self._callers = self._who()
        # Everybody's habits: a few accounts and networks of their own, commands that are popular everywhere.
        shape = (size.principals, HABITS)
        self._account = (self._callers["home"].to_numpy()[:, None] + chance.integers(0, 3, shape)) % size.accounts
        self._command = (size.commands * chance.random(shape) ** 3).astype(np.int64)
        self._network = (self._callers["line"].to_numpy()[:, None] + (chance.random(shape) < MACHINES_NETWORK)) % (
            size.networks
        )

    def day(self, ago: int) -> pl.DataFrame:
        """Return a day's calls, each habit's once an hour; today's, until the burst began."""
        begin = BEGIN.replace(hour=0) - timedelta(days=ago)
        hours = range(24 if ago else BEGIN.hour)
        parts = []
        for kind, draws in DRAWS_AN_HOUR.items():
            callers = self._at_work(kind, begin)
            awake = [hour for hour in hours if kind == "robot" or hour in OFFICE_HOURS]
            who = np.tile(np.repeat(callers, draws), len(awake))
            when = np.repeat(np.array(awake, dtype=np.int64), len(callers) * draws)
            parts.append((who, when * 3_600 + self._chance.integers(0, 3_600, len(who))))
        callers, seconds = (np.concatenate(each) for each in zip(*parts, strict=True))
        return placed(self._calls(callers, seconds, begin))

    def burst(self) -> pl.DataFrame:
        """Return the new events: robots in a hurry, people, and both's few errors."""
        return placed(self.burst_drawn(BEGIN))

    def burst_drawn(self, begin: datetime) -> pl.DataFrame:
        """Return the new events from a moment on, with the columns of PLACED and those they were drawn by."""
        count = round(self._size.events * SHARE_OF_ROBOTS_EVENTS)
        robots, people = (self._at_work(kind, BEGIN) for kind in DRAWS_AN_HOUR)
        busiest = (len(robots) * self._chance.random(count) ** 2).astype(np.int64)
        who = np.concatenate([robots[busiest], self._chance.choice(people, self._size.events - count)])
        seconds = self._chance.integers(0, self._size.minutes * 60, len(who))
        return self._calls(who, seconds, begin, self._size.odd)

    def _at_work(self, kind: str, day: datetime) -> np.ndarray:
        robots = np.arange(self._size.robots)
        people = np.arange(self._size.robots, self._size.principals)
        share = 0.05 if day.weekday() in WEEKEND else 0.8
        return robots if kind == "robot" else people[self._chance.random(len(people)) < share]

    def _calls(self, who: np.ndarray, seconds: np.ndarray, begin: datetime, odd: float = 1.0) -> pl.DataFrame:
        """What these callers do at these seconds: PLACED's columns where they are said, and what they were drawn by."""
        chance, count = self._chance, len(who)
        habit = (HABITS * chance.random(count) ** 2).astype(np.int64)
        odd_command = chance.random(count) < ODD_COMMAND * odd
        odd_network = chance.random(count) < ODD_NETWORK * odd
        command = np.where(odd_command, chance.integers(0, self._size.commands, count), self._command[who, habit])
        network = np.where(odd_network, chance.integers(0, self._size.networks, count), self._network[who, habit])
        # Every seventh command fails for one caller in ten, always alike.
        fails = (command % 7 == 0) & (who % 10 == 0) | odd_command & (chance.random(count) < ODD_FAILS)
        error = np.where(fails, (command + who) % len(ERRORS), -1)
        drawn = pl.DataFrame(
            {
                "who": who,
                "command_at": command,
                "network_at": network,
                "account_at": self._account[who, habit],
                "error_at": error,
                "seconds": seconds,
                "delay": chance.integers(300, 900, count),
                "host": chance.integers(1, 250, count),
                "id": chance.integers(0, 2**62, count),
            }
        )
        return self._named(drawn, begin)

    def _named(self, drawn: pl.DataFrame, begin: datetime) -> pl.DataFrame:
        at = pl.lit(begin) + pl.duration(seconds="seconds")
        windowed = (pl.lit(begin) + pl.duration(seconds=pl.col("seconds") + pl.col("delay"))).dt.truncate("15m")
        errors = pl.DataFrame({"aws.cloudtrail.error_code": ERRORS}).with_row_index("error_at")
        accounts = pl.DataFrame({"cloud.account.id": [self._account_name(each) for each in range(self._size.accounts)]})
        error = pl.col("aws.cloudtrail.error_code")
        return (
            drawn.with_columns(pl.col("error_at").replace(-1, None))
            .join(self._callers, left_on="who", right_on="at", how="left")
            .join(self._commands, left_on="command_at", right_on="at", how="left")
            .join(self.networks, left_on="network_at", right_on="at", how="left")
            .join(accounts.with_row_index("at"), left_on="account_at", right_on="at", how="left")
            .join(errors, on="error_at", how="left")
            .with_columns(
                at.alias("@timestamp"),
                at.dt.truncate("1h").alias("hour"),
                (windowed + timedelta(minutes=15)).alias("window"),
                pl.lit(value=False).alias("late"),
                pl.format("event-{}", "id").alias("event.id"),
                pl.format("{}{}", pl.col("network").str.strip_suffix("0/24"), "host").alias("source.ip"),
                pl.when(error.is_null()).then(pl.lit("success")).otherwise(pl.lit("failure")).alias("event.outcome"),
                pl.when(error.is_not_null())
                .then(pl.format("{} when calling {}", error, "event.action"))
                .alias("aws.cloudtrail.error_message"),
                pl.format(
                    "AWSLogs/{}/CloudTrail/{}.json.gz", "cloud.account.id", windowed.dt.strftime("%Y%m%dT%H%MZ")
                ).alias("log.file.path"),
            )
        )

    def _networks(self) -> pl.DataFrame:
        """GEO of each network; some cities have most.

        Every fifth network is a hosting company's, every twentieth has no city, every hundredth no country either.
        """
        size, chance = self._size, self._chance
        at = np.arange(size.networks)
        city = (size.cities * chance.random(size.networks) ** 2).astype(np.int64)
        where = pl.DataFrame(
            {
                "city": np.arange(size.cities),
                "country": np.arange(size.cities) % 40,
                "source.geo.location.lat": chance.uniform(-50, 60, size.cities).round(2),
                "source.geo.location.lon": chance.uniform(-120, 150, size.cities).round(2),
            }
        ).with_columns(
            pl.format("City {}", "city").alias("source.geo.city_name"),
            pl.format("C{}", "country").alias("source.geo.country_iso_code"),
            pl.format("City {}, R{}, C{}", "city", pl.col("city") % 7, "country").alias("place"),
            pl.lit(20.0).alias("source.geo.accuracy_km"),
        )
        city_columns = pl.col("source.geo.city_name", "place", "^source.geo.(location|accuracy).*$")
        no_city, no_country = pl.col("at") % 20 == 0, pl.col("at") % 100 == 0
        return (
            pl.DataFrame({"at": at, "city": city})
            .join(where, on="city", how="left", maintain_order="left")
            .with_columns(
                pl.format("50.{}.{}.0/24", pl.col("at") // 250, pl.col("at") % 250).alias("network"),
                (64_500 + pl.col("at") % 200).alias("source.as.number"),
                pl.format("Network {}", pl.col("at") % 200).alias("source.as.organization.name"),
                pl.when(pl.col("at") % 5 == 0).then(pl.lit("hosting")).alias("network.kind"),
            )
            .with_columns(
                pl.when(~no_city).then(city_columns),
                pl.when(~no_country).then(pl.col("source.geo.country_iso_code")).alias("source.geo.country_iso_code"),
            )
            .drop("city", "country")
        )

    def _command_names(self) -> pl.DataFrame:
        return pl.DataFrame({"at": np.arange(self._size.commands)}).select(
            "at",
            pl.format("service{}.amazonaws.com", pl.col("at") % 100).alias("event.provider"),
            pl.format("Action{}", "at").alias("event.action"),
            pl.format("service{}:Action{}", pl.col("at") % 100, "at").alias("command"),
            (pl.col("at") % 3 > 0).alias("aws.cloudtrail.read_only"),
        )

    def _who(self) -> pl.DataFrame:
        """WHO of each caller: robots are roles' sessions, people come over Identity Center."""
        size, chance = self._size, self._chance
        robot = pl.col("at") < size.robots
        account = pl.Series("home", chance.integers(0, size.accounts, size.principals))
        role = pl.format(
            "arn:aws:iam::{}:role/{}{}",
            account.map_elements(self._account_name, return_dtype=pl.String),
            pl.when(robot).then(pl.lit("robot")).otherwise(pl.lit("team")),
            pl.col("at") % 30,
        )
        mfa = "aws.cloudtrail.user_identity.session_context.mfa_authenticated"
        return pl.DataFrame({"at": np.arange(size.principals)}).select(
            "at",
            account,
            pl.Series("line", chance.integers(0, size.networks, size.principals)),
            pl.when(robot).then(role).otherwise(pl.format("{}/person{}", role, "at")).alias("principal"),
            pl.when(robot).then(pl.lit("role")).otherwise(pl.lit("identity_center")).alias("principal.kind"),
            pl.when(robot).then(role).otherwise(pl.format("person{}@example.com", "at")).alias("person"),
            role.alias("peers"),
            role.alias("aws.cloudtrail.user_identity.arn"),
            pl.format("ASIA{}", pl.col("at") + 10**12).alias("aws.cloudtrail.user_identity.access_key_id"),
            pl.when(robot).then(pl.lit("Boto3")).otherwise(pl.lit("aws-cli")).alias("user_agent.name"),
            pl.when(~robot).then(pl.lit(value=True)).alias(mfa),
        )

    def _account_name(self, number: int) -> str:
        return str(100_000_000_000 + number)


def placed(drawn: pl.DataFrame) -> pl.DataFrame:
    """Return PLACED of what was drawn: what is not said is null."""
    absent = [pl.lit(None, kind).alias(name) for name, kind in PLACED.items() if name not in drawn.columns]
    return drawn.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in PLACED.items())
