"""Looks at what a run needs and says what is wrong and what to do; it writes nothing, and makes no state.

What needs Prefect's server is looked at in tasks/prefect_server.py.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect_cloudtrail import clients
from prefect_cloudtrail.checks import Check, ago, answered, counted, long_as
from prefect_cloudtrail.cloudtrail import LogObject, Source
from prefect_cloudtrail.cloudtrail.lookup import LookupSource
from prefect_cloudtrail.cloudtrail.sqs import SqsSource
from prefect_cloudtrail.doctor.clock import compare_clocks
from prefect_cloudtrail.doctor.lookup import look_at_lookup
from prefect_cloudtrail.doctor.queue import look_at_queue
from prefect_cloudtrail.doctor.slack import look_at_slack
from prefect_cloudtrail.doctor.state import look_at_state
from prefect_cloudtrail.errors import SettingsError, SourceError
from prefect_cloudtrail.geo import Database, Geo
from prefect_cloudtrail.settings import PREFIX, Settings, settings

DELIVERED_WITHIN = timedelta(hours=1)  # CloudTrail says about 5 minutes; 15 are common
DATABASE_LASTS = timedelta(days=60)  # vendors publish weekly or monthly, and networks move
# Of the paths among the settings, those that a worker would look for in whatever folder it was started in.
PATHS = ("source", "city_db", "asn_db", "state")


def examine(given: Mapping[str, object], environment: Mapping[str, str], now: datetime) -> list[Check]:
    """Return every check that needs no Prefect server, in the order a run needs things.

    Args:
        given: the command line's options; None is not given.
        environment: the process's environment variables.
        now: what this machine's clock says.
    """
    misspelt = _misspelt(environment)
    try:
        known = settings(**given)
    except SettingsError as error:
        return [*misspelt, Check("settings", "fail", str(error))]
    return [*misspelt, *_relative(known, given), *check(known, now)]


def check(known: Settings, now: datetime) -> list[Check]:
    """Return what is to be said of the source, the databases, the state, Slack and the clock."""
    began = time.monotonic()
    clock = answered("clock", compare_clocks(known, now, began))
    objects: list[LogObject] = []
    source = answered("source", _source(known, now, objects))
    return [
        Check("settings", "ok", f"set: {', '.join(sorted(known.model_fields_set)) or 'nothing'}"),
        *source,
        *_geo(known, now),
        *answered("state", look_at_state(known, now, objects)),
        *answered("slack", look_at_slack(known)),
        *clock,
    ]


# --- settings ---------------------------------------------------------------------------------------------------------


def _misspelt(environment: Mapping[str, str]) -> list[Check]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return [
        Check(
            "settings", "fail", f"{name} is no setting", "correct its name: the settings are in the README, in a table"
        )
        for name in sorted(environment)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    ]


def _relative(known: Settings, given: Mapping[str, object]) -> list[Check]:
    """A path in the environment that means something else in each folder a worker starts in."""
    values = {name: str(getattr(known, name) or "") for name in PATHS}
    names = [
        f"{PREFIX}{name.upper()}"
        for name, value in values.items()
        if value and given.get(name) is None and "://" not in value and not Path(value).expanduser().is_absolute()
    ]
    if not names:
        return []
    said = f"{', '.join(names)}: a relative path, which each worker looks for in the folder it was started in"
    return [Check("settings", "warn", said, "set an absolute path")]


# --- source -----------------------------------------------------------------------------------------------------------


def _source(known: Settings, now: datetime, objects: list[LogObject]) -> Iterator[Check]:
    """The newest objects are listed and one is read; `objects` is given them."""
    source = clients.log_source(known)
    if isinstance(source, SqsSource):
        yield from look_at_queue(known, source, now)
        yield from _behind_the_queue(known, now, objects)
    elif isinstance(source, LookupSource):
        yield from look_at_lookup(source, now)
        objects.extend(source.list(now - known.list_back))
    else:
        yield from _listed("source", str(known.source), source, known.list_back, now, objects)


def _behind_the_queue(known: Settings, now: datetime, objects: list[LogObject]) -> Iterator[Check]:
    """What the trail's bucket holds, which a run from a queue never lists."""
    try:
        yield from _listed("trail", str(known.trail), clients.archive(known), known.list_back, now, objects)
    except SourceError as error:
        yield Check("trail", "warn", f"whether notices were lost cannot be seen: {error}")


def _listed(
    name: str, where: str, source: Source, list_back: timedelta, now: datetime, objects: list[LogObject]
) -> Iterator[Check]:
    found = source.list(now - list_back)
    objects.extend(found)
    if not found:
        raise SourceError(
            f"{where}: nothing was delivered in the last {long_as(list_back)}; name the trail's bucket, "
            "and the prefix below which AWSLogs/ lies, and see that the trail is logging"
        )
    beginning = datetime.min.replace(tzinfo=UTC)
    newest = max(found, key=lambda each: (each.delivered or beginning, each.key))
    source.read(newest.key)
    listed = f"{where}: {counted(len(found), 'log object')}"
    if newest.delivered is None:
        yield Check(name, "ok", f"{listed}, none of which says when it was delivered")
        return
    age = now - newest.delivered
    said = f"{listed}, the newest delivered {ago(age)}"
    if age <= DELIVERED_WITHIN:
        yield Check(name, "ok", said)
    else:
        fix = "see that the trail is logging and still delivers here; where the folder is a copy, copy it again"
        yield Check(name, "warn", said, fix)


# --- geo databases ----------------------------------------------------------------------------------------------------


def _geo(known: Settings, now: datetime) -> list[Check]:
    asn_path = known.asn_db
    city = answered("city_db", _cities(known, now))
    if asn_path is None:
        lost = "none: nobody knows who owns a network, and the evidence of hosting networks goes unsaid"
        return [
            *city,
            Check("asn_db", "warn", lost, "set PREFECT_CLOUDTRAIL_ASN_DB, to GeoLite2-ASN or DB-IP ASN Lite"),
        ]
    if city[0].status == "fail":
        return [*city, Check("asn_db", "skipped", "not looked at before there is a city database")]
    return [*city, *answered("asn_db", _networks(known, now))]


def _cities(known: Settings, now: datetime) -> Iterator[Check]:
    yield _aged("city_db", clients.geo(known.model_copy(update={"asn_db": None})).city, now)


def _networks(known: Settings, now: datetime) -> Iterator[Check]:
    opened: Geo = clients.geo(known)
    if opened.asn:
        yield _aged("asn_db", opened.asn, now)


def _aged(name: str, database: Database, now: datetime) -> Check:
    built = datetime.fromtimestamp(database.built, UTC)
    said = f"{database.path}: {database.type}, built {built:%Y-%m-%d}"
    if now - built <= DATABASE_LASTS:
        return Check(name, "ok", said)
    return Check(name, "warn", f"{said}, {ago(now - built)}", "fetch a newer one, and again every month")
