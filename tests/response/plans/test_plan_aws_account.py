"""The plans against a caller from another account, whole."""

from plan_cases import ACCOUNT, NOT_IN_USE, OTHER_ACCOUNT, RENEWS, a_case, a_plan, a_session, a_trace, revoke

from prefect_cloudtrail.response.plan import ManualStep, Step
from prefect_cloudtrail.response.plans import aws_account

STRANGER = f"account {OTHER_ACCOUNT} AIDAEXAMPLE"
SESSION = a_session("partner", ACCOUNT, started_by=None)


def test_what_it_assumed_is_revoked_then_its_account_is_denied_in_the_trust_by_two() -> None:
    case = a_case("aws_account", STRANGER, trace=a_trace(sessions=(SESSION,)), access_key_ids=())
    trust = {"role_name": "partner", "from_account_id": OTHER_ACCOUNT}
    revoked = revoke("partner", user_id="AROAPARTNER:hop")
    said = f"Revoke session hop of role partner in account {ACCOUNT}, begun at 2026-03-13 12:10 UTC."
    assert aws_account.propose(case) == (
        a_plan(
            STRANGER,
            "revoke_sessions",
            (revoked,),
            does=(said,),
            breaks=(f"What account {OTHER_ACCOUNT} does with us stops until it assumes a role again.", NOT_IN_USE),
            survives=(f"Account {OTHER_ACCOUNT} can assume partner in account {ACCOUNT} again.", RENEWS),
        ),
        a_plan(
            STRANGER,
            "revoke_sessions",
            (Step("deny_in_trust", ACCOUNT, SESSION.role, trust), revoked),
            approvers=2,
            why_two=(
                f"Nobody of account {OTHER_ACCOUNT} can assume partner in account {ACCOUNT} any more: whoever needs it "
                "there is locked out."
            ),
            does=(f"Deny account {OTHER_ACCOUNT} in the trust of partner in account {ACCOUNT}.", said),
            breaks=(f"All that account {OTHER_ACCOUNT} does as partner in account {ACCOUNT} stops.", NOT_IN_USE),
            survives=(f"Other accounts that may assume partner in account {ACCOUNT} go on.", RENEWS),
        ),
    )


def test_without_a_role_the_resource_that_let_it_in_is_closed_by_hand() -> None:
    assert aws_account.propose(a_case("aws_account", STRANGER, access_key_ids=())) == (
        a_plan(
            STRANGER,
            "quarantine_principal",
            manual=(
                ManualStep(
                    "close_resource_policy",
                    f"Find which resource policy lets account {OTHER_ACCOUNT} in: the calls of the incident name the "
                    "bucket, key or queue; take the account out of its policy.",
                ),
            ),
            does=(f"Account {OTHER_ACCOUNT} assumed no role of ours: there is nobody of ours to stop.",),
            survives=("All goes on until this is done.",),
        ),
    )
