"""Whoever may use the Prefect server's API, against a responder that serves its flows there.

They may create and change deployments, runs, blocks, variables and states; they have nothing on the responder's host.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect_server import PrefectServer, prefect_server, wait_until
from production.test_responder_on_prefect import responder, served

from bench.drills.robbery import APPROVERS, Robbery, aws, robbed
from prefect_cloudtrail.response.deciding import Member, decide
from prefect_cloudtrail.response.decision import Choice
from prefect_cloudtrail.response.rules import read_rules
from prefect_cloudtrail.response.signing import Keys

pytestmark = pytest.mark.production

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class Attack:
    """One site with a responder at work, and a plan that one of two people approved."""

    robbery: Robbery
    server: PrefectServer
    waiting: str
    evil: Path

    def run(self, flow: str, parameters: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Start a run of a served flow, and return how it ended."""
        given = {"parameters": parameters, "state": {"type": "SCHEDULED"}, **fields}
        started = self.server.post(f"deployments/{served(self.server)[flow]}/create_flow_run", **given)

        def ended() -> dict[str, Any]:
            run: dict[str, Any] = self.server.get(f"flow_runs/{started['id']}")
            return run if run["state"]["type"] in ENDED else {}

        return dict(wait_until(ended, f"the end of a {flow}")["state"])

    def is_untouched(self) -> None:
        """Make sure that the key is on, and that nothing was decided beyond what one person did."""
        assert (self.robbery.key_status(), self.robbery.policies()) == ("Active", [])
        with self.robbery.open() as store:
            (request,) = store.responses.requests(self.robbery.incident.incident_id)
            assert [each.decision_id for each in store.responses.decisions(request.request_id)] == [self.waiting]
            assert store.responses.settlement(request.request_id) is None
            assert store.responses.receipts() == []
            assert store.responses.verify_audit() == []
        assert list(self.evil.glob("ran*")) == []


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    folder = tmp_path_factory.mktemp("attack")
    (folder / "home").mkdir()
    evil = folder / "evil"
    evil.mkdir()
    with aws() as endpoint, prefect_server(folder / "home") as server:
        robbery = robbed(folder / "site", endpoint)
        with robbery.open() as store:
            request = robbery.ask(store)
            answer = decide(
                store,
                request.request_id,
                request.plan.digest,
                Choice.APPROVE,
                Member(APPROVERS[0]),
                "terminal",
                "stolen",
                rules=read_rules(robbery.folder / "rules.toml"),
                keys=robbery.keys,
                now=request.asked_at,
            )
            assert answer.outcome == "waiting"
        with responder(robbery, server):
            wait_until(lambda: set(served(server)) == {"contain", "undo", "watch"}, "its flows")
            yield Attack(robbery, server, str(answer.decision_id), evil)


def test_runs_with_ids_that_nobody_settled_are_refused(attack: Attack) -> None:
    for decision_id in (attack.waiting, "' OR 1=1 --"):
        assert attack.run("contain", {"decision_id": decision_id})["name"] == "Refused"
    assert attack.run("undo", {"receipt_ids": ["rcp_made_up"]})["type"] == "FAILED"
    assert attack.run("watch", {"decision_id": attack.waiting})["type"] == "FAILED"
    attack.is_untouched()


def test_a_run_takes_no_state_rules_or_settings_from_its_parameters(attack: Attack) -> None:
    given = {"state": str(attack.evil), "settings_block": "evil", "dry_run": False}
    ended = attack.run("contain", {"decision_id": attack.waiting, **given}, enforce_parameter_schema=False)
    # The flow's signature has none of these: it does not begin.
    assert ended["type"] in {"FAILED", "CRASHED"}
    attack.is_untouched()


def test_a_run_takes_no_environment_from_its_job_variables(attack: Attack) -> None:
    (attack.evil / "rules.toml").write_text('approvers = ["system:one"]\ndry_run = false\n')
    (attack.evil / "rules.toml").chmod(0o600)
    if not (attack.evil / "keys").exists():
        Keys.make(attack.evil / "keys")
    (attack.evil / "sitecustomize.py").write_text(f"open({str(attack.evil / 'ran-python')!r}, 'w')\n")
    environment = {
        "PREFECT_CLOUDTRAIL_RULES": str(attack.evil / "rules.toml"),
        "PREFECT_CLOUDTRAIL_SIGNING_KEYS": str(attack.evil / "keys"),
        "PREFECT_CLOUDTRAIL_STATE": str(attack.evil / "state"),
        "PREFECT__FLOW_ENTRYPOINT": f"{attack.evil}/sitecustomize.py:contain",
        "PYTHONPATH": str(attack.evil),
    }
    ended = attack.run("contain", {"decision_id": attack.waiting}, job_variables={"env": environment})
    # It asked the true state, by the true keys: there the decision waits for another person.
    assert (ended["name"], "another person must allow it first" in ended["message"]) == ("Refused", True)
    deployment = served(attack.server)["contain"]
    attack.server.patch(f"deployments/{deployment}", job_variables={"env": environment})
    assert attack.run("contain", {"decision_id": attack.waiting})["name"] == "Refused"
    attack.is_untouched()


def test_a_changed_deployment_has_the_responder_run_its_own_flow_all_the_same(attack: Attack) -> None:
    (attack.evil / "flow.py").write_text(
        "from pathlib import Path\nfrom prefect import flow\n"
        f"Path({str(attack.evil / 'ran-import')!r}).touch()\n"
        f"@flow\ndef contain(decision_id: str) -> None:\n    Path({str(attack.evil / 'ran-flow')!r}).touch()\n"
    )
    known = attack.server.get(f"deployments/{served(attack.server)['contain']}")
    shell = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {attack.evil}/ran-pull"}}
    attack.server.post(
        "deployments/",
        name=known["name"],
        flow_id=known["flow_id"],
        entrypoint=f"{attack.evil}/flow.py:contain",
        path=str(attack.evil),
        pull_steps=[shell],
        enforce_parameter_schema=False,
    )
    changed = attack.server.get(f"deployments/{served(attack.server)['contain']}")
    assert changed["pull_steps"] == [shell]
    assert attack.run("contain", {"decision_id": attack.waiting})["name"] == "Refused"
    attack.is_untouched()


def test_a_forced_state_changes_what_prefect_shows_and_nothing_else(attack: Attack) -> None:
    flow_id = attack.server.get(f"deployments/{served(attack.server)['contain']}")["flow_id"]
    forged = {"type": "COMPLETED", "name": "Contained", "message": "the quiet is proven"}
    run = attack.server.post("flow_runs/", flow_id=flow_id, parameters={"decision_id": attack.waiting}, state=forged)
    assert attack.server.get(f"flow_runs/{run['id']}")["state"]["name"] == "Contained"
    attack.server.post("artifacts/", key="receipts", type="table", data='[{"outcome": "applied"}]')
    attack.is_untouched()


def test_the_server_holds_no_secret_of_the_responder_s(attack: Attack) -> None:
    secrets = [path.read_text() for path in (attack.robbery.folder / "keys").glob("*.pem")]
    kinds = ("deployments", "flow_runs", "task_runs", "artifacts", "logs", "variables", "block_documents")
    said = "".join(json.dumps(attack.server.post(f"{each}/filter")) for each in kinds)
    assert "Refused" in said
    assert [each for each in secrets if each.splitlines()[1] in said] == []
