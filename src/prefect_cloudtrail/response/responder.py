"""The responder's work, over and over: carries out what was approved, and watches what was applied.

What was approved it carries out at once, for a thief does not wait for a scheduler, and has Prefect run the same after
it: that run finds it done, and shows a reviewer what came of it. The looks of a watch Prefect has ten seconds to take
up. Whoever comes first, a decision is carried out once: who is second finds it done, or gives way.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from prefect_cloudtrail.errors import (
    CloudTrailResponseError,
    LeaseHeldError,
    RefusedError,
    SettingsError,
    TamperedError,
)
from prefect_cloudtrail.response.actions import Aws
from prefect_cloudtrail.response.containing import CarriedOut, Clock, contain, sentence
from prefect_cloudtrail.response.head import Head
from prefect_cloudtrail.response.receipt import Watch
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.response.watching import EVERY, watch
from prefect_cloudtrail.store import Store

PREFECT_HAS = timedelta(seconds=10)
# What was carried out longer ago, and Prefect was away all the time, is not shown there any more.
SHOWN_WITHIN = timedelta(days=1)
HEARTBEAT = "responder"

# Starts a flow of this name with these parameters, once for each key; raises what it raises.
Start = Callable[[str, Mapping[str, Any], str], None]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plane:
    """What the responder works with.

    Attributes:
        store: the case store, as the responder may write it.
        aws: clients with the responder's role.
        rules: reads the responder's file, anew for each piece of work, so that a change of it counts at once.
        keys: what decisions are signed and verified with.
        clock: the time, aware.
        head: how far the audit went, kept on this host.
    """

    store: Store
    aws: Aws
    rules: Callable[[], Rules]
    keys: Keys
    clock: Clock
    head: Head

    def require_audit(self) -> None:
        """Make sure that nobody cut off or rewrote the audit.

        Raises:
            TamperedError: somebody did; the breaker is tripped.
            SettingsError: what this host knows of it cannot be read or written.
        """
        try:
            self.head.require(self.store)
        except TamperedError as error:
            if not self.store.responses.breaker().tripped:
                self.store.responses.set_breaker(tripped=True, by="the responder", why=str(error), now=self.clock())
            raise

    def contain(self, decision_id: str) -> CarriedOut:
        """Return what came of a decision; see `containing.contain`. A refusal is kept, so it is not tried again."""
        try:
            self.require_audit()
            done = contain(self.store, decision_id, self.aws, rules=self.rules(), keys=self.keys, clock=self.clock)
        except RefusedError as error:
            decision = self.store.responses.decision(decision_id)
            request = decision and self.store.responses.request(decision.request_id)
            if request and self.store.responses.settlement_of(decision_id):
                incident_id = request.plan.incident_id
                self.store.responses.end(decision_id, incident_id, "refused", sentence(error), self.clock())
                self.store.slack.touch(incident_id, self.clock())
            raise
        self.store.slack.touch(done.plan.incident_id, self.clock())
        return done

    def watch(self, decision_id: str) -> Watch:
        """Return how an applied plan stands now; see `watching.watch`."""
        found = watch(self.store, decision_id, self.aws, rules=self.rules(), keys=self.keys, clock=self.clock)
        self.store.slack.touch(found.incident_id, self.clock())
        return found


@dataclass
class Responder:
    """Looks for work, and has it done.

    `start` has Prefect do it; None where there is no Prefect. `carry_out` never asks Prefect anything, so it may go on
    in a thread of its own while `keep_watch` waits for a server that does not answer.
    """

    plane: Plane
    start: Start | None = None
    _since: dict[str, datetime] = field(default_factory=dict)
    _said: str = ""

    def look(self) -> list[str]:
        """Do what there is to do, and return what was done here, a line each."""
        return [*self.carry_out(), *self.keep_watch()]

    def carry_out(self) -> list[str]:
        """Carry out what was approved, and return what was done, a line each; says that it is alive, too."""
        responses = self.plane.store.responses
        responses.beat(HEARTBEAT, self.plane.clock())
        try:
            self.plane.require_audit()
        except (TamperedError, SettingsError) as error:
            is_news, self._said = str(error) != self._said, str(error)
            return [sentence(error)] if is_news else []
        done = []
        for decision_id in responses.to_carry_out():
            done += self._try(f"contain {decision_id}", self.plane.contain, decision_id)
        return done

    def keep_watch(self) -> list[str]:
        """Look at the watches that are due, or have Prefect do it; and have it show what was carried out."""
        responses, now = self.plane.store.responses, self.plane.clock()
        if self.start is not None:
            self._show(self.start, now)
        done, seen = [], set[str]()
        # A look that is further ahead than any was put there by a clock that has been set back since.
        for each in responses.watches(due_before=now, or_after=now + EVERY):
            key = f"watch {each.decision_id} {each.next_at}"
            seen.add(key)
            if self._is_ours("watch", each.decision_id, key, now):
                done += self._try(key, self.plane.watch, each.decision_id)
        # What is no more to do is done; the responder runs for months.
        self._since = {
            key: since for key, since in self._since.items() if key in seen or abs(now - since) < PREFECT_HAS
        }
        return done

    def _show(self, start: Start, now: datetime) -> None:
        """Have Prefect run what is carried out, once: it finds it done, and a reviewer finds it there."""
        for decision_id in self.plane.store.responses.to_show(now - SHOWN_WITHIN):
            key = f"contain {decision_id}"
            if abs(now - self._since.get(key, now - PREFECT_HAS)) < PREFECT_HAS:
                continue
            self._since[key] = now
            try:
                start("contain", {"decision_id": decision_id}, key)
            except Exception as error:  # noqa: BLE001 - whatever ails Prefect, it is told later
                _log.warning("Prefect cannot be told of %s (%s): telling it later", key, error)
            else:
                self.plane.store.responses.shown(decision_id, now)

    def _is_ours(self, flow: str, decision_id: str, key: str, now: datetime) -> bool:
        """Return whether the responder does it itself: there is no Prefect, or it has not done it in time."""
        if self.start is None:
            return True
        if key not in self._since:
            self._since[key] = now
            try:
                self.start(flow, {"decision_id": decision_id}, key)
            except Exception as error:  # noqa: BLE001 - whatever ails Prefect, a thief does not wait for it
                _log.warning("Prefect cannot start %s (%s): doing it here", key, error)
                return True
            return False
        return abs(now - self._since[key]) >= PREFECT_HAS

    def _try(self, key: str, work: Callable[[str], CarriedOut | Watch], decision_id: str) -> list[str]:
        try:
            return [f"{key}: {work(decision_id).said}"]
        except LeaseHeldError:
            return []  # Prefect's run is at it
        except CloudTrailResponseError as error:
            _log.error("%s: %s", key, error)
            return [f"{key}: {sentence(error)}"]
