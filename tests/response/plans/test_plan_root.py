"""The plans against an account's root, whole."""

import pytest
from plan_cases import ACCOUNT, MANAGEMENT, NOT_IN_USE, a_case, a_plan

from prefect_cloudtrail.response.plan import ManualStep, Step
from prefect_cloudtrail.response.plans import root
from prefect_cloudtrail.response.standing import Standing

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SECURE = ManualStep(
    "secure_root",
    f"Secure root of account {ACCOUNT}: the mailbox's password, then root's password by recovery, MFA anew, its access "
    "keys deleted, and the account's contacts as they were.",
)
SCP = Step("deny_by_scp", MANAGEMENT, ROOT, {"target_account_id": ACCOUNT, "principal_arn": ROOT})
MADE = f"Users, keys and roles that root made in account {ACCOUNT} go on."


def test_a_member_s_root_is_denied_then_its_credentials_are_taken_by_two() -> None:
    standing = Standing(ACCOUNT, ROOT, is_management_account=False, management_account=MANAGEMENT)
    assert root.propose(a_case("root", ROOT, standing=standing)) == (
        a_plan(
            ROOT,
            "quarantine_principal",
            (SCP,),
            manual=(SECURE,),
            does=(f"Deny root of account {ACCOUNT} every call, by an SCP.",),
            breaks=("What only root may do in the account cannot be done.", NOT_IN_USE),
            survives=("Its password and keys stay: it can sign in, and may do nothing.", MADE),
        ),
        a_plan(
            ROOT,
            "disable_access_keys",
            (SCP, Step("take_root_credentials", ACCOUNT, ROOT, {"from_account_id": MANAGEMENT})),
            manual=(SECURE,),
            approvers=2,
            why_two="Root's password and keys are deleted: that cannot be undone.",
            does=(
                f"Deny root of account {ACCOUNT} every call, by an SCP.",
                f"Take root's password, access keys and certificates of account {ACCOUNT} away. There is no undo.",
            ),
            breaks=("Nobody can sign in as root until the organisation lets it recover its password.", NOT_IN_USE),
            survives=(MADE,),
        ),
    )


@pytest.mark.parametrize(
    ("is_management_account", "why"),
    [
        (True, f"Account {ACCOUNT} is the management account: no SCP and no other account can stop its root."),
        (
            None,
            f"Whether account {ACCOUNT} is a member of the organisation is not known: no SCP can be put on it.",
        ),
    ],
)
def test_the_management_account_s_root_is_for_people(is_management_account: bool | None, why: str) -> None:
    management = ACCOUNT if is_management_account else None
    standing = Standing(ACCOUNT, ROOT, is_management_account=is_management_account, management_account=management)
    assert root.propose(a_case("root", ROOT, standing=standing)) == (
        a_plan(
            ROOT,
            "quarantine_principal",
            manual=(
                ManualStep(
                    "page_people",
                    f"Wake who holds the mailbox and second factor of account {ACCOUNT}'s root, and the head of "
                    "security, now.",
                ),
                SECURE,
                ManualStep(
                    "call_aws", "Open an urgent case with AWS Support: the root of an account is in other hands."
                ),
            ),
            does=(why,),
            survives=("All goes on until this is done.",),
        ),
    )
