"""The main job on a generated organisation: learn its month, watch its last day, tell of the thief, disable the key.

Not deployed. Prefect runs in a process of its own, with a home and a server of its own that are gone afterwards:
neither the user's profile nor their server is touched, and this module needs no Prefect before that. AWS is played by
moto on a port of this machine, and the demo plays both people who approve.
"""

import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from prefect_cloudtrail.card import principal_name
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.demo import DEMO, Generated, Organisation, Theft, generate
from prefect_cloudtrail.demo.cloud import CREDENTIALS, READER_ROLE, RESPONDER_ROLE, cloud, key_status
from prefect_cloudtrail.demo.people import Host, contain, undo
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.store import Store

if TYPE_CHECKING:
    from prefect_cloudtrail.demo.slack import LocalSlack

# What the process of its own runs: the two flows that a worker runs, too.
WATCH = """
import signal, sys
from prefect_cloudtrail.flows.backfill import backfill
from prefect_cloudtrail.flows.detect import detect

# Asked to end, it ends as a program does: its server is stopped at exit.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
last_day, end = sys.argv[1:]
backfill(until=last_day)
detect(until=end)
"""
# A machine that is busy with other things starts a server in more than the 20 seconds that Prefect gives it.
SERVER_SECONDS = 120
ENCODING = "utf-8"
# What a server that lives for two flow runs can do without: services that write to its SQLite file beside the runs,
# where two writers now and then wait for each other until a lock times out, a minute later; and calling home.
QUIET_SERVER = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
}


def run_demo(
    folder: Path,
    say: Callable[[str], None],
    *,
    show: bool = True,
    agrees: Callable[[str], bool] = lambda _: True,
    progress: Callable[[float], None] | None = None,
    organisation: Organisation = DEMO,
    slack: "LocalSlack | None" = None,
    over: Callable[[], bool] | None = None,
) -> Incident:
    """Return the thief's incident: found by the detect flow, told by respond, its key disabled, and given back.

    Args:
        folder: an empty folder, or none yet; keeps the trail and the state, to be looked at afterwards.
        say: told how far it is, a line at a time.
        show: whether what the flows show on their terminal, the incident's card, is shown on this one.
        agrees: asked before the key is disabled, and before that is undone; a no ends the demo there.
        progress: told the share of the trail that is generated, 0 to 1.
        organisation: whose trail; an IAM user's key is stolen on its last day.
        slack: where it is told and decided; on the terminal where there is none.
        over: whether somebody who decides in the browser has done so; asked until it is, or Ctrl-C. Without it the
            demo taps itself.

    Raises:
        CloudTrailResponseError: `folder` holds a demo already, moto is not installed, or a flow failed.
    """
    state = folder / "state"
    if state.exists():
        raise CloudTrailResponseError(f"cannot run the demo in {folder}: it holds one already; name another folder")
    generated = generate(organisation, folder / "trail", progress)
    last_day = generated.end - timedelta(days=1)
    say(f"{generated.events:,} CloudTrail records of {organisation.days} days, in {generated.objects:,} objects.")
    say(
        f"Learning what is usual until {last_day:%Y-%m-%d}, then watching the last day, on a Prefect server of its own."
    )
    theft = generated.thefts[-1]
    with cloud(theft) as endpoint, tempfile.TemporaryDirectory() as home:
        environment = _environment(generated, state, Path(home), endpoint)
        host = Host(folder / "responder", environment)
        if slack is not None:
            environment |= tapping().settings_of(slack)
            host = Host(folder / "responder", environment, tapping().rules(theft.principal, RESPONDER_ROLE))
        host.prepare()
        _watch(generated, environment | host.named(), folder / "prefect.log", show=show)
        with Store.read_only(state) as store:
            incidents = store.incidents()
        if not incidents:
            log = folder / "prefect.log"
            raise CloudTrailResponseError(f"the demo found no incident; what Prefect said is in {log}")
        incident = max(incidents, key=lambda each: each.risk)
        if slack is None:
            _respond(state, incident, host, theft, endpoint, say, agrees)
        else:
            _respond_in_slack(slack, host, theft, endpoint, folder / "responder.log", say, over)
    return incident


def tapping() -> ModuleType:
    """Return the people who tap; imported late, as the local Slack is an extra."""
    return importlib.import_module("prefect_cloudtrail.demo.tapping")


def _respond_in_slack(
    slack: "LocalSlack",
    host: Host,
    theft: Theft,
    endpoint: str,
    log: Path,
    say: Callable[[str], None],
    over: Callable[[], bool] | None,
) -> None:
    """Have the stolen key disabled and given back by taps in Slack: the demo's own, or somebody's in the browser."""
    key, people = f"access key {theft.access_key}", tapping()
    with people.responding({**host.environment, **host.named()}, slack, log):
        phones = people.Phones(slack)
        if over is not None:
            say(f"Open {slack.url}/ in a browser: you are Maya, and on call. Ctrl-C ends the demo.")
            _say_changes(key, theft, endpoint, say, over)
            return
        phones.card()
        say("Told in Slack. Maya is on call; the owner of the key is known, so one person may decide.")
        say(f"Maya taps Disable key, and Disable now: {phones.disable()}")
        people.until(lambda: key_status(theft, endpoint) == "Inactive", "the key Inactive")
        say(f"Read back: {key} is {key_status(theft, endpoint)}.")
        first, second = phones.undo()
        say(f"Maya taps Undo: {first}")
        say(f"Jonas taps Undo: {second}")
        people.until(lambda: key_status(theft, endpoint) == "Active", "the key Active again")
        say(f"Read back: {key} is {key_status(theft, endpoint)}.")


def _say_changes(key: str, theft: Theft, endpoint: str, say: Callable[[str], None], over: Callable[[], bool]) -> None:
    """Say whenever the key is switched, until it is over."""
    status = ""
    with contextlib.suppress(KeyboardInterrupt):
        while not over():
            now = key_status(theft, endpoint)
            if now != status:
                say(f"AWS: {key} is {now}.")
                status = now
            time.sleep(0.5)


def _respond(
    state: Path,
    incident: Incident,
    host: Host,
    theft: Theft,
    endpoint: str,
    say: Callable[[str], None],
    agrees: Callable[[str], bool],
) -> None:
    """Disable the stolen key, read it back, and give it back."""
    key = f"access key {theft.access_key}"
    say("Two people must approve, as nobody is known to be concerned; the demo plays both.")
    if not agrees(f"Deny {principal_name(incident.principal)} everything, and set its {key} Inactive?"):
        say("Nothing was done. What was asked stays open until somebody answers, or it expires.")
        return
    contain(state, incident, host, say)
    say(f"Read back: {key} is {key_status(theft, endpoint)}.")
    if agrees("Undo it?"):
        undo(state, incident, host, say)
        say(f"Read back: {key} is {key_status(theft, endpoint)}.")


def _watch(generated: Generated, environment: Mapping[str, str], log: Path, *, show: bool) -> None:
    """Run the flows, passing on what they show as it comes."""
    moments = [(generated.end - timedelta(days=1)).isoformat(), generated.end.isoformat()]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", WATCH, *moments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding=ENCODING,
        ) as flows,
    ):
        encoding = sys.stdout.encoding or ENCODING
        try:
            for line in flows.stdout or ():
                if show:
                    sys.stdout.write(line.encode(encoding, "replace").decode(encoding))
                    sys.stdout.flush()
        except BaseException:
            # Not killed: its server would stay.
            flows.terminate()
            raise
    if flows.returncode:
        lines = log.read_text(encoding="utf-8").strip().splitlines() or ["it said nothing"]
        raise CloudTrailResponseError(f"the demo's flows failed: {lines[-1]}; all of it is in {log}")


def _environment(generated: Generated, state: Path, home: Path, endpoint: str) -> dict[str, str]:
    """The environment without the user's Prefect, AWS and settings of ours, but for how loud Prefect is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "AWS_"))}
    return {
        **kept,
        "PREFECT_HOME": str(home),
        "PREFECT_LOGGING_LEVEL": os.environ.get("PREFECT_LOGGING_LEVEL", "ERROR"),
        **QUIET_SERVER,
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(SERVER_SECONDS),
        "PREFECT_CLOUDTRAIL_SOURCE": str(generated.root.absolute()),
        "PREFECT_CLOUDTRAIL_CITY_DB": str(generated.city_db.absolute()),
        "PREFECT_CLOUDTRAIL_ASN_DB": str(generated.asn_db.absolute()),
        "PREFECT_CLOUDTRAIL_STATE": str(state.absolute()),
        "PREFECT_CLOUDTRAIL_ENDPOINT_URL": endpoint,
        "PREFECT_CLOUDTRAIL_READER_ROLE": READER_ROLE,
        **CREDENTIALS,
        "PYTHONIOENCODING": ENCODING,
        "PYTHONUNBUFFERED": "1",
    }
