"""The drills as commands: `python -m bench.drills --help`."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from bench.drills import decisions, detect, together
from bench.drills.contents import SUMMARIES
from bench.drills.detect import DrillError, Tally, Undisturbed
from bench.drills.organisation import Robbed, robbed
from bench.drills.processes import Start, start_forked, start_script

if TYPE_CHECKING:
    from bench.drills import crowd, refusals, response, slack
    from bench.drills.faults import Fault
    from bench.drills.faults import Tally as FaultsFound
    from bench.drills.soak import Tally as SoakFound

    Found = decisions.Found | crowd.Tally | refusals.Tally | response.Tally | slack.Tally

STEPS = 24


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--seed", type=int, default=1, show_default=True, help="Of the organisation and the moments."),
        click.option("--steps", type=click.IntRange(1), default=STEPS, show_default=True, help="The trail comes in."),
        click.option(
            "--database",
            metavar="URL",
            help="PostgreSQL: any database of a server where others may be created.  [default: SQLite]",
        ),
        click.option("--forked", is_flag=True, help="Fork the runs with their imports done: quicker, same code."),
        click.option("--json", "as_json", is_flag=True, help="Print one row for machines."),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Disturb the real command, and compare what it leaves with what it leaves undisturbed; exit 1 if they differ."""


@main.command("kill-detect")
@click.option("--kills", type=click.IntRange(1), default=200, show_default=True)
@click.option("--chunk-bytes", type=click.IntRange(1), help="Of a forked run: commit that much at once, many times.")
@_options
def kill_detect(
    kills: int, seed: int, steps: int, database: str | None, forked: bool, chunk_bytes: int | None, as_json: bool
) -> None:
    """Kill runs of detect with SIGKILL at random moments, each time starting the next at once."""
    if chunk_bytes and not forked:
        raise click.UsageError("--chunk-bytes is for --forked runs")

    def drill(organisation: Robbed, start: Start, expected: Undisturbed) -> Tally:
        if chunk_bytes:
            # A run's summary adds up what its commits brought, and a killed run's sum begins anew.
            expected = replace(expected, left_out=(SUMMARIES,))
        return detect.kill_detect(organisation, start, expected, kills, seed, database, _say)

    _drill(drill, seed, steps, _start(forked=forked, chunk_bytes=chunk_bytes), as_json=as_json)


@main.command("at-once")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="How often through all steps.")
@_options
def at_once(rounds: int, seed: int, steps: int, database: str | None, forked: bool, as_json: bool) -> None:
    """Start two to four runs of detect at the same moment over the same state."""

    def drill(organisation: Robbed, start: Start, expected: Undisturbed) -> Tally:
        return detect.at_once(organisation, start, expected, rounds, seed, database, _say)

    _drill(drill, seed, steps, _start(forked=forked), as_json=as_json)


@main.command("kill-flow")
@click.option("--kills", type=click.IntRange(1), default=12, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the organisation and the moments.")
@click.option("--json", "as_json", is_flag=True, help="Print one row for machines.")
def kill_flow(kills: int, seed: int, as_json: bool) -> None:
    """Kill runs of the detect flow after their commit, on a real Prefect server: each response is started once."""
    from bench.drills.flow import kill_flow, real_server  # noqa: PLC0415  # Prefect takes seconds

    def drill(organisation: Robbed, start: Start, expected: Undisturbed) -> Tally:
        learn, judge = organisation.steps
        with (
            real_server(organisation.generated.root) as api,
            detect.new_round(organisation, start, None) as learned,
        ):
            learned.deliver(learn)
            learned.finish(learn, Tally())
            return kill_flow(learned, judge, expected.contents["to tell"], api, kills, seed, _say)

    _drill(drill, seed, 1, start_script, as_json=as_json)


@main.command("faults")
@click.option("--only", metavar="TEXT", multiple=True, help="Those whose name holds it; may be given again.")
@click.option("--quick", is_flag=True, help="Leave out those that take a minute or more.")
@click.option("--list", "listed", is_flag=True, help="Print their names, and what is promised.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the organisation and the moments.")
@click.option("--database", metavar="URL", help="PostgreSQL, for the faults that need one.")
@click.option("--json", "as_json", is_flag=True, help="Print one row for machines.")
def try_faults(
    only: tuple[str, ...], seed: int, database: str | None, *, quick: bool, listed: bool, as_json: bool
) -> None:
    """Disturb one run each: disks, rights, clocks, S3, geo databases, case store, memory, signals."""
    from bench.drills.disturbances import faults  # noqa: PLC0415  # moto takes seconds
    from bench.drills.faults import disturb  # noqa: PLC0415

    def chosen() -> "list[Fault]":
        named = (each for each in faults() if not only or any(text in each.name for text in only))
        return [each for each in named if not (quick and each.is_slow)]

    if listed:
        for each in chosen():
            click.echo(f"{each.name:<34} {each.promise}")
        return

    began = time.monotonic()
    with TemporaryDirectory(prefix="drills-") as folder:
        try:
            tally = disturb(robbed(Path(folder), seed, 1), chosen(), database, seed, _say)
        except DrillError as error:
            raise click.ClickException(str(error)) from error
    _end(tally, began, as_json=as_json)


@main.command("soak")
@click.option("--runs", type=click.IntRange(2), default=96, show_default=True, help="That end well.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the organisation and the faults.")
@click.option("--json", "as_json", is_flag=True, help="Print one row for machines.")
def soak_runs(runs: int, seed: int, as_json: bool) -> None:
    """Run back to back, every other time in one process that lives on, with faults drawn by the seed."""
    from bench.drills.soak import soak  # noqa: PLC0415  # moto takes seconds

    began = time.monotonic()
    with TemporaryDirectory(prefix="drills-") as folder:
        try:
            tally = soak(robbed(Path(folder), seed, runs - 1), seed, _say)
        except DrillError as error:
            raise click.ClickException(str(error)) from error
    _end(tally, began, as_json=as_json)


def _end(tally: "FaultsFound | SoakFound", began: float, *, as_json: bool) -> None:
    row = {**tally.row(), "seconds": round(time.monotonic() - began)}
    click.echo(json.dumps(row) if as_json else _table(row))
    if tally.differences:
        sys.exit(1)


def _decision_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--seed", type=int, default=1, show_default=True),
        click.option(
            "--database",
            metavar="URL",
            help="PostgreSQL: any database of a server where others may be created.  [default: SQLite]",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one row for machines."),
    ):
        command = option(command)
    return command


@main.command("forged")
@click.option("--decisions", "count", type=click.IntRange(1), default=1_000, show_default=True)
@_decision_options
def forged(count: int, seed: int, database: str | None, as_json: bool) -> None:
    """Forge, alter and replay decisions, and tamper with their rows: none may be accepted."""
    _decisions(decisions.forged, count, seed, database, as_json=as_json)


@main.command("races")
@click.option("--rounds", type=click.IntRange(1), default=1_000, show_default=True)
@_decision_options
def races(rounds: int, seed: int, database: str | None, as_json: bool) -> None:
    """Have two to five people answer one request at once, threads or processes: one of them settles it."""
    _decisions(decisions.races, rounds, seed, database, as_json=as_json)


@main.command("kill-response")
@click.option("--kills", type=click.IntRange(1), default=100, show_default=True)
@click.option("--without-respond", is_flag=True, help="Leave out the flow, which takes a Prefect run each time.")
@_decision_options
def kill_response(kills: int, seed: int, database: str | None, as_json: bool, without_respond: bool) -> None:
    """Kill respond, contain, watch and undo between any two of their steps, each started again at once."""
    from bench.drills.response import WORK, kill_response  # noqa: PLC0415  # moto takes seconds

    works = [work for work in WORK if work != "respond" or not without_respond]
    _decisions(partial(kill_response, works=works), kills, seed, database, as_json=as_json)


@main.command("slack")
@click.option("--minutes", type=click.FloatRange(0.1), default=10, show_default=True, help="Slack's faults go on.")
@click.option("--incidents", type=click.IntRange(1), default=200, show_default=True)
@click.option("--decided", type=click.IntRange(0), default=50, show_default=True, help="Of them, by people in Slack.")
@_decision_options
def drop_slack(minutes: float, incidents: int, decided: int, seed: int, database: str | None, as_json: bool) -> None:
    """Drop Slack's sockets every 5 s, lose and stall its calls: each card and each decision is there once."""
    from bench.drills.slack import drop_sockets  # noqa: PLC0415  # moto takes seconds

    if decided > incidents:
        raise click.UsageError(f"of {incidents} incidents, no {decided} can be decided")

    def drill(database: str | None, _: int, seed: int, say: Callable[[str], None]) -> "slack.Tally":
        return drop_sockets(database, minutes, incidents, decided, seed, say)

    _decisions(drill, incidents, seed, database, as_json=as_json)


@main.command("aws")
@click.option("--scenarios", type=click.IntRange(1), default=100, show_default=True, help="One fault each.")
@_decision_options
def refuse_in_aws(scenarios: int, seed: int, database: str | None, as_json: bool) -> None:
    """Have AWS deny, throttle, fail, stall and lose answers while a plan is carried out, watched and undone."""
    from bench.drills.refusals import refuse  # noqa: PLC0415  # moto takes seconds

    _decisions(refuse, scenarios, seed, database, as_json=as_json)


@main.command("crowd")
@click.option("--rounds", type=click.IntRange(1), default=20, show_default=True)
@_decision_options
def crowd_responders(rounds: int, seed: int, database: str | None, as_json: bool) -> None:
    """Start two to four responders at the same moment over the same work: each step is done by one."""
    from bench.drills.crowd import crowd  # noqa: PLC0415  # moto takes seconds

    _decisions(crowd, rounds, seed, database, as_json=as_json)


@main.command("all")
@click.option("--kills", type=click.IntRange(1), help=f"By all drills.  [default: {together.KILLS}]")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--quick", is_flag=True, help=f"A tenth of everything, {together.QUICK_KILLS} kills.")
@click.option("--only", metavar="DRILL", multiple=True, help="This drill; may be given again.")
@click.option(
    "--rows",
    type=click.Path(dir_okay=False, path_type=Path),
    default="drills.json",
    show_default=True,
    help="Where each drill's row goes, for machines.",
)
def run_all(kills: int | None, seed: int, only: tuple[str, ...], rows: Path, *, quick: bool) -> None:
    """Run every drill, and print one table: what was done, expected and found."""
    commands = {name: each for name, each in main.commands.items() if name != "all" and (not only or name in only)}
    unknown = sorted(set(only) - set(commands))
    if unknown:
        raise click.UsageError(f"no drill {unknown[0]}: there are {', '.join(main.commands)}")
    wanted = kills or (together.QUICK_KILLS if quick else together.KILLS)
    ran: list[together.Ran] = []
    for each in together.run(commands, wanted, seed, quick=quick):
        ran.append(each)
        # After each: what is killed in the night has left what it found.
        rows.write_text(json.dumps([asdict(one) for one in ran], indent=1), encoding="utf-8")
    click.echo(together.table(ran))
    if any(each.differences for each in ran):
        sys.exit(1)


def _decisions(
    drill: Callable[[str | None, int, int, Callable[[str], None]], "Found"],
    count: int,
    seed: int,
    database: str | None,
    *,
    as_json: bool,
) -> None:
    began = time.monotonic()
    found = drill(database, count, seed, _say)
    row = {**found.row(), "seconds": round(time.monotonic() - began)}
    click.echo(json.dumps(row) if as_json else _table(row))
    if found.differences:
        sys.exit(1)


def _start(*, forked: bool, chunk_bytes: int | None = None) -> Start:
    return partial(start_forked, chunk_bytes=chunk_bytes) if forked else start_script


def _drill(
    drill: Callable[[Robbed, Start, Undisturbed], Tally],
    seed: int,
    steps: int,
    start: Start,
    *,
    as_json: bool,
) -> None:
    began = time.monotonic()
    with TemporaryDirectory(prefix="drills-") as folder:
        organisation = robbed(Path(folder), seed, steps)
        expected = detect.undisturbed(organisation, start)
        found = {part: len(value) for part, value in expected.contents.items() if isinstance(value, list)}
        _say(f"undisturbed: {found['incidents']} incidents, {found['to tell']} to tell, {found['runs']} runs committed")
        try:
            tally = drill(organisation, start, expected)
        except DrillError as error:
            raise click.ClickException(str(error)) from error
    row = {**tally.row(), "undisturbed": found, "seconds": round(time.monotonic() - began)}
    click.echo(json.dumps(row) if as_json else _table(row))
    if tally.differences:
        sys.exit(1)


def _table(row: dict[str, object]) -> str:
    lines = []
    for name, value in row.items():
        if isinstance(value, dict):
            said = "; ".join(f"{part}: {each}" for part, each in value.items())
        elif isinstance(value, list):
            said = "\n".join([str(len(value)), *map(str, value)])
        else:
            said = str(value)
        lines.append(f"{name.replace('_', ' '):<18} {said}")
    return "\n".join(lines)


def _say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
