"""Which plans an incident calls for, and what becomes of those that a guard refuses."""

import pytest
from plan_cases import ACCOUNT, USER, a_case

from prefect_cloudtrail.errors import ResponseError
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.planning import Proposal, Refusal, proposal, propose, weigh
from prefect_cloudtrail.response.plans import Case, iam_user, nobody
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.standing import Standing


def of_user() -> Case:
    return a_case("iam_user", USER, standing=Standing(ACCOUNT, USER), access_key_ids=())


def nothing(_plan: Plan) -> str | None:
    return None


def test_a_principal_of_a_kind_is_planned_for_by_its_file() -> None:
    assert weigh(of_user(), nothing) == Proposal(plans=iam_user.propose(of_user()))
    service = a_case("aws_service", "config.amazonaws.com")
    assert weigh(service, nothing) == Proposal(plans=nobody.propose(service))


def test_a_plan_that_a_guard_refuses_is_kept_apart_with_why() -> None:
    def refuses(plan: Plan) -> str | None:
        return "deploy is never touched" if any(step.action == "deny_principal" for step in plan.steps) else None

    first, second = iam_user.propose(of_user())
    assert weigh(of_user(), refuses) == Proposal((first,), (Refusal(second, "deploy is never touched"),))


def test_a_kind_that_nobody_plans_for_is_an_error_and_no_silence() -> None:
    with pytest.raises(ResponseError, match=r"nobody plans for a robot \(inc_1\): add it to response/plans"):
        weigh(a_case("robot", "X"), nothing)


def test_the_guards_refuse_what_is_on_the_never_list() -> None:
    rules = Rules(never=(f"arn:aws:iam::{ACCOUNT}:user/robots/*",))
    found = proposal(of_user(), rules)
    assert (found.plans, propose(of_user(), rules)) == ((), ())
    assert [refused.plan for refused in found.refused] == list(iam_user.propose(of_user()))
    assert found.refused[0].why == f"{USER} is on the never-list (arn:aws:iam::{ACCOUNT}:user/robots/*)."
    assert propose(of_user(), Rules()) == iam_user.propose(of_user())
