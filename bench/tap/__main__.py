"""The command: `python -m bench.tap`. The responder, the local Slack and moto's AWS, all on this machine."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import click

from bench.drills.flow import real_server
from bench.drills.robbery import Robbery, an_incident, aws, robbed
from bench.quality.tables import machine
from prefect_cloudtrail.demo.slack import LocalSlack, local_slack
from prefect_cloudtrail.demo.slack.team import MAYA
from prefect_cloudtrail.demo.tapping import APPROVE, Phones, settings_of, until

RESPONDER = "from prefect_cloudtrail.cli import main; main(['responder', '--port', '0'])"
RULES = f'dry_run = false\napprovers = ["slack:{MAYA.user_id}"]\ncontainments_an_hour = 1000\n[owners]\n'


def another(robbery: Robbery) -> Robbery:
    """Return one more user with a stolen key, and an incident about it in the same case store; its owner is known."""
    user_name = f"deploy-{uuid4().hex[:8]}"
    robbery.iam.create_user(UserName=user_name)
    key = robbery.iam.create_access_key(UserName=user_name)["AccessKey"]["AccessKeyId"]
    found = replace(robbery, user_name=user_name, access_key_id=key, incident=an_incident(user_name, key))
    with (robbery.folder / "rules.toml").open("a") as rules:
        rules.write(f'"{found.incident.principal}" = "slack:U0OWNER"\n')
    with found.open() as store:
        found.commit(store, user_name, incidents=[found.incident])
        now = datetime.now(UTC)
        store.responses.ask(found.plan, now, now + timedelta(hours=4))
        store.slack.look_at(found.incident.incident_id, now)
    return found


def seconds(robbery: Robbery, slack: LocalSlack) -> dict[str, float]:
    """Return how long it took to the card, from the click to its dialog, and from there to the end."""
    began = time.perf_counter()
    phones, found = Phones(slack), another(robbery)
    card = until(lambda: phones.offering(APPROVE, found.incident.incident_id), "its card")
    told = time.perf_counter()
    phones.open(MAYA.user_id, str(card["ts"]), APPROVE)
    opened = time.perf_counter()
    slack.people.fill_and_submit(MAYA.user_id, {})
    until(lambda: found.key_status() == "Inactive", "the key Inactive", every=0.02)
    ended = time.perf_counter()
    until(lambda: phones.says(card, "applied, watching"), "a card that says so", every=0.02)
    slack.people.close(MAYA.user_id)
    return {
        "to the card": told - began,
        "click to dialog": opened - told,
        "submit to Inactive": ended - opened,
        "Inactive to the card saying so": time.perf_counter() - ended,
    }


@contextmanager
def responder(robbery: Robbery, slack: LocalSlack, server: str | None) -> Iterator[None]:
    """Run the command as a service manager does."""
    given = robbery.environment | settings_of(slack) | {"PREFECT_CLOUDTRAIL_SLACK_APP_TOKEN": slack.app_token}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = kept | given | ({"PREFECT_API_URL": server} if server else {})
    log = (robbery.folder / "responder.log").open("wb")
    with log, subprocess.Popen([sys.executable, "-c", RESPONDER], env=environment, stdout=log, stderr=log) as process:
        try:
            until(slack.connections, "a responder that listens")
            yield
        finally:
            process.terminate()


@click.command()
@click.option("--runs", default=20, show_default=True, help="How many keys are disabled, one after the other.")
@click.option("--prefect", is_flag=True, help="With a Prefect server beside it, to which each is told.")
@click.option("--json", "as_json", is_flag=True, help="Print a row for machines.")
def main(runs: int, prefect: bool, as_json: bool) -> None:
    """Tap, again and again, and print how long each part took."""
    with (
        tempfile.TemporaryDirectory() as home,
        aws() as endpoint,
        local_slack() as slack,
        tempfile.TemporaryDirectory() as prefect_home,
        real_server(Path(prefect_home)) if prefect else nullcontext() as server,
    ):
        robbery = robbed(Path(home), endpoint, rules=RULES)
        with responder(robbery, slack, server):
            measured = [seconds(robbery, slack) for _ in range(runs)]
    rows = {name: sorted(each[name] for each in measured) for name in measured[0]}
    if as_json:
        print(json.dumps({"runs": runs, "machine": machine(), **rows}))
        return
    print(f"{runs} runs, seconds: median, slowest   ({machine()})")
    for name, taken in rows.items():
        print(f"{name:<32}{statistics.median(taken):6.2f}{taken[-1]:8.2f}")


if __name__ == "__main__":
    main()
