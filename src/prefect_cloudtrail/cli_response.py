"""The commands of the response: respond, responder, undo. Imports are inside, as in cli.py."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime

import click

from prefect_cloudtrail.cli_options import state_options

LOOKS_EVERY_SECONDS = 1.0


@click.command()
@state_options
@click.argument("incident_id")
@click.option("--playbook", metavar="NAME", help="Run this one alone.")
def respond(as_json: bool, incident_id: str, playbook: str | None, **given: str | None) -> None:
    r"""Run the playbooks of an incident again, on the Prefect server that PREFECT_API_URL names, or one of its own.

    \b
    Example:
      prefect-cloudtrail respond inc_48f73d4619a4405094aa --state ./state
    """
    from prefect_cloudtrail.flows.respond import respond as flow

    ran = flow(
        incident_id, state=given["state"], database=given["database"], playbook=playbook, return_state=True
    ).result()
    click.echo(json.dumps({"type": "respond", "incident_id": incident_id, "playbooks": ran}) if as_json else ran)


@click.command()
@state_options
@click.option("--listen", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="For /healthz and /metrics.")
@click.option("--port", type=int, default=8787, show_default=True, help="For /healthz and /metrics; 0 is any.")
@click.option("--slack-port", type=int, help="Take Slack's requests over HTTP at this port, in place of Socket Mode.")
@click.option("--once", is_flag=True, help="Look for work once, do it here, and end.")
def responder(as_json: bool, listen: str, port: int, slack_port: int | None, once: bool, **given: str | None) -> None:
    r"""Listen to Slack, carry out what was approved, watch what was applied, and answer /healthz, until it is stopped.

    Serves the flows contain, undo and watch where PREFECT_API_URL names a server, and has what it does shown there; it
    waits for no server.

    \b
    Example:
      prefect-cloudtrail responder --database postgresql://responder@db/cases
    """
    import os
    import signal
    from contextlib import ExitStack

    from prefect_cloudtrail import clients
    from prefect_cloudtrail.response.health import served
    from prefect_cloudtrail.response.repeating import repeated
    from prefect_cloudtrail.response.responder import Responder
    from prefect_cloudtrail.settings import PREFIX, settings

    def say(line: str) -> None:
        click.echo(json.dumps({"type": "responder", "said": line}) if as_json else line)
        sys.stdout.flush()

    # Asked to end, it ends as a program does: what it serves beside it ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    chosen = settings(**given)
    with clients.plane(chosen) as plane:
        teller = clients.teller(chosen, plane.store)
        if once:
            for line in [*Responder(plane).look(), *(teller.look() if teller else [])]:
                say(line)
            return
        with ExitStack() as serving:
            start = None
            if os.environ.get("PREFECT_API_URL"):
                from prefect_cloudtrail.flows.responder import flows_served, start_run

                # What is given here, its runs must find too; and a server that is asked to stop stops them.
                os.environ.update({PREFIX + name.upper(): value for name, value in given.items() if value})
                serving.enter_context(flows_served())
                start = start_run
            work = Responder(plane, start)
            at = serving.enter_context(served(plane.store, lambda: datetime.now(UTC), listen, port))
            say(f"responder: /healthz on {listen}:{at}; {'dry run' if plane.rules().dry_run else 'armed'}")
            if teller is not None:
                serving.enter_context(repeated("tells Slack", teller.look, say, LOOKS_EVERY_SECONDS))
                said = serving.enter_context(clients.listening(chosen, plane, listen, slack_port))
                say(f"responder: {said}")
            serving.enter_context(repeated("keeps watch", work.keep_watch, say, LOOKS_EVERY_SECONDS))
            while True:
                for line in work.carry_out():
                    say(line)
                time.sleep(LOOKS_EVERY_SECONDS)


@click.command()
@state_options
@click.argument("receipt_ids", metavar="RECEIPT...", nargs=-1, required=True)
@click.option("--why", metavar="TEXT", required=True, help="The reason, for whoever reads it later.")
def undo(as_json: bool, receipt_ids: tuple[str, ...], why: str, **given: str | None) -> None:
    r"""Ask to give back what receipts of one incident changed, and approve it as this system's user, who counts as one.

    Within 24 hours of its containment a second person must approve, too: the answer says how.

    \b
    Example:
      prefect-cloudtrail undo rcp_48f73d4619a4405094aa --why "it was the contractor"
    """
    from prefect_cloudtrail import clients
    from prefect_cloudtrail.response.deciding import decide
    from prefect_cloudtrail.response.decision import Choice
    from prefect_cloudtrail.response.requesting import ask_to_undo
    from prefect_cloudtrail.settings import settings

    now = datetime.now(UTC)
    with clients.plane(settings(**given)) as plane:
        rules = plane.rules()
        request = ask_to_undo(plane.store, receipt_ids, rules, now)
        answer = decide(
            plane.store,
            request.request_id,
            request.plan.digest,
            Choice.APPROVE,
            clients.system_member(),
            "terminal",
            why,
            rules=rules,
            keys=plane.keys,
            now=now,
        )
    row = {"type": "undo", "request_id": request.request_id, "outcome": answer.outcome, "said": answer.said}
    click.echo(json.dumps(row) if as_json else f"{request.request_id}: {answer.said}")
    if answer.outcome not in {"approved", "waiting"}:
        click.get_current_context().exit(1)
