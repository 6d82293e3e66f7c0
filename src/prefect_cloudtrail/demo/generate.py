"""Writes a generated organisation to a folder: its trail, the geography it resolves to, and what was stolen when."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from prefect_cloudtrail.demo.addresses import AddressPlan, address_plan
from prefect_cloudtrail.demo.chance import stream
from prefect_cloudtrail.demo.databases import write_asn_database, write_city_database
from prefect_cloudtrail.demo.graft import Scheduled, Theft, happened, schedule
from prefect_cloudtrail.demo.organisation import Organisation
from prefect_cloudtrail.demo.roster import Roster, recruit
from prefect_cloudtrail.demo.trail import LONGEST_LAG, Trail
from prefect_cloudtrail.demo.workday import date_of, housekeeping, person_calls, robot_calls
from prefect_cloudtrail.errors import CloudTrailResponseError


@dataclass(frozen=True)
class Generated:
    """What was written and where. `events` counts each event once; `doubled` of them were delivered twice."""

    root: Path
    city_db: Path
    asn_db: Path
    events: int
    doubled: int
    objects: int
    thefts: tuple[Theft, ...]
    end: datetime


def generate(organisation: Organisation, out: Path, progress: Callable[[float], None] | None = None) -> Generated:
    """Write the organisation into `out` and return what it came to: the same bytes for the same organisation.

    Args:
        organisation: what to generate.
        out: a folder without a trail in it; made where it is missing.
        progress: told the share that is done, 0 to 1, after every day.

    Raises:
        CloudTrailResponseError: `out` holds a trail already.
        SettingsError: a theft is of no known kind.
    """
    if (out / "AWSLogs").exists():
        raise CloudTrailResponseError(f"cannot generate into {out}: it holds AWSLogs already; name another folder")
    roster = recruit(organisation)
    planned = schedule(roster)
    out.mkdir(parents=True, exist_ok=True)
    plan = address_plan(organisation)
    trail = Trail(organisation, out, plan)
    thefts: list[Theft] = []
    for day in range(organisation.days + 1):
        # One day more than there are: in the east it has begun before the last midnight in UTC.
        _log_day(roster, day, trail)
        thefts += [_log_theft(organisation.seed, theft, trail, plan) for theft in planned if _is_on(roster, theft, day)]
        trail.deliver(before=date_of(roster, day + 1) - LONGEST_LAG)
        if progress is not None:
            progress((day + 1) / (organisation.days + 2))
    trail.deliver()
    thefts.sort(key=lambda theft: theft.incident)
    generated = Generated(
        root=out,
        city_db=out / "city.mmdb",
        asn_db=out / "asn.mmdb",
        events=trail.events,
        doubled=trail.doubled,
        objects=trail.objects,
        thefts=tuple(thefts),
        end=organisation.end,
    )
    _write_answers(generated, plan, organisation.start)
    if progress is not None:
        progress(1.0)
    return generated


def _log_day(roster: Roster, day: int, trail: Trail) -> None:
    seed = roster.organisation.seed
    for person in roster.people:
        chance = stream(seed, "records", person.name, day)
        for call in person_calls(roster, person, day):
            trail.log(call, chance)
    for robot in roster.robots:
        chance = stream(seed, "records", robot.name, day)
        for call in robot_calls(roster, robot, day):
            trail.log(call, chance)
    chance = stream(seed, "records", "housekeeping", day)
    for call in housekeeping(roster, day):
        trail.log(call, chance)


def _is_on(roster: Roster, theft: Scheduled, day: int) -> bool:
    return date_of(roster, day) <= theft.calls[0].time < date_of(roster, day) + timedelta(days=1)


def _log_theft(seed: int, theft: Scheduled, trail: Trail, plan: AddressPlan) -> Theft:
    chance = stream(seed, "records", "theft", theft.incident)
    ids = [event_id for call in theft.calls if (event_id := trail.log(call, chance)) is not None]
    spot = theft.calls[0].spot
    return happened(theft, plan.address(spot) if spot is not None else "", ids)


def _write_answers(generated: Generated, plan: AddressPlan, built: datetime) -> None:
    write_city_database(plan.networks, generated.city_db, built)
    write_asn_database(plan.networks, generated.asn_db, built)
    labels = (
        {"eventID": event_id, "incident": theft.incident, "kind": theft.kind, "plan": theft.plan}
        for theft in generated.thefts
        for event_id in theft.event_ids
    )
    _write_lines(generated.root / "labels.ndjson", labels)
    incidents = (
        {key: value for key, value in asdict(theft).items() if key != "event_ids"} for theft in generated.thefts
    )
    _write_lines(generated.root / "incidents.ndjson", incidents)


def _write_lines(path: Path, rows: Iterable[object]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
