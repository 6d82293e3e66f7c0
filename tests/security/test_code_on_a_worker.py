"""Code on a detect worker: it writes incidents and requests as it likes, and reads all that was decided."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from responding import Site
from response_cases import a_plan, a_step

from bench.drills.robbery import ACCOUNT, APPROVERS, Robbery, robbed
from prefect_cloudtrail.errors import ActionError, StateError, TamperedError
from prefect_cloudtrail.response.actions import checked
from prefect_cloudtrail.response.containing import Ending
from prefect_cloudtrail.response.deciding import Member, approved, decide
from prefect_cloudtrail.response.decision import Choice, Decision, Request, SettlementOutcome
from prefect_cloudtrail.response.guards import approvers_needed, refusal
from prefect_cloudtrail.response.plan import Plan, Step
from prefect_cloudtrail.response.rules import Rules, read_rules
from prefect_cloudtrail.store import Store

GUARDED = "break-glass"
THIEF = f"arn:aws:iam::{ACCOUNT}:user/thief"
NEVER = Rules(never=(f"arn:aws:iam::*:user/{GUARDED}", f"arn:aws:iam::*:role/{GUARDED}"))


def step(action: str, target: str = THIEF, **arguments: Any) -> Step:
    return Step(action, ACCOUNT, target, arguments)


ELSEWHERE = {
    "user's policy": step("deny_principal", kind="user", name=GUARDED),
    "user's key": step("disable_access_key", user_name=GUARDED, access_key_id="AKIAEXAMPLE"),
    "role's policy": step("deny_principal", f"arn:aws:iam::{ACCOUNT}:role/thief", kind="role", name=GUARDED),
    "role's sessions": step("revoke_sessions", f"arn:aws:iam::{ACCOUNT}:role/thief", role_name=GUARDED),
    "role's trust": step("deny_in_trust", f"arn:aws:iam::{ACCOUNT}:role/thief", role_name=GUARDED),
    "role called a user": step("deny_principal", f"arn:aws:iam::{ACCOUNT}:user/{GUARDED}2", kind="role", name=GUARDED),
    "both": step("deny_principal", user_name="thief", kind="user", name=GUARDED),
    "other account": replace(step("deny_principal", kind="user", name="thief"), account_id="444455556666"),
    "no such kind of target": step("deny_principal", "thief", kind="user", name="thief"),
    "instance": step(
        "reassociate_profile", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-1", instance_id="i-2", region="eu-west-1"
    ),
    "root of another account": replace(
        step("take_root_credentials", f"arn:aws:iam::{ACCOUNT}:root", from_account_id="9" * 12),
        account_id="444455556666",
    ),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_step_that_changes_another_than_its_target_is_refused(name: str) -> None:
    given = ELSEWHERE[name]
    rules = replace(NEVER, management_account="999999999999")
    said = f"{given.action} names another than its target {given.target}."
    assert refusal(a_plan(given, principal=THIEF), rules) == said


def test_a_step_that_changes_its_target_is_not() -> None:
    role, instance = f"arn:aws:iam::{ACCOUNT}:role/ops/orders", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-1"
    steps = (
        step("deny_principal", kind="user", name="thief"),
        step("disable_access_key", user_name="thief", access_key_id="AKIAEXAMPLE"),
        step("revoke_sessions", role, role_name="orders"),
        step("reassociate_profile", instance, instance_id="i-1", region="eu-west-1"),
    )
    assert refusal(a_plan(*steps, principal=THIEF), NEVER) is None


def test_a_path_that_the_request_left_out_does_not_hide_who_is_never_touched(site: Site) -> None:
    user = f"{GUARDED}-{site.robbery.user_name}"
    site.robbery.iam.create_user(UserName=user, Path="/ops/")
    key = site.robbery.iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    site.rule(f'never = ["arn:aws:iam::*:user/ops/{GUARDED}*"]')
    target = f"arn:aws:iam::{ACCOUNT}:user/{user}"
    steps = (
        Step("deny_principal", ACCOUNT, target, {"kind": "user", "name": user}),
        Step("disable_access_key", ACCOUNT, target, {"user_name": user, "access_key_id": key}),
    )
    done = site.contain(replace(site.robbery.plan, steps=steps))
    said = f"arn:aws:iam::{ACCOUNT}:user/ops/{user} is on the never-list (arn:aws:iam::*:user/ops/{GUARDED}*)."
    assert (done.ending, [each.said for each in done.receipts]) == (Ending.FAILED, [said.capitalize()] * 2)
    (listed,) = site.robbery.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    assert (listed["Status"], site.robbery.iam.list_user_policies(UserName=user)["PolicyNames"]) == ("Active", [])


def answered(site: Site, plan: Plan, **other: Any) -> str:
    request = site.robbery.ask(site.store, plan)
    given: dict[str, Any] = {"digest": plan.digest, "by": Member(APPROVERS[0]), "via": "terminal"} | other
    return decide(
        site.store,
        request.request_id,
        given["digest"],
        Choice.APPROVE,
        given["by"],
        given["via"],
        "seen",
        rules=site.plane.rules(),
        keys=site.plane.keys,
        now=site.clock(),
    ).said


def test_a_plan_against_another_than_its_incident_is_about_is_refused(site: Site) -> None:
    assert answered(site, replace(site.robbery.plan, principal=THIEF)) == (
        f"Nothing was done: the plan is against {THIEF}, whom its incident is not about."
    )


@pytest.mark.parametrize("arguments", [{}, {"kind": "user"}, {"user_name": "thief"}])
def test_a_step_that_lacks_what_its_action_needs_is_refused_in_a_sentence(
    site: Site, arguments: dict[str, object]
) -> None:
    for action in ("deny_principal", "disable_access_key"):
        with pytest.raises(ActionError, match=r"^cannot take \w+: its step lacks '\w+'; propose it again$"):
            checked(site.plane.aws, Step(action, ACCOUNT, THIEF, arguments))


def test_an_action_that_there_is_not_is_refused_in_a_sentence(site: Site) -> None:
    for name in ("../deny_principal", "os", "__init__", "_inline"):
        with pytest.raises(ActionError, match="there is no action"):
            checked(site.plane.aws, Step(name, ACCOUNT, THIEF))


def test_a_request_does_not_choose_how_many_people_it_takes() -> None:
    narrow = a_plan(a_step("deny_in_trust", arguments={"role_name": "orders"}), approvers=1)
    whole = a_plan(a_step("revoke_sessions", arguments={"role_name": "orders"}), approvers=1)
    assert [approvers_needed(each, 0, Rules(), {"slack:UOWNER"})[0] for each in (narrow, whole)] == [2, 2]


def test_its_own_rules_and_keys_decide_nothing(
    planes: tuple[str, str], robbery: Robbery, tmp_path: Path, endpoint: str
) -> None:
    """As `contain` does on a worker with job variables of its own, or any code with the worker's database user."""
    detect, responder = planes
    evil = robbed(tmp_path / "evil", endpoint, detect)
    with evil.open() as store:
        request = evil.ask(store)
    with evil.open() as store, pytest.raises(StateError, match="permission denied"):
        evil.approve(store, request)
    with evil.open() as store, pytest.raises(StateError, match="permission denied"):
        store.responses.add_decision(forged(evil, request), SettlementOutcome.APPROVED, request.asked_at)
    with Store.open(tmp_path / "evil" / "state", responder) as store:
        assert store.responses.decisions(request.request_id) == []
        assert store.responses.to_carry_out() == []
        # Where there are no roles, it is written down, and the responder refuses it for its key.
        store.responses.add_decision(forged(evil, request), SettlementOutcome.APPROVED, request.asked_at)
        given = (store, forged(evil, request).decision_id, read_rules(evil.folder / "rules.toml"))
        with pytest.raises(TamperedError, match="which is no key of ours"):
            approved(*given, robbery.keys, request.asked_at)
        assert store.responses.breaker().tripped
    assert evil.key_status() == "Active"


def forged(evil: Robbery, request: Request) -> Decision:
    """Return an approval, signed with a key of the worker's own, in the name of one who may."""
    return evil.keys.sign(
        decision_id="dec_forged",
        request_id=request.request_id,
        digest=request.plan.digest,
        choice=Choice.APPROVE,
        by=APPROVERS[0],
        via="terminal",
        decided_at=request.asked_at,
        why="seen",
    )
