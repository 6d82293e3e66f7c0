import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from responding import Site

from prefect_cloudtrail.response.responder import HEARTBEAT, PREFECT_HAS, Responder


@dataclass
class Prefect:
    """Takes note of what it is asked to start; does it, or not."""

    started: list[tuple[str, str, str]] = field(default_factory=list)
    down: bool = False

    def start(self, flow: str, parameters: Mapping[str, Any], key: str) -> None:
        if self.down:
            raise ConnectionError("no server")
        self.started.append((flow, parameters["decision_id"], key))


def test_without_prefect_the_responder_carries_out_what_was_approved_at_its_next_look(site: Site) -> None:
    decision_id = site.approve()
    said = Responder(site.plane).look()
    assert site.robbery.key_status() == "Inactive"
    assert [line.partition(":")[0] for line in said] == [f"contain {decision_id}"]
    assert Responder(site.plane).look() == []
    assert site.store.responses.last_beat(HEARTBEAT) == site.clock()


def test_what_was_approved_is_carried_out_at_once_and_prefect_is_told_of_it_once(site: Site) -> None:
    decision_id, prefect = site.approve(), Prefect()
    responder = Responder(site.plane, prefect.start)
    assert len(responder.look()) == 1
    assert site.robbery.key_status() == "Inactive"
    assert prefect.started == [("contain", decision_id, f"contain {decision_id}")]
    assert responder.look() == []
    assert Responder(site.plane, prefect.start).look() == []  # started anew, it knows
    assert len(prefect.started) == 1


def test_carrying_out_asks_prefect_nothing(site: Site) -> None:
    site.approve()

    def hangs(flow: str, parameters: Mapping[str, Any], key: str) -> None:
        raise AssertionError(flow, parameters, key)

    assert len(Responder(site.plane, hangs).carry_out()) == 1
    assert site.robbery.key_status() == "Inactive"


def test_a_prefect_that_is_down_is_told_when_it_is_back(site: Site) -> None:
    decision_id, prefect = site.approve(), Prefect(down=True)
    responder = Responder(site.plane, prefect.start)
    assert len(responder.look()) == 1
    assert site.robbery.key_status() == "Inactive"
    prefect.down = False
    site.clock.now += PREFECT_HAS - timedelta(seconds=1)
    responder.look()
    assert prefect.started == []
    site.clock.move(seconds=1)
    responder.look()
    assert ("contain", decision_id, f"contain {decision_id}") in prefect.started


def test_what_was_carried_out_more_than_a_day_ago_is_not_news_to_prefect(site: Site) -> None:
    site.contain()
    site.clock.move(hours=25)
    prefect = Prefect()
    Responder(site.plane, prefect.start).look()
    assert [flow for flow, _, _ in prefect.started] == ["watch"]


def test_a_watch_that_prefect_has_not_taken_up_in_ten_seconds_is_looked_at_here(site: Site) -> None:
    site.contain()
    site.clock.move(seconds=10)
    prefect = Prefect()
    responder = Responder(site.plane, prefect.start)
    assert responder.keep_watch() == []
    site.clock.now += PREFECT_HAS - timedelta(seconds=1)
    assert responder.keep_watch() == []
    assert [flow for flow, _, _ in prefect.started].count("watch") == 1
    site.clock.move(seconds=1)
    (said,) = responder.keep_watch()
    assert said.startswith("watch dec_")


def test_a_watch_is_looked_at_at_once_where_prefect_is_down(site: Site) -> None:
    site.contain()
    site.clock.move(seconds=10)
    (said,) = Responder(site.plane, Prefect(down=True).start).keep_watch()
    assert said.startswith("watch dec_")


def test_a_watch_that_is_due_is_looked_at(site: Site) -> None:
    site.contain()
    site.clock.move(seconds=10)
    (said,) = Responder(site.plane).look()
    assert said.startswith("watch dec_")
    assert "Quiet so far" in said


def test_what_is_refused_is_said_once_and_not_tried_again(site: Site) -> None:
    site.approve()
    site.store.responses.set_breaker(tripped=True, by="system:one", why="a drill", now=site.clock())
    responder = Responder(site.plane)
    (said,) = responder.look()
    assert "the breaker is tripped, by system:one: a drill" in said.lower().replace("the breaker", "the breaker")
    assert responder.look() == []
    assert site.robbery.key_status() == "Active"


def test_the_command_looks_once_and_says_what_it_did(site: Site) -> None:
    site.approve()
    ended = subprocess.run(
        [sys.executable, "-c", "from prefect_cloudtrail.cli import main; main()", "responder", "--once"],
        env={**os.environ, **site.robbery.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Inactive." in ended.stdout
    assert site.robbery.key_status() == "Inactive"


def test_the_file_is_read_anew_for_each_piece_of_work(site: Site) -> None:
    site.approve()
    rules = site.robbery.folder / "rules.toml"
    rules.write_text(rules.read_text().replace("dry_run = false", "dry_run = true"))
    (said,) = Responder(replace(site.plane)).look()
    assert "Dry run, nothing was changed" in said
