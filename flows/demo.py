"""The main job on a generated organisation: learn its month, watch its last day, and tell of the thief. Not deployed.

Prefect runs in a process of its own, with a home and a server of its own that are gone afterwards: neither the user's
profile nor their server is touched, and this module needs no Prefect before that.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.demo import DEMO, Generated, Organisation, generate
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.store import Store

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
    progress: Callable[[float], None] | None = None,
    organisation: Organisation = DEMO,
) -> Incident:
    """Return the thief's incident, found by the detect flow and told by the respond flow it started.

    Args:
        folder: an empty folder, or none yet; keeps the trail and the state, to be looked at afterwards.
        say: told how far it is, a line at a time.
        show: whether what the flows show on their terminal, the incident's card, is shown on this one.
        progress: told the share of the trail that is generated, 0 to 1.
        organisation: whose trail; with a theft on its last day.

    Raises:
        CloudTrailResponseError: `folder` holds a demo already, or a flow failed.
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
    with tempfile.TemporaryDirectory() as home:
        _watch(generated, state, Path(home), folder / "prefect.log", show=show)
    with Store.read_only(state) as store:
        incidents = store.incidents()
    if not incidents:
        raise CloudTrailResponseError(f"the demo found no incident; what Prefect said is in {folder / 'prefect.log'}")
    return max(incidents, key=lambda incident: incident.risk)


def _watch(generated: Generated, state: Path, home: Path, log: Path, *, show: bool) -> None:
    """Run the flows, passing on what they show as it comes."""
    moments = [(generated.end - timedelta(days=1)).isoformat(), generated.end.isoformat()]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-c", WATCH, *moments],
            env=_environment(generated, state, home),
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


def _environment(generated: Generated, state: Path, home: Path) -> dict[str, str]:
    """The environment without the user's Prefect and settings of ours, but for how loud Prefect is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {
        **kept,
        "PREFECT_HOME": str(home),
        "PREFECT_LOGGING_LEVEL": os.environ.get("PREFECT_LOGGING_LEVEL", "WARNING"),
        **QUIET_SERVER,
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(SERVER_SECONDS),
        "PREFECT_CLOUDTRAIL_SOURCE": str(generated.root.absolute()),
        "PREFECT_CLOUDTRAIL_CITY_DB": str(generated.city_db.absolute()),
        "PREFECT_CLOUDTRAIL_ASN_DB": str(generated.asn_db.absolute()),
        "PREFECT_CLOUDTRAIL_STATE": str(state.absolute()),
        "PYTHONIOENCODING": ENCODING,
        "PYTHONUNBUFFERED": "1",
    }
