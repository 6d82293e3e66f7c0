"""The drill of Slack: sockets drop, Slack refuses, stalls and loses its answers; each card and decision is there once.

The real parts: two tellers, as a worker and the responder would be, the listener over Socket Mode, the responder that
carries out what was approved, people who click and click again where Slack showed them its warning. Slack is the local
one, AWS is moto's.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, Queue
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from slack_sdk import WebClient

from bench.drills.databases import empty_database
from bench.drills.robbery import Robbery, an_incident, aws, robbed
from prefect_cloudtrail import clients
from prefect_cloudtrail.demo.slack import LocalSlack, local_slack
from prefect_cloudtrail.demo.slack.team import JONAS, LENA, MAYA, RESPONDERS, ROSA
from prefect_cloudtrail.response.repeating import repeated
from prefect_cloudtrail.response.responder import Plane, Responder
from prefect_cloudtrail.settings import settings
from prefect_cloudtrail.slack.dialog import CONFIRM
from prefect_cloudtrail.slack.listener import Listener
from prefect_cloudtrail.slack.message import told
from prefect_cloudtrail.slack.sockets import listening
from prefect_cloudtrail.slack.status import open_ones
from prefect_cloudtrail.slack.teller import Teller

Say = Callable[[str], None]
Json = dict[str, Any]

DECIDERS = (MAYA.user_id, JONAS.user_id, LENA.user_id)
DROPPED_EVERY_SECONDS = 5.0
# Incidents come in during this part of the time; the rest is for the last of them to be decided.
COMING = 0.7
# How often two people answer the same one.
BOTH = 0.3
FAULTED = ("chat.postMessage", "chat.update", "conversations.history", "conversations.replies", "views.update")
SETTLES_WITHIN_SECONDS = 240.0
# For so long somebody waits for a dialog before they click again.
PATIENCE_SECONDS = 8.0
LONGEST_REST_SECONDS = 3.0


@dataclass
class Tally:
    """What the drill did and found."""

    expected: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    clicks: Counter[str] = field(default_factory=Counter)
    calls: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "expected": self.expected,
            "found": self.found,
            "faults": dict(self.faults),
            "clicks": dict(self.clicks),
            "calls": self.calls,
            "differences": self.differences,
        }


def drop_sockets(server: str | None, minutes: float, incidents: int, decided: int, seed: int, say: Say) -> Tally:
    """Return what came of it when so many incidents come in and some are decided while all of Slack's faults happen."""
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="drill-")))
        endpoint = stack.enter_context(aws())
        database = stack.enter_context(empty_database(server))
        slack = stack.enter_context(local_slack())
        robberies = _robberies(folder, endpoint, database, incidents)
        os.environ.update(robberies[0].environment)
        plane = stack.enter_context(clients.plane(settings()))
        site = _Site(slack, plane, robberies, Random(seed), tally)  # noqa: S311 - as above
        say(f"{incidents} robbed users are there; {minutes:g} minutes begin")
        chosen = chance.sample(range(incidents), decided)
        with site.at_work():
            site.go_on(minutes * 60, set(chosen), chance, say)
            slack.faults.clear()
            say("the faults are over; what is left is told and decided")
            site.settle()
        site.compare(set(chosen))
    return tally


def _robberies(folder: Path, endpoint: str, database: str | None, count: int) -> list[Robbery]:
    """Return so many robbed users of one state, whose owner is none of those who decide; no incident is stored yet."""
    first = robbed(folder, endpoint, database)
    found = []
    for number in range(count):
        name = f"service-{number:03d}"
        first.iam.create_user(UserName=name)
        key = first.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        made = replace(an_incident(name, key), incident_id=f"inc_{number:03d}")
        found.append(replace(first, user_name=name, access_key_id=key, incident=made))
    owners = "\n".join(f'"{each.incident.principal}" = "slack:{ROSA.user_id}"' for each in found)
    (folder / "rules.toml").write_text(
        f'dry_run = false\ncontainments_an_hour = 1000\napprovers = ["slack:{LENA.user_id}", '
        f'"slack-group:{RESPONDERS.group_id}"]\n[owners]\n{owners}\n'
    )
    return found


@dataclass
class _Site:
    """The parts at work, and the people."""

    slack: LocalSlack
    plane: Plane
    robberies: list[Robbery]
    chance: Random
    tally: Tally
    asked: dict[str, str] = field(default_factory=dict)  # incident -> request
    queues: Mapping[str, "Queue[str]"] = field(default_factory=lambda: {each: Queue() for each in DECIDERS})
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Run the tellers, the listener, the responder and the people until the end."""
        store, clock, faults = self.plane.store, self.plane.clock, self.slack.faults
        client = WebClient(self.slack.bot_token, base_url=self.slack.api_url, timeout=10, retry_handlers=[])
        listener = Listener(self.plane, client, self.slack.channel)
        responder = Responder(self.plane)
        with ExitStack() as stack:
            stack.enter_context(listening(listener, self.slack.app_token, client, store, clock))
            faults.sockets.drop_every = DROPPED_EVERY_SECONDS
            for name in ("worker", "responder"):
                teller = Teller(store, client, self.slack.channel, self.plane.rules, (), clock)
                stack.enter_context(repeated(f"teller of the {name}", teller.look, _nothing, 0.5))
            stack.enter_context(repeated("the responder's work", responder.look, _nothing, 0.5))
            people = [threading.Thread(target=self._decide_all, args=(each,), name=each) for each in DECIDERS]
            for each in people:
                each.start()
            try:
                yield
            finally:
                self.over.set()
                for each in people:
                    each.join()

    def go_on(self, seconds: float, chosen: set[int], chance: Random, say: Say) -> None:
        """Have the incidents come in, and faults befall Slack, for so long."""
        began = time.monotonic()
        due = sorted((chance.uniform(0, COMING * seconds), number) for number in range(len(self.robberies)))
        next_fault, said = 0.0, 0
        while (passed := time.monotonic() - began) < seconds:
            while due and due[0][0] <= passed:
                self._comes_in(due.pop(0)[1], chosen)
            if passed >= next_fault:
                self._fault()
                next_fault = passed + self.chance.uniform(0.3, LONGEST_REST_SECONDS)
            if passed >= said + 60:
                said += 60
                say(f"{said} s: {len(self.robberies) - len(due)} came in, {len(self._cards())} cards")
            time.sleep(0.05)

    def _comes_in(self, number: int, chosen: set[int]) -> None:
        robbery, store, now = self.robberies[number], self.plane.store, self.plane.clock()
        incident_id = robbery.incident.incident_id
        robbery.commit(store, f"run-of-{incident_id}", incidents=[robbery.incident])
        store.slack.look_at(incident_id, now)
        request = store.responses.ask(robbery.plan, now, now + timedelta(hours=4))
        store.slack.look_at(incident_id, self.plane.clock())
        self.asked[incident_id] = request.request_id
        if number in chosen:
            people = self.chance.sample(DECIDERS, 2 if self.chance.random() < BOTH else 1)
            for each in people:
                self.queues[each].put(incident_id)

    def _fault(self) -> None:
        """Have something befall Slack, drawn."""
        faults, method = self.slack.faults, self.chance.choice(FAULTED)
        kind = self.chance.choice(
            ("rate limited", "lost answer", "lost answer", "slow", "down", "internal error", "proxy", "redelivered")
        )
        self.tally.faults[kind] += 1
        if kind == "rate limited":
            faults.rate_limited(self.chance.randint(1, 3), method)
        elif kind == "lost answer":
            # Whether it was posted is what is hard to know.
            faults.ambiguous(self.chance.choice(FAULTED[:2]))
        elif kind == "slow":
            faults.slow(self.chance.uniform(0.2, 1.5), method, calls=3)
        elif kind == "down":
            faults.down(method, calls=1)
        elif kind == "internal error":
            faults.error("internal_error", method)
        elif kind == "proxy":
            faults.down(method, calls=1, status=502)
        else:
            faults.sockets.times = 3 - faults.sockets.times

    # --- people -------------------------------------------------------------------------------------------------------

    def _decide_all(self, user: str) -> None:
        """Be one person, who decides what comes before them, one after the other."""
        while not self.over.is_set():
            try:
                incident_id = self.queues[user].get(timeout=0.2)
            except Empty:
                continue
            while not self.over.is_set() and not self._is_settled(incident_id):
                self._try_to_decide(user, incident_id)
                time.sleep(0.2)

    def _is_settled(self, incident_id: str) -> bool:
        return self.plane.store.responses.settlement(self.asked[incident_id]) is not None

    def _try_to_decide(self, user: str, incident_id: str) -> None:
        """Click, and fill in the dialog; whatever does not come is tried again by the next click."""
        people, action = self.slack.people, "approve.disable_access_keys"
        card = next((each for each in self._cards() if _incident_of(each) == incident_id), None)
        if card is None or action not in str(card.get("blocks")):
            return
        before = people.view(user)
        if not people.click(user, self.slack.channel, card["ts"], action):
            self.tally.clicks["lost"] += 1
            return
        self.tally.clicks["answered"] += 1
        known = before["id"] if before else None
        view = self._wait(lambda: self._dialog(user, known))
        if view is None:
            self.tally.clicks["without a dialog"] += 1
            return
        inputs = {each["block_id"] for each in view["blocks"] if each["type"] == "input"}
        filled: dict[str, dict[str, object]] = {"ack_outage": {"ack": ["accept"]}} if "ack_outage" in inputs else {}
        sent = people.submit(user, filled)
        self.tally.clicks["submitted" if sent.acknowledged else "lost"] += 1
        if sent.acknowledged:
            self._wait(lambda: self._is_settled(incident_id))

    def _dialog(self, user: str, known: str | None) -> Json | None:
        view = self.slack.people.view(user)
        return view if view and view["id"] != known and view["callback_id"] == CONFIRM and view["submit"] else None

    def _wait(self, predicate: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the predicate answers
        try:
            return self.slack.people.wait_for(predicate, PATIENCE_SECONDS)
        except TimeoutError:
            return None

    def _cards(self) -> list[Json]:
        return [each for each in self.slack.workspace.history(self.slack.channel) if "metadata" in each]

    # --- what came of it ----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Wait until all is told, decided and carried out; not for ever."""
        ends = time.monotonic() + SETTLES_WITHIN_SECONDS
        while time.monotonic() < ends and not self._is_all_over():
            time.sleep(0.5)

    def _is_all_over(self) -> bool:
        store = self.plane.store
        if any(not queue.empty() for queue in self.queues.values()) or store.responses.to_carry_out():
            return False
        for each in self.robberies:
            rows = store.slack.messages(each.incident.incident_id)
            said = [row.dropped_at is not None or (row.ts is not None and row.sent == row.body) for row in rows]
            watched = [
                watch.state for watch in store.responses.watches() if watch.incident_id == each.incident.incident_id
            ]
            replies = {row.name.partition(" ")[0] for row in rows}
            if not rows or not all(said) or (watched and "receipt" not in replies):
                return False
        return True

    def compare(self, chosen: set[int]) -> None:
        """Compare what Slack, the case store and AWS hold with what must be there."""
        store = self.plane.store
        cards = Counter(_incident_of(each) for each in self._cards())
        threads = [self.slack.workspace.thread(self.slack.channel, each["ts"]) for each in self._cards()]
        ids = Counter(_message_of(each) for thread in threads for each in thread)
        all_rows = {
            each.incident.incident_id: store.slack.messages(each.incident.incident_id) for each in self.robberies
        }
        stored = {row.message_id: row for rows in all_rows.values() for row in rows if row.dropped_at is None}
        tally, count = self.tally, len(chosen)
        tally.expected = {"incidents with one card": len(self.robberies), "cards": len(self.robberies)}
        tally.expected |= {"messages": len(stored), "different messages": len(stored)}
        tally.expected |= {"settled once": count, "receipts": 2 * count, "keys disabled": count, "policies": count}
        tally.expected |= {"cards with a button left": len(self.robberies) - count, "faults of the audit": 0}
        found: Counter[str] = Counter(dict.fromkeys(tally.expected, 0))
        found["incidents with one card"] = sum(number == 1 for number in cards.values())
        found["cards"], found["messages"], found["different messages"] = cards.total(), ids.total(), len(ids)
        found["faults of the audit"] = len(store.responses.verify_audit())
        shown = {_incident_of(each): str(each.get("blocks")) for each in self._cards()}
        for number, robbery in enumerate(self.robberies):
            incident_id = robbery.incident.incident_id
            request_id = self.asked[incident_id]
            settled = store.responses.settlement(request_id)
            found["settled once"] += settled is not None
            found["receipts"] += len(store.responses.receipts(incident_id=incident_id))
            found["keys disabled"] += robbery.key_status() == "Inactive"
            found["policies"] += len(robbery.policies())
            found["cards with a button left"] += request_id in shown.get(incident_id, "")
            known = told(store, incident_id, self.plane.rules(), (), datetime.now(UTC))
            if (settled is not None) != (number in chosen) or bool(open_ones(known)) == (number in chosen):
                tally.differences.append(f"{incident_id}: settled as {settled}, though it was {number in chosen} to be")
        tally.found = dict(found)
        tally.differences += [
            f"{part}: {found[part]}, not {value}" for part, value in tally.expected.items() if found[part] != value
        ]
        tally.differences += [f"{each} is there {number} times" for each, number in ids.items() if number != 1]
        left = [row for row in stored.values() if row.ts is None or row.sent != row.body]
        tally.differences += [f"{row.incident_id}: {row.name} is not as it should be: {row.said}" for row in left]
        tally.calls = {name: calls for name, calls in sorted(self.slack.faults.counts().items()) if "." in name}


def _incident_of(message: Json) -> str:
    return str(message["metadata"]["event_payload"]["incident_id"])


def _message_of(message: Json) -> str:
    return str(message["metadata"]["event_payload"]["message_id"])


def _nothing(_: str) -> None:
    """Say nothing of what goes well."""
