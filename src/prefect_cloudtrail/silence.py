"""Whether a trail fell silent: how long nothing was delivered, against how long it never was silent before.

Of each account, and of the trail as a whole, the gaps between its deliveries in the last 28 days are known. A silence
is unusual when it is half as long again as the longest of them, and a quarter of an hour for late delivery: of as many
gaps as were seen before, chance makes one longer than all before it at most, whatever their lengths are like. So that
nights and weekends of people who work in the day hide nothing, gaps are measured a second time, in the account's own
hours alone: those of the week in which it delivered in two of three weeks. Of a gap that is past its own week does not
count for that, else it would be measured in hours that were chosen because it did not cover them.
"""

import math
import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import polars as pl

TRAIL = ""  # stands for all accounts together
Gap = tuple[datetime, datetime]

KEPT = timedelta(days=28)
KNOWN_FROM = timedelta(days=14)  # an account that is younger is not watched yet: each hour of the week was seen twice
SHORTEST = timedelta(minutes=30)  # CloudTrail delivers every 5 minutes or so, and now and then 15 late
TIMES = 1.5
LATE = timedelta(minutes=15)
OWN_SHARE = 2 / 3
HOUR = timedelta(hours=1)
HOURS_A_WEEK = 168

_OBJECT = re.compile(r"(?:^|/)(?P<account>\d{12})_(?P<kind>CloudTrail|lookup)_[^/]+$")


@dataclass(frozen=True)
class Deliveries:
    """When one account delivered: the first and the last time, and each gap between of more than half an hour.

    `account` is TRAIL for all together. `gaps` are those of the last 28 days before `last`, in their order.
    """

    account: str
    first: datetime
    last: datetime
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class Silence:
    """Nothing was delivered from `since` to `now`, which is unusual.

    `usual` is the longest gap before; counted in the account's own hours alone where `in_own_hours`.
    """

    account: str
    since: datetime
    now: datetime
    usual: timedelta
    in_own_hours: bool

    def sentence(self) -> str:
        """Return what fell silent, for how long, and how long it never was before."""
        whose = f"account {self.account}" if self.account else "the trail, all its accounts,"
        hours = " of the hours of the week in which it usually delivers" if self.in_own_hours else ""
        return (
            f"{whose} delivered nothing for {span(self.now - self.since)}, since {self.since:%Y-%m-%d %H:%M} UTC; "
            f"in the {KEPT.days} days before it was never silent for more than {span(self.usual)}{hours}"
        )


def delivered(objects: pl.DataFrame) -> dict[str, list[datetime]]:
    """Return when each account delivered, and TRAIL, by these objects' names; one whose name does not say is left out.

    Args:
        objects: of the ledger: `log.file.path`, `delivered`, `events`.
    """
    found: dict[str, set[datetime]] = {}
    for path, moment, events in objects.select("log.file.path", "delivered", "events").iter_rows():
        named = _OBJECT.search(path)
        # LookupEvents is asked at each quarter of an hour, and answers with nothing, too.
        if moment is None or named is None or (named["kind"] == "lookup" and not events):
            continue
        found.setdefault(named["account"], set()).add(moment)
        found.setdefault(TRAIL, set()).add(moment)
    return {account: sorted(moments) for account, moments in found.items()}


def learned(known: Mapping[str, Deliveries], moments: Mapping[str, Sequence[datetime]]) -> list[Deliveries]:
    """Return the deliveries of each account that delivered now; in which order they become known does not matter."""
    return [_learned(known.get(account), account, found) for account, found in sorted(moments.items()) if found]


def _learned(known: Deliveries | None, account: str, moments: Iterable[datetime]) -> Deliveries:
    ordered = sorted(moments)
    first, last = (known.first, known.last) if known else (ordered[0], ordered[0])
    gaps = list(known.gaps) if known else []
    for moment in ordered:
        if moment > last:
            _keep(gaps, (last, moment))
            last = moment
        elif moment < first:
            _keep(gaps, (moment, first))
            first = moment
        else:
            place = bisect_left(gaps, (moment, moment)) - 1
            if place >= 0 and gaps[place][0] < moment < gaps[place][1]:
                begun, ended = gaps.pop(place)
                _keep(gaps, (begun, moment))
                _keep(gaps, (moment, ended))
    return Deliveries(account, first, last, tuple(gap for gap in gaps if gap[1] > last - KEPT))


def _keep(gaps: list[Gap], gap: Gap) -> None:
    if gap[1] - gap[0] > SHORTEST:
        insort(gaps, gap)


def silences(known: Iterable[Deliveries], now: datetime, outage: Gap | None = None) -> list[Silence]:
    """Return what is silent now; where the whole trail is, that alone, and no account by itself.

    Args:
        known: the deliveries of the accounts, and of TRAIL.
        now: until when all that was delivered is known.
        outage: the last silence of the whole trail that was told and is over: it is nobody's usual.
    """
    found = [silence for each in known if (silence := _silence(each, now, outage))]
    whole = [each for each in found if each.account == TRAIL]
    return whole or sorted(found, key=lambda each: each.account)


def watched_from(known: Deliveries) -> datetime:
    """Return from when on the account's silence is told."""
    return known.first + KNOWN_FROM


def _silence(known: Deliveries, now: datetime, outage: Gap | None) -> Silence | None:
    # After an outage of all, they come back one after the other.
    since = max(known.last, outage[1]) if outage and known.account != TRAIL else known.last
    if now < watched_from(known) or now - since <= _limit(SHORTEST):
        return None
    gaps = [gap for gap in known.gaps if not (outage and gap[0] < outage[1] and outage[0] < gap[1])]
    usual = max((ended - begun for begun, ended in gaps), default=SHORTEST)
    if now - since > _limit(usual):
        return Silence(known.account, known.last, now, usual, in_own_hours=False)
    own = OwnHours.of(known)
    usual = max([SHORTEST, *(own.within(gap, past=True) for gap in gaps)])
    if own.within((since, now)) > _limit(usual):
        return Silence(known.account, known.last, now, usual, in_own_hours=True)
    return None


def _limit(usual: timedelta) -> timedelta:
    return TIMES * usual + LATE


@dataclass(frozen=True)
class OwnHours:
    """Of each hour of the week, from Monday 00:00 UTC: how often it went by, and in how many of these it delivered."""

    seen: tuple[int, ...]
    delivered: tuple[int, ...]

    @classmethod
    def of(cls, known: Deliveries) -> Self:
        """Return them as the last 28 days had them."""
        start = _whole_hour(max(known.first, known.last - KEPT)) + HOUR
        first, hours = _hour_of_week(start), int((known.last - start) / HOUR)
        seen, quiet = [0] * HOURS_A_WEEK, [0] * HOURS_A_WEEK
        for number in range(hours):
            seen[(first + number) % HOURS_A_WEEK] += 1
        for begun, ended in known.gaps:
            number = max(math.floor((begun - start) / HOUR) + 1, 0)
            while number < hours and start + (number + 1) * HOUR <= ended:
                quiet[(first + number) % HOURS_A_WEEK] += 1
                number += 1
        return cls(tuple(seen), tuple(all_of - none for all_of, none in zip(seen, quiet, strict=True)))

    def within(self, gap: Gap, *, past: bool = False) -> timedelta:
        """Return how much of a gap lies in the account's own hours; of a `past` one its own week does not count."""
        begun, ended = gap
        hour, total = _whole_hour(begun), timedelta(0)
        while hour < ended:
            whole = begun < hour and hour + HOUR <= ended
            if self._is_own(_hour_of_week(hour), seen_here=past, delivered_here=past and not whole):
                total += min(ended, hour + HOUR) - max(begun, hour)
            hour += HOUR
        return total

    def _is_own(self, hour: int, *, seen_here: bool, delivered_here: bool) -> bool:
        seen, delivered = self.seen[hour] - seen_here, self.delivered[hour] - delivered_here
        return seen > 0 and delivered >= OWN_SHARE * seen


def _whole_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _hour_of_week(moment: datetime) -> int:
    return moment.weekday() * 24 + moment.hour


def span(length: timedelta) -> str:
    """Return a length of time in its two largest units: "3 h 10 min", "2 days 4 h"."""
    minutes = int(length.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        parts = [f"{days} day{'s' if days > 1 else ''}", f"{hours} h" if hours else ""]
    else:
        parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes or not hours else ""]
    return " ".join(part for part in parts if part)
