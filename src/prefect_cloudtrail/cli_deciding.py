"""The commands of the responder's own host: decide, steps, breaker, keys. Imports are inside, as in cli.py."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from prefect_cloudtrail.cli_options import state_options

if TYPE_CHECKING:
    from prefect_cloudtrail.response.decision import Request
    from prefect_cloudtrail.response.receipt import TrackedStep
    from prefect_cloudtrail.response.rules import Rules
    from prefect_cloudtrail.response.signing import Keys
    from prefect_cloudtrail.settings import Settings
    from prefect_cloudtrail.store import Store

# What an answer is that recorded something; any other is a no.
RECORDED = {"approved", "waiting", "left_on", "expected"}


@click.command()
@state_options
@click.argument("request_or_incident")
@click.argument("choice", type=click.Choice(["approve", "leave", "expected"]))
@click.option("--playbook", metavar="NAME", help="Which one, where an incident has several open requests.")
@click.option("--why", metavar="TEXT", default="", help="The reason; expected needs one.")
@click.option("--yes", is_flag=True, help="Do not ask once more.")
def decide(
    as_json: bool,
    request_or_incident: str,
    choice: str,
    playbook: str | None,
    why: str,
    yes: bool,
    **given: str | None,
) -> None:
    r"""Answer a request, as the system user and on the responder's host alone: it takes the key that signs.

    \b
    Example:
      prefect-cloudtrail decide inc_48f73d4619a4405094aa approve --why "not her, called her" --state ./state
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.errors import RefusedError
    from prefect_cloudtrail.response import deciding
    from prefect_cloudtrail.response.decision import Choice

    chosen, rules, keys = _own(given)
    with clients.case_store(chosen) as store:
        asked = _shown(store, request_or_incident, playbook, rules)
        if not yes and not as_json and sys.stdin.isatty():
            click.echo("\n".join(_lines(asked)))
            click.confirm(f"{choice}, as {_user()}?", abort=True)
        answer = deciding.decide(
            store,
            asked.request_id,
            asked.plan.digest,
            Choice(choice),
            clients.system_member(),
            "terminal",
            why,
            rules=rules,
            keys=keys,
            now=datetime.now(UTC),
        )
    if as_json:
        _print_row("decision", request_id=asked.request_id, **vars(answer))
    elif answer.outcome in RECORDED:
        click.echo(answer.said)
    if answer.outcome not in RECORDED:
        raise RefusedError(answer.said)


@click.command()
@state_options
@click.argument("incident_id")
@click.option("--done", metavar="NAME", help="This step is done.")
@click.option("--why", metavar="TEXT", default="", help="What was done; --done needs it.")
def steps(as_json: bool, incident_id: str, done: str | None, why: str, **given: str | None) -> None:
    r"""List what only people can do about an incident, or say that a step is done.

    \b
    Example:
      prefect-cloudtrail steps inc_48f73d4619a4405094aa --done end_portal_session --why "ended"
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.errors import ResponseError

    if done and not why.strip():
        raise click.UsageError("--done needs --why: what was done")
    chosen = _settings(given)
    with clients.case_store(chosen) if done else clients.existing_store(chosen) as store:
        found = store.responses.manual_steps(incident_id)
        if done:
            undone = [step for step in found if step.name == done and step.done_at is None]
            if not undone:
                raise ResponseError(f"no open step {done} in {incident_id}: `prefect-cloudtrail steps` lists them")
            now = datetime.now(UTC)
            found = [
                store.responses.finish_manual_step(step.decision_id, step.name, _user(), why, now) for step in undone
            ]
    for step in found:
        if as_json:
            _print_row("step", **vars(step))
        else:
            click.echo(_step_line(step))


@click.command()
@state_options
@click.argument("change", type=click.Choice(["trip", "reset"]), required=False)
@click.option("--why", metavar="TEXT", default="", help="The reason; trip and reset need one.")
def breaker(as_json: bool, change: str | None, why: str, **given: str | None) -> None:
    r"""Show, trip or reset the breaker: tripped, it stops every decision and containment. Only an approver resets it.

    \b
    Example:
      prefect-cloudtrail breaker
      prefect-cloudtrail breaker trip --why "somebody else's hands" --state ./state
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.errors import RefusedError
    from prefect_cloudtrail.text import plain

    if change and not why.strip():
        raise click.UsageError(f"{change} needs --why: whoever comes next will ask")
    if change:
        chosen, rules, _ = _own(given)
        if change == "reset" and _user() not in rules.approvers:
            raise RefusedError(f"{_user()} is not among those who may decide, so may not reset the breaker")
        with clients.case_store(chosen) as store:
            state = store.responses.set_breaker(change == "trip", _user(), why, datetime.now(UTC))
    else:
        with clients.existing_store(_settings(given)) as store:
            state = store.responses.breaker()
    if as_json:
        _print_row("breaker", **vars(state))
    elif state.at is None:
        click.echo("not tripped; it never was")
    else:
        how = "tripped" if state.tripped else "reset"
        click.echo(f"{how} at {_clock(state.at)} by {plain(state.by)}: {plain(state.why)}")


@click.command()
@click.argument("change", type=click.Choice(["show", "make", "rotate"]), default="show")
@click.option("--json", "as_json", is_flag=True, help="Print rows for machines on standard output.")
def keys(as_json: bool, change: str) -> None:
    r"""Show, make or rotate the keys that sign decisions, in the folder PREFECT_CLOUDTRAIL_SIGNING_KEYS.

    \b
    Example:
      prefect-cloudtrail keys make
      prefect-cloudtrail keys rotate
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.response.signing import Keys

    folder = clients.folder_of_keys(_settings({}))
    opened = Keys.make(folder) if change == "make" else Keys.open(folder)
    listed = opened.rotate() if change == "rotate" else opened.listed()
    for each in listed:
        if as_json:
            _print_row("key", **vars(each))
        else:
            until = f"counts until {_clock(each.stops_at)}" if each.stops_at else "signs"
            click.echo(f"{each.key_id} {until}")


def _own(given: dict[str, str | None]) -> tuple[Settings, Rules, Keys]:
    """Return what only the responder's host has: its rules, and its keys where this user may read them."""
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.response.rules import read_rules

    chosen = _settings(given)
    return chosen, read_rules(chosen.rules), clients.signing_keys(chosen)


def _settings(given: dict[str, str | None]) -> Settings:
    from prefect_cloudtrail.settings import settings

    return settings(**given)


def _shown(store: Store, request_or_incident: str, playbook: str | None, rules: Rules) -> Request:
    """Return the request that is meant, delivered by being shown here."""
    from prefect_cloudtrail.errors import ResponseError

    responses, now = store.responses, datetime.now(UTC)
    asked = responses.request(request_or_incident)
    if asked is None:
        open_ones = [
            each
            for each in responses.requests(request_or_incident)
            if now < each.expires_at and responses.settlement(each.request_id) is None
        ]
        fitting = [each for each in open_ones if playbook in {None, each.plan.playbook}]
        if not fitting:
            raise ResponseError(f"no open request of {request_or_incident}{f' by {playbook}' if playbook else ''} here")
        if len(fitting) > 1:
            names = ", ".join(f"{each.plan.playbook} {each.request_id}" for each in fitting)
            raise ResponseError(f"{request_or_incident} has several open requests; give --playbook or an id: {names}")
        asked = fitting[0]
    if asked.delivered_at is None and now < asked.expires_at:
        return responses.delivered(asked.request_id, now, now + rules.expires_after)
    return asked


def _lines(asked: Request) -> list[str]:
    from prefect_cloudtrail.text import plain

    plan = asked.plan
    lines = [f"{plain(plan.playbook)} against {plain(plan.principal)}, until {_clock(asked.expires_at)}"]
    for title, sentences in (("does", plan.does), ("breaks", plan.breaks), ("survives", plan.survives)):
        lines += [f"  {title:<9} {plain(sentence, 1_000)}" for sentence in sentences]
    # The sentences are written for people; what is signed is this.
    lines += [f"  step      {plain(f'{step.action} on {step.target}', 500)}" for step in plan.steps]
    lines += [f"  by hand   {plain(f'{step.name}: {step.text}', 1_000)}" for step in plan.manual]
    return lines


def _step_line(step: TrackedStep) -> str:
    from prefect_cloudtrail.text import plain

    how = f"done {_clock(step.done_at)} by {plain(step.done_by or '')}" if step.done_at else "open"
    return f"{plain(step.name)}, {how}: {plain(step.text, 1_000)}"


def _print_row(kind: str, **fields: object) -> None:
    from prefect_cloudtrail.rows import moment

    row = {name: moment(value) if isinstance(value, datetime) else value for name, value in fields.items()}
    click.echo(json.dumps({"type": kind, **row}))


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _user() -> str:
    """Return who acts: the process's own user, whom no environment variable changes."""
    from prefect_cloudtrail import clients

    return clients.system_member().id
