"""The commands with which people say what they know: verdict, suppress, calendar. Imports are inside, as in cli.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prefect_cloudtrail.cli_options import Command, Moment, state_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prefect_cloudtrail.feedback import Entry
    from prefect_cloudtrail.store import Store

SCOPE_HELP = {
    "person": "Person, as incidents name them.",
    "principal": "Principal: its ARN, as incidents name it.",
    "account": "Account in which the calls are made; with one more of these.",
    "command": "Command, such as ec2:RunInstances; * and ? stand for anything.",
    "place": "City with its country, such as 'Kyiv, UA'.",
    "country": "Country, such as UA.",
    "network": "Address prefix, such as 198.51.100.0/24.",
    "rule": "Rule that raised the alert.",
}


def _scope_options(*names: str) -> Callable[[Command], Command]:
    def with_options(command: Command) -> Command:
        for name in reversed(names):
            command = click.option(f"--{name}", metavar=name.upper(), help=SCOPE_HELP[name])(command)
        return command

    return with_options


def _author_options(command: Command) -> Command:
    for option in (
        click.option("--at", type=Moment(), help="From when on it counts, at the earliest.  [default: now]"),
        click.option("--by", metavar="NAME", help="Who says so.  [default: the system user]"),
        click.option("--why", metavar="TEXT", required=True, help="The reason, for whoever reads it later."),
    ):
        command = option(command)
    return command


def _span_options(command: Command) -> Command:
    for option in (
        click.option("--until", type=Moment(), required=True, help="When it ends: at most 90 days on."),
        click.option("--since", type=Moment(), help="When it begins.  [default: now]"),
    ):
        command = option(command)
    return command


@click.command()
@state_options
@click.argument("incident_id")
@click.argument("answer", type=click.Choice(["expected", "compromised"]))
@_author_options
def verdict(
    as_json: bool, incident_id: str, answer: str, why: str, by: str | None, at: datetime | None, **given: str | None
) -> None:
    r"""Say what an incident was: expected teaches history at once, compromised never.

    \b
    Example:
      prefect-cloudtrail verdict inc_48f73d4619a4405094aa expected --why "moved to Lyon" --state ./state
    """
    from prefect_cloudtrail.feedback import Answer
    from prefect_cloudtrail.rows import verdict_row

    with _store(given) as store:
        said = store.add_verdict(incident_id, Answer(answer), by=by or _user(), why=why, at=at or datetime.now(UTC))
    if as_json:
        click.echo(json.dumps(verdict_row(said)))
    else:
        click.echo(f"{said.incident_id} is {said.verdict}, says {said.by}; it counts from {_clock(said.effective_at)}")


@click.group()
def suppress() -> None:
    r"""Keep alerts quiet: add, list or end a suppression. A quiet alert is stored and counted; nobody is told.

    \b
    Example:
      prefect-cloudtrail suppress add --person "user deploy" --country UA --until 2026-05-01 --why "new region"
      prefect-cloudtrail suppress list
      prefect-cloudtrail suppress end suppression_48f73d4619a4405094aa --why "the move is over"
    """


@suppress.command("add")
@state_options
@_scope_options("person", "principal", "account", "command", "place", "country", "network", "rule")
@_span_options
@_author_options
def suppress_add(as_json: bool, **given: Any) -> None:  # noqa: ANN401
    r"""Add a suppression: of a person's or principal's alerts, or of an account's with one more limit.

    \b
    Example:
      prefect-cloudtrail suppress add --person "user deploy" --country UA --until 2026-05-01 --why "new region"
    """
    from prefect_cloudtrail.feedback import Suppression

    _add(Suppression, given, as_json=as_json)


@suppress.command("list")
@state_options
def suppress_list(as_json: bool, **given: str | None) -> None:
    r"""List the suppressions, ended ones too.

    \b
    Example:
      prefect-cloudtrail suppress list --json
    """
    from prefect_cloudtrail.feedback import Suppression

    _list((Suppression,), given, as_json=as_json)


@suppress.command("end")
@state_options
@click.argument("entry_id")
@_author_options
def suppress_end(as_json: bool, entry_id: str, **given: Any) -> None:  # noqa: ANN401
    r"""End a suppression before its time; what it kept quiet until then stays so.

    \b
    Example:
      prefect-cloudtrail suppress end suppression_48f73d4619a4405094aa --why "the move is over"
    """
    _end(entry_id, given, as_json=as_json)


@click.group()
def calendar() -> None:
    r"""Announce planned work and travel, which speaks against an incident: add, import, list or end.

    \b
    Example:
      prefect-cloudtrail calendar add-work --account 111122223333 --command "ec2:*" --until 2026-05-01 --why "failover"
      prefect-cloudtrail calendar add-travel --person "user ana" --country PT --until 2026-05-01 --why "conference"
      prefect-cloudtrail calendar import calendar.csv
      prefect-cloudtrail calendar list
    """


@calendar.command("add-work")
@state_options
@_scope_options("account", "principal", "person", "command", "place", "country")
@_span_options
@click.option("--who", metavar="NAME", default="", help="Who does the work.")
@_author_options
def calendar_add_work(as_json: bool, **given: Any) -> None:  # noqa: ANN401
    r"""Announce work: by a person or principal, or in an account with one more limit.

    \b
    Example:
      prefect-cloudtrail calendar add-work --account 111122223333 --command "ec2:*" --until 2026-05-01 --why "failover"
    """
    from prefect_cloudtrail.feedback import PlannedWork

    _add(PlannedWork, given, as_json=as_json)


@calendar.command("add-travel")
@state_options
@_scope_options("person", "principal", "place", "country")
@_span_options
@_author_options
def calendar_add_travel(as_json: bool, **given: Any) -> None:  # noqa: ANN401
    r"""Announce that a person or principal will be at a place.

    \b
    Example:
      prefect-cloudtrail calendar add-travel --person "user ana" --country PT --until 2026-05-01 --why "conference"
    """
    from prefect_cloudtrail.feedback import TravelNotice

    _add(TravelNotice, given, as_json=as_json)


@calendar.command("import")
@state_options
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--by", metavar="NAME", help="Who says so.  [default: the system user]")
@click.option("--at", type=Moment(), help="From when on it counts, at the earliest.  [default: now]")
def calendar_import(as_json: bool, file: Path, by: str | None, at: datetime | None, **given: str | None) -> None:
    r"""Enter every row of a CSV or JSON file, or none; a row that is entered already is left alone.

    \b
    Example:
      prefect-cloudtrail calendar import calendar.csv --by maria
    """
    from prefect_cloudtrail.calendar_file import read

    with _store(given) as store:
        added = store.add_entries(
            lambda effective_at: read(file, by=by or _user(), effective_at=effective_at), at or datetime.now(UTC)
        )
    _print(added, as_json=as_json)
    if not as_json:
        click.echo(f"{len(added)} entered from {file}")


@calendar.command("list")
@state_options
def calendar_list(as_json: bool, **given: str | None) -> None:
    r"""List planned work and travel, what is over too.

    \b
    Example:
      prefect-cloudtrail calendar list --json
    """
    from prefect_cloudtrail.feedback import PlannedWork, TravelNotice

    _list((PlannedWork, TravelNotice), given, as_json=as_json)


@calendar.command("end")
@state_options
@click.argument("entry_id")
@_author_options
def calendar_end(as_json: bool, entry_id: str, **given: Any) -> None:  # noqa: ANN401
    r"""End planned work or a travel notice before its time.

    \b
    Example:
      prefect-cloudtrail calendar end travel_48f73d4619a4405094aa --why "called off"
    """
    _end(entry_id, given, as_json=as_json)


def _add(kind: type[Entry], given: dict[str, Any], *, as_json: bool) -> None:
    from prefect_cloudtrail.feedback import Scope, entry

    scope = Scope(**{name: given.pop(name) for name in SCOPE_HELP if name in given})
    at, since = given.pop("at") or datetime.now(UTC), given.pop("since")
    said = {"until": given.pop("until"), "why": given.pop("why"), "by": given.pop("by") or _user()}
    if "who" in given:
        said["who"] = given.pop("who")

    def entries(effective_at: datetime) -> list[Entry]:
        return [entry(kind, scope, since=since or effective_at, effective_at=effective_at, **said)]

    with _store(given) as store:
        added = store.add_entries(entries, at)
    _print(added, as_json=as_json)
    if not added:
        click.echo("entered already: nothing was added", err=True)


def _list(kinds: tuple[type[Entry], ...], given: dict[str, str | None], *, as_json: bool) -> None:
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.settings import settings

    with clients.existing_store(settings(**given)) as store:
        _print([each for each in store.feedback().entries if isinstance(each, kinds)], as_json=as_json)


def _end(entry_id: str, given: dict[str, Any], *, as_json: bool) -> None:
    at, why, by = given.pop("at") or datetime.now(UTC), given.pop("why"), given.pop("by") or _user()
    with _store(given) as store:
        _print([store.end_entry(entry_id, by=by, why=why, at=at)], as_json=as_json)


def _store(given: dict[str, Any]) -> Store:
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.settings import settings

    return clients.case_store(settings(**given))


def _print(entries: Iterable[Entry], *, as_json: bool) -> None:
    from prefect_cloudtrail.rows import entry_row

    for each in entries:
        click.echo(json.dumps(entry_row(each)) if as_json else "\n".join(_lines(each)))


def _lines(each: Entry) -> Sequence[str]:
    from prefect_cloudtrail.text import plain

    said = f"{each.kind} {each.entry_id}: {plain(each.scope.in_words)}"
    span = f"  {_clock(each.since)} to {_clock(each.until)}; counts from {_clock(each.effective_at)}"
    ended = f"; ended {_clock(each.end.effective_at)} by {plain(each.end.by)}" if each.end else ""
    return said, f"{span}{ended}", f"  {plain(each.by)}: {plain(each.why)}"


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _user() -> str:
    import getpass

    return getpass.getuser()
