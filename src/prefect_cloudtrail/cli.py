"""The command line. Imports are inside the commands, so that `--help` answers at once."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import click

from prefect_cloudtrail import cli_deciding, cli_feedback, cli_keeping, cli_response
from prefect_cloudtrail.cli_options import Command, Moment, state_options
from prefect_cloudtrail.errors import CloudTrailResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect_cloudtrail.cases import Incident
    from prefect_cloudtrail.pipeline import Options, Outcome
    from prefect_cloudtrail.response.course import Course
    from prefect_cloudtrail.settings import Settings
    from prefect_cloudtrail.store import Kind
    from prefect_cloudtrail.tuning import Tuning

PROGRESS_AFTER_SECONDS = 2


class Commands(click.Group):
    """Prints what went wrong as one line, and answers with exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command."""
        try:
            return super().invoke(ctx)
        except CloudTrailResponseError as error:
            click.echo(f"prefect-cloudtrail: {' '.join(str(error).split())}", err=True)
            ctx.exit(1)


def _source_options(command: Command) -> Command:
    for option in (
        click.option("--asn-db", metavar="FILE", help="ASN database: who announces an address."),
        click.option("--city-db", metavar="FILE", help="City database in MaxMind's format."),
        click.option("--trail", metavar="S3", help="What a queue's notices may name: s3://bucket/prefix."),
        click.option(
            "--source",
            metavar="SRC",
            help="Folder of CloudTrail log objects, s3://bucket/prefix, sqs://QUEUE, or lookup://REGION,REGION.",
        ),
    ):
        command = option(command)
    return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="prefect-cloudtrail", prog_name="prefect-cloudtrail")
def main() -> None:
    """Find AWS commands from unusual cities in CloudTrail, and run the response.

    Source, databases and state have an environment variable each: PREFECT_CLOUDTRAIL_ and the option's name. Exit
    status: 0 done, 1 failed (one line says why), 2 wrong usage.
    """


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print rows for machines on standard output.")
@click.option("--yes", is_flag=True, help="Answer every question with yes; so it does without a terminal.")
@click.option("--slack", "in_slack", is_flag=True, help="Tell and decide in a Slack that this machine plays.")
def demo(as_json: bool, yes: bool, in_slack: bool) -> None:
    r"""Run the main job on a generated organisation: no AWS, no Slack, no server of yours.

    \b
    Example:
      prefect-cloudtrail demo
      prefect-cloudtrail demo --slack
    """
    import tempfile
    from contextlib import ExitStack
    from pathlib import Path

    from prefect_cloudtrail.flows.demo import run_demo

    def agrees(question: str) -> bool:
        return yes or not sys.stdin.isatty() or click.confirm(question, err=True)

    with tempfile.TemporaryDirectory(prefix="prefect-cloudtrail-demo-") as folder, ExitStack() as opened:
        slack = None
        if in_slack:
            from prefect_cloudtrail.demo.slack import local_slack

            slack = opened.enter_context(local_slack())
        incident = run_demo(
            Path(folder),
            lambda line: click.echo(line, err=True),
            show=not as_json,
            agrees=agrees,
            slack=slack,
            over=(lambda: False) if sys.stdin.isatty() and not yes else None,
        )
    if as_json:
        _print_rows([incident])


@main.command()
@_source_options
@state_options
@click.option("--since", type=Moment(), help="Pass over events before T.")
@click.option("--until", type=Moment(), help="Leave events after T for a later run.  [default: now]")
def detect(as_json: bool, since: datetime | None, until: datetime | None, **given: str | None) -> None:
    r"""Judge what arrived since the last run, and print the incidents it opened or changed.

    \b
    Example:
      prefect-cloudtrail detect --source ./trail --city-db GeoLite2-City.mmdb --state ./state
    """
    chosen = _settings(given)
    done = _run(chosen, "live", until=until or datetime.now(UTC), since=since)
    _report(done, chosen.tell_from, as_json=as_json)
    _note_shown(chosen, done)


@main.command()
@_source_options
@state_options
@click.option("--until", type=Moment(), required=True, help="Learn from windows up to T.")
def backfill(as_json: bool, until: datetime, **given: str | None) -> None:
    r"""Learn what is usual from past days; raises nothing.

    \b
    Example:
      prefect-cloudtrail backfill --source ./trail --city-db GeoLite2-City.mmdb --until 2026-03-20T00:00:00Z
    """
    from prefect_cloudtrail.pipeline import FOREVER

    chosen = _settings(given)
    _report(
        _run(chosen, "live", until=until, learn_until=FOREVER),
        chosen.tell_from,
        as_json=as_json,
    )


@main.command()
@_source_options
@state_options
@click.option("--learn-until", type=Moment(), required=True, help="Learn from windows up to T, judge those after it.")
@click.option("--until", type=Moment(), required=True, help="Replay events up to T.")
@click.option("--feedback", metavar="DIR", help="Replay with the verdicts, suppressions and calendar of this state.")
def backtest(as_json: bool, learn_until: datetime, until: datetime, feedback: str | None, **given: str | None) -> None:
    r"""Replay past days in 15-minute windows, and print the incidents that would have been raised.

    Then says what other thresholds would have meant: alerts, incidents and cards a day, by rule and by account.
    Starts afresh each time in a state folder of its own kind; changes nothing outside it.

    \b
    Example:
      prefect-cloudtrail backtest --source ./trail --city-db GeoLite2-City.mmdb --state ./backtest \
        --learn-until 2026-03-20T00:00:00Z --until 2026-04-03T00:00:00Z
    """
    chosen = _settings(given)
    done = _run(chosen, "backtest", until=until, learn_until=learn_until, feedback=feedback)
    _report(done, chosen.tell_from, as_json=as_json, tuned=_tuned(done, learn_until, chosen.tell_from))


@main.command()
@state_options
@click.argument("incident_id", required=False)
def incidents(as_json: bool, incident_id: str | None, **given: str | None) -> None:
    r"""List the incidents, or show one: its evidence, the investigation guide answered, what was asked and done.

    \b
    Example:
      prefect-cloudtrail incidents --state ./state
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.errors import StateError
    from prefect_cloudtrail.response.course import course

    with clients.existing_store(_settings(given)) as store:
        found = store.incidents(ids=[incident_id] if incident_id else None)
        gathered = store.responses.context(incident_id) if incident_id else None
        followed = course(store.responses, incident_id) if incident_id else None
    if incident_id and not found:
        raise StateError(f"no incident {incident_id} here; `prefect-cloudtrail incidents` lists them")
    if as_json:
        _print_rows(found, gathered, followed)
    elif followed:
        _print_cards(found)
        _print_course(followed)
        _print_context(gathered)
    else:
        _print_table(found)


@main.command()
@_source_options
@state_options
@click.argument("event_id")
@click.option("--at", type=Moment(), help="When it happened, for an event older than the 14 days of the event index.")
def explain(as_json: bool, event_id: str, at: datetime | None, **given: str | None) -> None:
    r"""Say why an event did or did not raise an alert: each rule, its counts, its surprise.

    Where it raised one, says of its incident each piece of evidence, too, whether it holds or not.

    \b
    Example:
      prefect-cloudtrail explain 875240ac-e821-4fc6-a311-8c352a1d20f5 --source ./trail \
        --city-db GeoLite2-City.mmdb --state ./state
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail import explain as reasons
    from prefect_cloudtrail.card import explanation
    from prefect_cloudtrail.rows import explanation_row

    chosen = _settings(given)
    source, geo = clients.archive(chosen), clients.geo(chosen)
    with clients.existing_store(chosen) as store:
        found = reasons.explain(store, source, geo, event_id, look_back=chosen.look_back, at=at)
    if as_json:
        click.echo(json.dumps(explanation_row(found)))
        return
    click.echo(explanation(found))


@main.command()
@_source_options
@state_options
def doctor(as_json: bool, **given: str | None) -> None:
    r"""Look at settings, source, databases, state, Slack, clock and Prefect, and say what to do; changes nothing.

    \b
    Example:
      prefect-cloudtrail doctor --source s3://example-trail --city-db GeoLite2-City.mmdb
    """
    import os

    from prefect_cloudtrail.checks import conclusion, failed
    from prefect_cloudtrail.doctor import examine
    from prefect_cloudtrail.tasks.prefect_server import check_server

    checks = examine(given, os.environ, datetime.now(UTC))
    checks += check_server(datetime.now(UTC))
    colours = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": None}
    for each in checks:
        heading, rest = each.text()[:5], each.text()[5:]
        click.echo(json.dumps(each.row()) if as_json else click.style(heading, fg=colours[each.status]) + rest)
    if not as_json:
        click.echo(conclusion(checks))
    if failed(checks):
        click.get_current_context().exit(1)


def _settings(given: dict[str, str | None]) -> Settings:
    from prefect_cloudtrail.settings import settings

    return settings(**given)


def _run(
    settings: Settings,
    kind: Kind,
    *,
    until: datetime,
    since: datetime | None = None,
    learn_until: datetime | None = None,
    feedback: str | None = None,
) -> Outcome:
    """Check everything that can be wrong before the state is touched, then run the pipeline."""
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.cloudtrail import FolderSource
    from prefect_cloudtrail.pipeline import Options, run

    source = clients.log_source(settings, since=since, until=until, past=learn_until is not None)
    if isinstance(source, FolderSource):
        source.list()
    geo = clients.geo(settings)
    options: Options = Options(
        until=until,
        since=since,
        learn_until=learn_until,
        look_back=settings.look_back,
        list_back=settings.list_back,
        tell_from=settings.tell_from,
        max_object_bytes=settings.max_object_bytes,
    )
    entered = clients.feedback_of(feedback) if feedback else None
    opened = clients.fresh_backtest(settings) if kind == "backtest" else clients.case_store(settings)
    with opened as store, _Progress() as progress:
        if entered:
            store.take_over(entered)
        return run(
            store,
            source,
            geo,
            options,
            owner=f"prefect-cloudtrail {kind}",
            progress=progress.show,
            reading=clients.reading(settings),
        )


def _tuned(outcome: Outcome, learn_until: datetime, tell_from: float) -> Tuning:
    """Count what other thresholds would have meant from the end of learning to the last window."""
    from prefect_cloudtrail.detectors import rules
    from prefect_cloudtrail.tuning import tuning

    first, last = (each or learn_until for each in outcome.summary.window)
    judged = max(last - max(first, learn_until), timedelta(0))
    return tuning(outcome.incidents, rules().values(), judged, tell_from)


def _report(outcome: Outcome, tell_from: float, *, as_json: bool, tuned: Tuning | None = None) -> None:
    from prefect_cloudtrail.card import notice_lines, summary_lines, tuning_lines
    from prefect_cloudtrail.rows import summary_row

    summary = summary_row(outcome.summary.row(), tuned)
    if as_json:
        _print_rows(outcome.incidents)
        click.echo(json.dumps(summary))
        return
    quiet = {"suppressed", "expected"}
    told = [incident for incident in outcome.incidents if incident.risk >= tell_from and incident.status not in quiet]
    _print_cards(told)
    _print_table([incident for incident in outcome.incidents if incident not in told])
    for line in [*notice_lines(summary), *(tuning_lines(tuned) if tuned else []), *summary_lines(summary)]:
        click.echo(line)


def _note_shown(settings: Settings, done: Outcome) -> None:
    """Record that its notices were shown; after they were: a crash between shows them again rather than never."""
    from prefect_cloudtrail import clients

    if done.summary.notices:
        with clients.case_store(settings) as store:
            store.notices.change([each["notice_id"] for each in done.summary.notices], shown_at=datetime.now(UTC))


def _print_rows(found: list[Incident], context: str | None = None, course: Course | None = None) -> None:
    from prefect_cloudtrail.rows import incident_row

    for incident in found:
        click.echo(json.dumps(incident_row(incident, context, course)))


def _print_cards(found: list[Incident]) -> None:
    from prefect_cloudtrail.card import terminal

    for incident in found:
        click.echo(f"{terminal(incident)}\n")


def _print_course(course: Course) -> None:
    from prefect_cloudtrail import card

    if course.asked:
        click.echo(f"{card.course(course)}\n")


def _print_context(gathered: str | None) -> None:
    from prefect_cloudtrail import context
    from prefect_cloudtrail.context import shown

    click.echo(shown.terminal(context.read(gathered)) if gathered else "No context was gathered of it yet.")


def _print_table(found: list[Incident]) -> None:
    from prefect_cloudtrail.card import clock, principal_name, where

    for incident in found:
        name, place = principal_name(incident.principal), where(incident)
        status = "" if incident.status == "open" else f", {incident.status}"
        row = f"{incident.risk:5.1%} {incident.incident_id} {clock(incident.opened_at)} {name}, from {place}{status}"
        click.echo(row)


class _Progress:
    """A bar on a terminal, once the work has taken two seconds."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar: Any = None
        self._update: Callable[[int, int], None] | None = None

    def __enter__(self) -> Self:
        return self

    def show(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._bar is None and sys.stderr.isatty() and time.monotonic() - self._began > PROGRESS_AFTER_SECONDS:
            from rich.console import Console
            from rich.progress import Progress

            bar = self._bar = Progress(console=Console(stderr=True), transient=True)
            task = bar.add_task("reading log objects", total=total)
            self._update = lambda done, total: bar.update(task, completed=done, total=total)
            bar.start()
        if self._update:
            self._update(done, total)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


for _command in (
    *(cli_feedback.verdict, cli_feedback.suppress, cli_feedback.calendar),
    *(cli_response.respond, cli_response.responder, cli_response.undo),
    *(cli_keeping.backup, cli_keeping.restore),
    *(cli_deciding.decide, cli_deciding.steps, cli_deciding.breaker, cli_deciding.keys),
):
    main.add_command(_command)
