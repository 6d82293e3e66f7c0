"""Prefect has an event for each incident to tell and each notice, once, by which automations of one's own can act."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from prefect_server import PrefectServer, wait_until
from stolen_key import Trail

from prefect_cloudtrail.store import Store

EMITTING = Path(__file__).with_name("emitting.py")


def test_a_notice_and_an_incident_are_one_event_each_however_often_they_are_emitted(
    production: PrefectServer, trail: Trail, state: Path
) -> None:
    with Store.open(state) as store:
        trail.run(store)
        [(incident_id, _)] = store.to_tell()
        [notice] = store.notices.to_emit()
    given = {name: str(value) for name, value in trail.given(state).items()}
    words = [sys.executable, str(EMITTING), json.dumps(given)]
    said = subprocess.run(words, env=production.environment, check=True, stdout=subprocess.PIPE)
    assert json.loads(said.stdout.splitlines()[-1]) == [[notice.sentence], [notice.sentence], []]

    def emitted() -> list[dict[str, Any]]:
        named = {"name": ["cloudtrail.logging.stopped", "cloudtrail.incident.opened"]}
        found: list[dict[str, Any]] = production.post("events/filter", filter={"event": named})["events"]
        return found if len({each["event"] for each in found}) > 1 else []

    events = {each["event"]: each for each in wait_until(emitted, "both events")}
    assert len(emitted()) == 2
    opened, stopped = events["cloudtrail.incident.opened"], events["cloudtrail.logging.stopped"]
    assert opened["resource"]["prefect.resource.id"] == f"prefect-cloudtrail.incident.{incident_id}"
    assert opened["payload"] == {"incident_id": incident_id, "revision": 1}
    assert stopped["resource"]["prefect.resource.id"] == "prefect-cloudtrail.trail.111122223333.unknown"
    assert stopped["payload"] == notice.row()
