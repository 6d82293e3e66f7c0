"""Drills of deciding: decisions that nobody gave, and answers that race; each on a real case store."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any

import msgspec
import sqlalchemy as sa

from bench.drills.databases import empty_database
from prefect_cloudtrail.cases import Incident, Severity
from prefect_cloudtrail.errors import RefusedError
from prefect_cloudtrail.response.deciding import Member, approved, decide
from prefect_cloudtrail.response.decision import Choice, Decision, Request, SettlementOutcome
from prefect_cloudtrail.response.plan import Plan, Step, canonical
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.database import connect
from prefect_cloudtrail.store.response_tables import DECISIONS, REQUESTS, SETTLEMENTS
from prefect_cloudtrail.store.tables import INCIDENTS

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
USER = "arn:aws:iam::111122223333:user/deploy"
PEOPLE = ("slack:UANA", "slack:UBO", "slack:UCLEO", "slack:UDAN", "slack:UEVA")
RULES = Rules(approvers=PEOPLE, owners={USER: "slack:UOWNER"}, containments_an_hour=1_000_000)
LARGEST_RACE = len(PEOPLE)


@dataclass
class Found:
    """What a drill did and found."""

    tried: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "tried": self.tried.total(),
            "by_kind": dict(sorted(self.tried.items())),
            "answers": dict(sorted(self.answers.items())),
            "differences": self.differences,
        }


@dataclass(frozen=True)
class Place:
    """Where a drill's case store and keys are, in words that another process understands."""

    folder: Path
    database: str | None

    def store(self) -> Store:
        """Return it, open."""
        return Store.open(self.folder / "state", self.database)

    def keys(self) -> Keys:
        """Return the responder's keys."""
        return Keys.open(self.folder / "keys")

    def sql(self, statement: sa.Executable) -> None:
        """Do with its rows what only an intruder would."""
        opened = connect(self.database or self.folder / "state" / "cases.db")
        with opened.writing() as connection:
            connection.execute(statement)
        opened.close()


@contextmanager
def a_place(server: str | None) -> Iterator[Place]:
    """Give a case store with one incident, and the keys to decide in it."""
    with TemporaryDirectory(prefix="drills-") as folder, empty_database(server) as database:
        place = Place(Path(folder), database)
        with place.store():
            Keys.make(place.folder / "keys")
        yield place


def ask(place: Place, store: Store, number: int, **fields: Any) -> Request:  # noqa: ANN401 - a plan's own
    """Return a request for a plan of its own digest, in an incident of its own."""
    place.sql(sa.insert(INCIDENTS).values(_incident(f"inc_{number}")))
    return store.responses.ask(replace(a_plan(number), **fields), NOW, NOW + timedelta(hours=4))


def a_plan(number: int) -> Plan:
    """Return a plan of its own digest."""
    key = {"access_key_id": f"AKIA{number:016}"}
    step = Step("disable_access_key", "111122223333", USER, key)
    return Plan("disable_access_keys", f"inc_{number}", USER, (step,))


def _incident(incident_id: str) -> dict[str, Any]:
    incident = Incident(
        incident_id=incident_id,
        revision=1,
        kind="principal",
        principal=USER,
        principal_kind="iam_user",
        person="user deploy",
        account_id="111122223333",
        access_key_ids=(),
        places=(),
        networks=(),
        first_event=NOW,
        last_event=NOW,
        opened_at=NOW,
        closes_at=NOW + timedelta(hours=48),
        risk=0.9,
        peak_risk=0.9,
        severity=Severity.HIGH,
        status="open",
        summary="",
        evidence=(),
        links=(),
        alerts=(),
    )
    columns = {column.name for column in INCIDENTS.columns} - {"document", "severity"}
    row = {name: value for name, value in vars(incident).items() if name in columns}
    return row | {"severity": "high", "document": canonical(incident).decode()}


# --- decisions that nobody gave ---------------------------------------------------------------------------------------


def forged(server: str | None, decisions: int, seed: int, say: Callable[[str], None]) -> Found:
    """Return how decisions fared that were forged, altered by one bit, replayed, or whose rows were tampered with."""
    found, chance, refused = Found(), Random(seed), set[str]()  # noqa: S311 - drawn again from its seed
    with a_place(server) as place, place.store() as store, TemporaryDirectory(prefix="drills-") as folder:
        theirs = Keys.make(Path(folder) / "keys")
        _require_that_a_true_one_passes(place, store)
        for number in range(decisions):
            kind = list(FORGERIES)[number % len(FORGERIES)]
            request = ask(place, store, number)
            decision_id = FORGERIES[kind](place, store, theirs, request, chance)
            found.tried[kind] += 1
            try:
                approved(store, decision_id, RULES, place.keys(), NOW + 2 * MINUTE)
            except RefusedError as error:
                found.answers[_outline(str(error))] += 1
                refused.add(decision_id)
            else:
                found.differences.append(f"{kind}: {decision_id} was accepted")
            if store.responses.breaker().tripped:
                store.responses.set_breaker(tripped=False, by="the drill", why="the next one", now=NOW)
            if number % 100 == 0:
                say(f"{number} of {decisions}")
        rows = [row for row in store.responses.audit_rows() if row.kind == "contain_refused"]
        audited = {msgspec.json.decode(row.document)["decision_id"] for row in rows}
        found.differences += [f"the refusal of {each} is not in the audit" for each in sorted(refused - audited)]
        found.differences += store.responses.verify_audit()
    return found


def _require_that_a_true_one_passes(place: Place, store: Store) -> None:
    request = ask(place, store, 10**9)
    answer = _answer(place, store, request, PEOPLE[0])
    if approved(store, str(answer), RULES, place.keys(), NOW + 2 * MINUTE) != request.plan:
        raise AssertionError("a decision that nobody touched is refused: the drill would prove nothing")


def _answer(place: Place, store: Store, request: Request, who: str, choice: Choice = Choice.APPROVE) -> str | None:
    given = (request.request_id, request.plan.digest, choice, Member(who), "slack", "seen")
    return decide(store, *given, rules=RULES, keys=place.keys(), now=NOW + MINUTE).decision_id


def _signed(keys: Keys, request: Request, chance: Random, **other: Any) -> Decision:  # noqa: ANN401 - a decision's own
    given: dict[str, Any] = {
        "decision_id": f"dec_{chance.getrandbits(128):032x}",
        "request_id": request.request_id,
        "digest": request.plan.digest,
        "choice": Choice.APPROVE,
        "by": PEOPLE[0],
        "via": "slack",
        "decided_at": NOW + MINUTE,
        "why": "seen",
    }
    return keys.sign(**(given | other))


def _insert(place: Place, decision: Decision) -> str:
    """Put a decision and its settlement into the tables, past all that guards them."""
    row = {"decided_by" if name == "by" else name: value for name, value in vars(decision).items()}
    settled = {"request_id": decision.request_id, "decision_id": decision.decision_id, "settled_at": NOW + MINUTE}
    place.sql(sa.insert(DECISIONS).values(row | {"choice": decision.choice.value}))
    place.sql(sa.insert(SETTLEMENTS).values(settled | {"outcome": SettlementOutcome.APPROVED.value}))
    return decision.decision_id


def _unknown_key(place: Place, _: Store, theirs: Keys, request: Request, chance: Random) -> str:
    return _insert(place, _signed(theirs, request, chance))


def _our_key_id_on_their_signature(place: Place, _: Store, theirs: Keys, request: Request, chance: Random) -> str:
    ours = place.keys().listed()[0].key_id
    return _insert(place, replace(_signed(theirs, request, chance), key_id=ours))


def _one_bit(place: Place, store: Store, _: Keys, request: Request, chance: Random) -> str:
    """Alter one bit of one field of a decision that was given."""
    decision_id = str(_answer(place, store, request, PEOPLE[0]))
    decision = store.responses.decision(decision_id)
    if decision is None:
        raise AssertionError(f"{decision_id} was not stored")
    name = chance.choice(["digest", "choice", "decided_by", "via", "decided_at", "why", "key_id", "signature"])
    if name == "decided_at":
        value: object = decision.decided_at + timedelta(microseconds=2 ** chance.randrange(20))
    else:
        text = str(decision.by if name == "decided_by" else getattr(decision, name))
        position = chance.randrange(len(text))
        letter = chr(ord(text[position]) ^ 2 ** chance.randrange(7))
        value = text[:position] + (letter if letter != "\0" else "\x01") + text[position + 1 :]
    place.sql(sa.update(DECISIONS).where(DECISIONS.c.decision_id == decision_id).values({name: value}))
    return decision_id


def _replayed(place: Place, store: Store, _: Keys, request: Request, chance: Random) -> str:
    """Sign for one request, and file it under another."""
    other = ask(place, store, chance.getrandbits(40) + 10**6)
    signed = _signed(place.keys(), other, chance)
    return _insert(place, replace(signed, request_id=request.request_id))


def _other_plan(place: Place, store: Store, _: Keys, request: Request, chance: Random) -> str:
    """Have one plan approved, then put another in its place."""
    decision_id = str(_answer(place, store, request, PEOPLE[0]))
    plan = replace(a_plan(chance.getrandbits(40) + 10**6), incident_id=request.plan.incident_id)
    row = {"plan": canonical(plan).decode(), "digest": chance.choice([plan.digest, request.plan.digest])}
    place.sql(sa.update(REQUESTS).where(REQUESTS.c.request_id == request.request_id).values(row))
    return decision_id


def _digest_swapped(place: Place, _: Store, __: Keys, request: Request, chance: Random) -> str:
    """Sign, with our own key even, the digest of another plan."""
    digest = a_plan(chance.getrandbits(40) + 10**6).digest
    return _insert(place, _signed(place.keys(), request, chance, digest=digest))


def _left_on_called_approved(place: Place, store: Store, _: Keys, request: Request, __: Random) -> str:
    """Have it left on, then call the settlement an approval."""
    decision_id = str(_answer(place, store, request, PEOPLE[0], Choice.LEAVE))
    here = SETTLEMENTS.c.request_id == request.request_id
    place.sql(sa.update(SETTLEMENTS).where(here).values(outcome=SettlementOutcome.APPROVED.value))
    return decision_id


def _by_somebody_else(place: Place, _: Store, __: Keys, request: Request, chance: Random) -> str:
    """Sign, with our own key even, for somebody who may not decide, or whom it concerns."""
    return _insert(place, _signed(place.keys(), request, chance, by=chance.choice(["slack:UEVE", "slack:UOWNER"])))


def _too_late(place: Place, _: Store, __: Keys, request: Request, chance: Random) -> str:
    """Sign, with our own key even, a moment outside of the request's time, and put its end off."""
    moved = {"expires_at": NOW + timedelta(days=30)}
    place.sql(sa.update(REQUESTS).where(REQUESTS.c.request_id == request.request_id).values(moved))
    hours = timedelta(hours=chance.choice([-24, 4, 240]))
    return _insert(place, _signed(place.keys(), request, chance, decided_at=NOW + hours))


Forgery = Callable[[Place, Store, Keys, Request, Random], str]
FORGERIES: dict[str, Forgery] = {
    "one bit altered": _one_bit,
    "signed by an unknown key": _unknown_key,
    "our key's id on another's signature": _our_key_id_on_their_signature,
    "replayed for another request": _replayed,
    "the plan changed after its approval": _other_plan,
    "another plan's digest": _digest_swapped,
    "left on, then called approved": _left_on_called_approved,
    "by somebody who may not": _by_somebody_else,
    "outside of its time": _too_late,
}


def _outline(said: str) -> str:
    """Return a refusal without its ids and names."""
    words = [word for word in said.split() if not any(sign in word for sign in "0123456789") and ":U" not in word]
    return " ".join(words)[:60]


# --- answers that race ------------------------------------------------------------------------------------------------


def races(server: str | None, rounds: int, seed: int, say: Callable[[str], None]) -> Found:
    """Return how requests ended that two to five answered at once: threads of one process, or processes."""
    found, chance = Found(), Random(seed)  # noqa: S311 - drawn again from its seed
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload([__name__])
    with (
        a_place(server) as place,
        place.store() as store,
        ThreadPoolExecutor(LARGEST_RACE) as threads,
        ProcessPoolExecutor(LARGEST_RACE, mp_context=spawn) as processes,
    ):
        for number in range(rounds):
            two = number % 5 == 4  # noqa: PLR2004 - every fifth takes two people
            request = ask(place, store, number, approvers=2 if two else 1)
            people = chance.sample(PEOPLE, chance.randint(2, LARGEST_RACE))
            # Some give the same answer twice at once, as a redelivery does.
            racing = [*people, people[0]] if chance.random() < 0.3 and len(people) < LARGEST_RACE else people  # noqa: PLR2004
            choices = [Choice.APPROVE if two else chance.choice(list(Choice)) for _ in racing]
            if number % 4:
                barrier = Barrier(len(racing))
                given = [(who, choice, barrier) for who, choice in zip(racing, choices, strict=True)]
                outcomes = list(threads.map(partial(_race, store, place, request), given))
                found.tried["threads"] += 1
            else:
                start = time.time() + 0.03
                waiting = [
                    processes.submit(_race_alone, place, request, who, choice, start)
                    for who, choice in zip(racing, choices, strict=True)
                ]
                outcomes = [each.result() for each in waiting]
                found.tried["processes"] += 1
            found.answers.update(outcomes)
            found.differences += _what_is_wrong(place, store, request, outcomes, people_needed=2 if two else 1)
            if number % 100 == 0:
                say(f"{number} of {rounds}")
        found.differences += store.responses.verify_audit()
    return found


def _race(store: Store, place: Place, request: Request, answer: tuple[str, Choice, Barrier]) -> str:
    keys, (who, choice, barrier) = place.keys(), answer
    barrier.wait()
    given = (request.request_id, request.plan.digest, choice, Member(who), "slack", "seen")
    return decide(store, *given, rules=RULES, keys=keys, now=NOW + MINUTE).outcome


def _race_alone(place: Place, request: Request, who: str, choice: Choice, start: float) -> str:
    with place.store() as store:
        keys = place.keys()
        time.sleep(max(0.0, start - time.time()))
        given = (request.request_id, request.plan.digest, choice, Member(who), "slack", "seen")
        return decide(store, *given, rules=RULES, keys=keys, now=NOW + MINUTE).outcome


def _what_is_wrong(
    place: Place, store: Store, request: Request, outcomes: list[str], people_needed: int
) -> Iterator[str]:
    won = [each for each in outcomes if each in {"approved", "left_on", "expected"}]
    settled = store.responses.settlement(request.request_id)
    if len(won) != 1 or settled is None or settled.outcome.value != won[0]:
        yield f"{request.request_id}: {outcomes}, settled {settled}"
        return
    decisions = store.responses.decisions(request.request_id)
    if len(decisions) != people_needed or len({each.by for each in decisions}) != people_needed:
        yield f"{request.request_id}: {len(decisions)} decisions stored where {people_needed} settle it"
    if won == ["approved"] and approved(store, settled.decision_id, RULES, place.keys(), NOW + MINUTE) != request.plan:
        yield f"{request.request_id}: approved, and another plan came out"
