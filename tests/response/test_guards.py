"""What is never done, and what takes two people."""

from dataclasses import replace

import pytest
from response_cases import RULES, USER, a_plan, a_step

from prefect_cloudtrail.response.guards import approvers_needed, refusal
from prefect_cloudtrail.response.plan import UNDO, ManualStep, Plan
from prefect_cloudtrail.response.rules import Rules

ROLE = "arn:aws:iam::111122223333:role/ops/break-glass"
ROOT = "arn:aws:iam::111122223333:root"
KNOWN = frozenset({"slack:UOWNER"})


def against(principal: str, target: str | None = None, **arguments: object) -> Plan:
    return a_plan(a_step(target=target or principal, arguments=arguments), principal=principal)


@pytest.mark.parametrize(
    "plan",
    [
        against(ROLE),
        against(f"{ROLE}/i-chose-this"),
        against(USER, target=ROLE),
        against(USER, target="arn:aws:sts::111122223333:assumed-role/break-glass/any"),
        against(USER, role_arn=ROLE),
        against(USER, roles=[{"arn": ROLE}]),
        against(ROLE.replace("break-glass", "Break-Glass")),
    ],
    ids=["principal", "session", "target", "assumed role", "argument", "deep argument", "case"],
)
def test_nothing_is_done_to_who_is_on_the_never_list(plan: Plan) -> None:
    assert "is on the never-list (arn:aws:iam::*:role/*break-glass)" in str(
        refusal(plan, Rules(never=("arn:aws:iam::*:role/*break-glass",)))
    )


def test_others_are_not_on_the_never_list() -> None:
    assert refusal(against(USER), Rules(never=(f"{USER}s", "arn:aws:iam::*:role/deploy", USER[:-1]))) is None


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("111122223333", "The management account's root is never touched."),
        (None, f"{ROOT} may be the management account's root: name management_account in the rules."),
        ("444455556666", None),
    ],
)
def test_the_management_accounts_root_is_never_touched(account: str | None, said: str | None) -> None:
    assert refusal(against(ROOT), Rules(management_account=account)) == said


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:iam::111122223333:role/cloudtrail-responder",
        "arn:aws:iam::111122223333:role/security/Cloudtrail-Responder/session",
        "arn:aws:sts::111122223333:assumed-role/cloudtrail-responder/session",
    ],
)
def test_the_responders_own_role_is_never_touched(name: str) -> None:
    rules = Rules(responder_role="cloudtrail-responder")
    assert "is the responder's own role: without it nothing could be undone." in str(
        refusal(against(USER, name), rules)
    )
    assert refusal(against(USER), rules) is None


def test_giving_back_and_steps_by_hand_are_refused_to_nobody() -> None:
    rules = Rules(never=(USER,))
    assert refusal(a_plan(a_step(undoes="r-1"), playbook=UNDO), rules) is None
    assert refusal(replace(a_plan(), steps=(), manual=(ManualStep("call", "Call."),)), rules) is None
    assert refusal(a_plan(a_step(undoes="r-1"), a_step()), rules) is not None


@pytest.mark.parametrize(
    ("plan", "contained", "known", "needed"),
    [
        (a_plan(), 4, KNOWN, (1, None)),
        (
            a_plan(),
            5,
            KNOWN,
            (2, "5 containments were approved within an hour: each further one takes two people."),
        ),
        (a_plan(a_step(undoes="r-1"), playbook=UNDO), 9, KNOWN, (1, None)),
        (a_plan(), 0, frozenset(), (2, "Who is concerned is not known for sure: two people must allow it.")),
        (a_plan(approvers=2, why_two="The role is shared."), 9, KNOWN, (2, "The role is shared.")),
    ],
    ids=["below the limit", "at the limit", "undo", "nobody known", "the plan's own"],
)
def test_how_many_people_it_takes(
    plan: Plan, contained: int, known: frozenset[str], needed: tuple[int, str | None]
) -> None:
    assert approvers_needed(plan, contained, RULES, known) == needed
