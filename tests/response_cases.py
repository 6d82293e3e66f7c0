"""One incident with a plan put before people, and the answers they may give: a test shows only what it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from store.case_builders import NOW, a_change, an_alert, an_incident, commit

from prefect_cloudtrail.response.deciding import Answer, Member, decide
from prefect_cloudtrail.response.decision import Choice, Request
from prefect_cloudtrail.response.plan import Plan, Step
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import FileHome, Store

USER = "arn:aws:iam::111122223333:user/deploy"
END = NOW + timedelta(hours=4)
MINUTE = timedelta(minutes=1)
# Its owner is known, and not among those who may decide.
RULES = Rules(approvers=("slack:UANA", "slack:UBO", "slack-group:SSEC", "system:cleo"), owners={USER: "slack:UOWNER"})


def a_step(action: str = "disable_access_key", **fields: Any) -> Step:
    given = {"account_id": "111122223333", "target": USER, "arguments": {"access_key_id": "AKIAIOSFODNN7EXAMPLE"}}
    return Step(**{"action": action, **given, **fields})


def a_plan(*steps: Step, **fields: Any) -> Plan:
    plan = Plan("disable_access_keys", "incident-1", USER, steps or (a_step(),), does=("Key AKIA... is disabled.",))
    return replace(plan, **fields)


@dataclass
class Case:
    """A state with one incident, its responder's keys, and the request for a plan."""

    store: Store
    keys: Keys
    request: Request
    rules: Rules = RULES

    def answer(self, name: str, choice: Choice = Choice.APPROVE, at: datetime = NOW + MINUTE, **other: Any) -> Answer:
        """Return what comes of somebody's answer: `UANA` in Slack, `system:cleo` on the host."""
        given: dict[str, Any] = {"rules": self.rules, "keys": self.keys, "why": "seen", "request": self.request}
        given |= other
        request = given.pop("request")
        id_, via = (name, "terminal") if name.startswith("system:") else (f"slack:{name}", "slack")
        member = Member(id_, given.pop("groups", ()))
        digest = given.pop("digest", request.plan.digest)
        why = given.pop("why")
        return decide(self.store, request.request_id, digest, choice, member, via, why, now=at, **given)


@contextmanager
def a_case(
    home: Path | FileHome, keys: Path, database: str | None = None, plan: Plan | None = None, rules: Rules = RULES
) -> Iterator[Case]:
    with Store.open(home, database) as store:
        commit(store, a_change(incidents=[an_incident("incident-1", an_alert())]))
        asked = store.responses.ask(plan or a_plan(), NOW, END)
        yield Case(store, Keys.make(keys), asked, rules)
