import json
import re
import socket
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from responding import Site

from prefect_cloudtrail.errors import ResponseError
from prefect_cloudtrail.notices import Notice, NoticeKind
from prefect_cloudtrail.response.health import served
from prefect_cloudtrail.response.responder import Responder
from prefect_cloudtrail.silence import TRAIL
from prefect_cloudtrail.slack.message import LISTENER


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_it_is_well_while_it_looks_for_work_within_a_minute(site: Site) -> None:
    with served(site.store, site.clock, "127.0.0.1", 0) as port:
        status, body = ask(port, "/healthz")
        assert (status, json.loads(body)["said"]) == (503, "has not looked for work since it was started")
        site.approve()
        Responder(site.plane).look()
        status, body = ask(port, "/healthz")
        assert (status, json.loads(body)) == (
            200,
            {"ok": True, "said": "ok", "to_carry_out": 0, "watched": 1, "breaker_tripped": 0},
        )
        site.clock.move(seconds=61)
        assert ask(port, "/healthz")[0] == 503


def numbers(port: int) -> dict[str, float]:
    status, text = ask(port, "/metrics")
    assert status == 200
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if not line.startswith("#")}


def test_metrics_are_in_the_format_of_prometheus(site: Site) -> None:
    Responder(site.plane).look()
    with served(site.store, site.clock, "127.0.0.1", 0) as port:
        _, text = ask(port, "/metrics")
        assert text.startswith(
            "# HELP prefect_cloudtrail_responder_up Whether the responder looked for work within a minute.\n"
            "# TYPE prefect_cloudtrail_responder_up gauge\n"
            "prefect_cloudtrail_responder_up 1\n"
        )
        for line in text.splitlines():
            assert re.fullmatch(r"# (HELP|TYPE) [a-z_]+ .+|[a-z_]+ [0-9.e+-]+", line)
        assert ask(port, "/")[0] == 404


def test_metrics_say_what_waits_what_is_silent_and_how_old_it_is(site: Site) -> None:
    store, now = site.store, site.clock()
    Responder(site.plane).look()
    with served(store, site.clock, "127.0.0.1", 0) as port:
        before = numbers(port)
        assert "prefect_cloudtrail_listener_heartbeat_age_seconds" not in before
        incident = site.robbery.incident
        store.outbox_write(incident.incident_id, incident.revision, "terminal", "a card", now)
        store.slack.write(incident.incident_id, "card", "C0SECURITY1", "{}", now - timedelta(seconds=5))
        store.responses.beat(LISTENER, now)
        kinds = [(NoticeKind.SILENCE, TRAIL), (NoticeKind.SILENCE, "111122223333"), (NoticeKind.STOPPED, "org")]
        notices = [Notice(f"{n}", kind, subject, "Said.", now, now) for n, (kind, subject) in enumerate(kinds)]
        with store.lease("detect", "test", 2, now) as lease:
            store.end_run(notices, now, lease)
        site.clock.move(seconds=10)
        after = {name.removeprefix("prefect_cloudtrail_"): value for name, value in numbers(port).items()}
    assert after["outbox_waiting"] == before["prefect_cloudtrail_outbox_waiting"] + 2
    after = {name: value for name, value in after.items() if "checkpoint" not in name and "outbox_w" not in name}
    assert after == {
        "responder_up": 1,
        "responder_to_carry_out": 0,
        "responder_watched": 0,
        "responder_breaker_tripped": 0,
        "incidents_to_tell": before["prefect_cloudtrail_incidents_to_tell"],
        "silent_accounts": 1,
        "trail_silent": 1,
        "trails_stopped": 1,
        "outbox_oldest_age_seconds": 15,
        "detect_last_end_age_seconds": 10,
        "listener_heartbeat_age_seconds": 10,
    }


def test_each_metric_has_a_row_in_the_docs(site: Site) -> None:
    site.store.responses.beat(LISTENER, site.clock())
    with site.store.lease("detect", "test", 2, site.clock()) as lease:
        site.store.end_run([], site.clock(), lease)
    page = (Path(__file__).parents[2] / "docs" / "responder.md").read_text(encoding="utf-8")
    incident = site.robbery.incident
    site.store.outbox_write(incident.incident_id, incident.revision, "terminal", "a card", site.clock())
    with served(site.store, site.clock, "127.0.0.1", 0) as port:
        assert set(re.findall(r"^\| `(prefect_cloudtrail_\w+)` \|", page, re.MULTILINE)) == set(numbers(port))


def test_a_port_that_is_taken_is_said(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ResponseError, match=f"cannot listen on 127.0.0.1:{port}: .*; give another --port"),
            served(site.store, site.clock, "127.0.0.1", port),
        ):
            pass
