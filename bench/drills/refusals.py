"""The drill of AWS: it denies, throttles, fails, stalls, is cut off and loses answers while a plan is at work.

One fault a scenario: every call of one action meets with it while an approved plan is carried out, watched after the
thief turned it back, or undone. What the receipts say then must be so in AWS; after the faults the watch settles what
was not known, and an undo gives back exactly what was.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from bench.drills.aws_faults import KINDS, AwsFaults, Kind, faulty_aws
from bench.drills.databases import empty_database
from bench.drills.robbery import Robbery, aws, robbed
from prefect_cloudtrail import clients
from prefect_cloudtrail.response.receipt import Outcome, Receipt
from prefect_cloudtrail.response.requesting import ask_to_undo
from prefect_cloudtrail.response.responder import Plane
from prefect_cloudtrail.settings import settings
from prefect_cloudtrail.slack.message import told
from prefect_cloudtrail.slack.thread import replies

Say = Callable[[str], None]

WORK = ("contain", "watch", "undo")
# What only tells who asks is no part of a plan.
NOT_FAULTED = ("GetCallerIdentity", "AssumeRole")


@dataclass
class Tally:
    """What the drill did and found."""

    scenarios: int = 0
    possible: int = 0  # of work, action and fault
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: {each: Counter() for each in WORK})
    differences: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "scenarios": self.scenarios,
            "possible": self.possible,
            "faults": dict(self.faults),
            **{f"{work}_receipts": dict(found) for work, found in self.outcomes.items()},
            "differences": self.differences,
        }


def refuse(server: str | None, count: int, seed: int, say: Say) -> Tally:
    """Return what came of so many scenarios, each work, action and fault once before any a second time."""
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    with TemporaryDirectory(prefix="drill-") as folder, aws() as endpoint, faulty_aws(endpoint) as faults:
        site = Path(folder)
        with _scene(site / "undisturbed", endpoint, faults, server) as undisturbed:
            asked = undisturbed.play(None, None, None)
            tally.differences += undisturbed.differences
        ways: list[tuple[str, str, Kind]] = [
            (work, action, kind) for work, actions in asked.items() for action in actions for kind in KINDS
        ]
        tally.possible = len(ways)
        turns = [each for _ in range(1 + count // len(ways)) for each in chance.sample(ways, len(ways))]
        for number, (work, action, kind) in enumerate(turns[:count], 1):
            with _scene(site / str(number), endpoint, faults, server) as scene:
                scene.play(work, action, kind)
            tally.scenarios += 1
            tally.outcomes[work].update(scene.outcomes)
            tally.differences += [f"{work}, {action} {kind}: {each}" for each in scene.differences]
            say(f"{number}: {work}, {action} {kind}: {dict(scene.outcomes)}, {len(scene.differences)} differences")
        tally.faults = Counter(dict(faults.met))
    return tally


@contextmanager
def _scene(folder: Path, endpoint: str, faults: AwsFaults, server: str | None) -> Iterator["_Scene"]:
    with empty_database(server) as database:
        there = robbed(folder, endpoint, database)
        os.environ.update(replace(there, endpoint=faults.url).environment)
        with clients.plane(settings()) as plane:
            clock = _Clock()
            yield _Scene(there, replace(plane, clock=clock), clock, faults)


@dataclass
class _Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class _Scene:
    """One plan from its approval to its undo; `robbery` looks at AWS past the faults."""

    robbery: Robbery
    plane: Plane
    clock: _Clock
    faults: AwsFaults
    outcomes: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def play(self, work: str | None, action: str | None, kind: Kind | None) -> dict[str, list[str]]:
        """Have it carried out, watched and undone, one of these with a fault; return what each asked of AWS."""
        asked: dict[str, list[str]] = {}
        first: list[Mapping[str, Any]] = []
        store, decision_id = self.plane.store, self._approved()
        for each in WORK:
            self.faults.calls.clear()
            if each == work and action and kind:
                self.faults.befall(kind, action)
            if each == "contain":
                self.plane.contain(decision_id)
                first = [receipt.before for receipt in self._receipts()]
            elif each == "watch":
                self._turn_back()
                self._look(decision_id, seconds=10)
            else:
                self._undo()
            asked[each] = sorted(set(self.faults.calls) - {*NOT_FAULTED, ""})
            self.faults.end()
            self._compare(each)
            if each == work:
                self.outcomes.update(receipt.outcome.value for receipt in self._receipts())
            if each == "watch":
                # What was not known is settled by the next look.
                self._look(decision_id, seconds=20)
                self._compare("the next look")
                self._expect([receipt.outcome for receipt in self._receipts()].count(Outcome.STARTED), 0, "unknown")
        self._undo()
        self._expect(self.robbery.key_status(), "Active", "the key at the end")
        self._expect(self.robbery.policies(), [], "the policies at the end")
        kept = [receipt.before for receipt in self._receipts()]
        self._expect([now for now in kept if now], [then for then in first if then], "the snapshots")
        self._expect(store.responses.verify_audit(), [], "the audit's faults")
        self._expect(store.responses.to_carry_out(), [], "left to carry out")
        return asked

    def _approved(self) -> str:
        answer = self.robbery.approve(self.plane.store, self.robbery.ask(self.plane.store))
        return str(answer.decision_id)

    def _receipts(self) -> list[Receipt]:
        return [each for each in self.plane.store.responses.receipts() if each.step.undoes is None]

    def _look(self, decision_id: str, seconds: float) -> None:
        self.clock.now += timedelta(seconds=seconds)
        self.plane.watch(decision_id)

    def _turn_back(self) -> None:
        """Be the thief, who has another key."""
        iam, user_name = self.robbery.iam, self.robbery.user_name
        for name in self.robbery.policies():
            iam.delete_user_policy(UserName=user_name, PolicyName=name)
        iam.update_access_key(UserName=user_name, AccessKeyId=self.robbery.access_key_id, Status="Active")

    def _undo(self) -> None:
        """Ask to give back all that may be there, and have it done."""
        held = [each.receipt_id for each in self._receipts() if each.may_hold]
        if not held:
            return
        request = ask_to_undo(self.plane.store, held, self.plane.rules(), self.clock())
        self.plane.contain(str(self.robbery.approve(self.plane.store, request).decision_id))

    def _compare(self, when: str) -> None:
        """Compare what each receipt says, and the thread of it, with what is so in AWS."""
        there = {"deny_principal": bool(self.robbery.policies())}
        there["disable_access_key"] = self.robbery.key_status() == "Inactive"
        receipts = self._receipts()
        tried = [each for each in self.plane.store.responses.receipts() if each.step.undoes]
        not_given_back = {each.step.undoes for each in tried if each.outcome is Outcome.FAILED}
        known = told(self.plane.store, self.robbery.incident.incident_id, self.plane.rules(), (), self.clock())
        said = {each.name: str(each) for each in replies(known)}
        for each in receipts:
            holds = there[each.step.action]
            wrong = {Outcome.APPLIED: not holds, Outcome.UNDONE: holds, Outcome.FAILED: holds}.get(each.outcome, False)
            if wrong and each.receipt_id not in not_given_back and not self._is_reversed(each):
                self.differences.append(f"after {when}: {each.step.action} is {each.outcome}, in AWS: {holds}")
            shown = "applied" if each.outcome is Outcome.UNDONE else each.outcome.value
            if each.outcome is not Outcome.STARTED and f"*{shown}*" not in said.get(f"step {each.receipt_id}", ""):
                self.differences.append(f"after {when}: the thread does not say {shown} of {each.step.action}")

    def _is_reversed(self, receipt: Receipt) -> bool:
        """Whether the watch says that it was turned back, or that AWS does not say."""
        watches = self.plane.store.responses.watches()
        said = " ".join(each.said for each in watches if each.decision_id == receipt.decision_id)
        return "AWS does not say" in said or " is Active" in said or " is not on " in said or " nor " in said

    def _expect(self, found: Any, expected: Any, what: str) -> None:  # noqa: ANN401 - whatever is compared
        if found != expected:
            self.differences.append(f"{what}: {found!r}, not {expected!r}")
