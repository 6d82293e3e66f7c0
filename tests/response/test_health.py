import json
import socket
import urllib.error
import urllib.request

import pytest
from responding import Site

from prefect_cloudtrail.errors import ResponseError
from prefect_cloudtrail.response.health import served
from prefect_cloudtrail.response.responder import Responder


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


def test_metrics_are_in_the_format_of_prometheus(site: Site) -> None:
    Responder(site.plane).look()
    with served(site.store, site.clock, "127.0.0.1", 0) as port:
        text = (
            "prefect_cloudtrail_responder_up 1\n"
            "prefect_cloudtrail_responder_to_carry_out 0\n"
            "prefect_cloudtrail_responder_watched 0\n"
            "prefect_cloudtrail_responder_breaker_tripped 0\n"
        )
        assert ask(port, "/metrics") == (200, text)
        assert ask(port, "/")[0] == 404


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
