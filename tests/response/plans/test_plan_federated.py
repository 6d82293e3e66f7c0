"""The plans against somebody whom an identity provider or a broker signs in, whole."""

import pytest
from plan_cases import ACCOUNT, NOT_IN_USE, RENEWS, TEMPORARY, USER, a_case, a_plan, a_session, a_trace, revoke

from prefect_cloudtrail.response.plan import ManualStep, Step
from prefect_cloudtrail.response.plans import federated
from prefect_cloudtrail.response.standing import Standing

SAML = f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta/alice@example.com"
WEB = "accounts.example.com/repo:org/name"
BROKERED = f"arn:aws:sts::{ACCOUNT}:federated-user/alice"
BROKER = ManualStep(
    "disable_at_broker", "Disable alice in the program that signs it in (it calls sts:GetFederationToken)."
)


@pytest.mark.parametrize(("kind", "principal"), [("saml_user", SAML), ("web_identity_user", WEB)])
def test_the_provider_comes_first_by_hand_then_the_session_then_the_role_by_two(kind: str, principal: str) -> None:
    provider = ManualStep(
        "disable_at_provider",
        f"Disable {principal} at the identity provider that its name begins with, end its sessions there, and set its "
        "password and second factor anew.",
    )
    trace = a_trace(sessions=(a_session("work", ACCOUNT, started_by=None),))
    said = f"Revoke session hop of role work in account {ACCOUNT}, begun at 2026-03-13 12:10 UTC."
    survives = ("Until it is disabled at the provider it can sign in again.", RENEWS)
    assert federated.propose(a_case(kind, principal, trace=trace, access_key_ids=())) == (
        a_plan(
            principal,
            "revoke_sessions",
            (revoke("work", user_id="AROAWORK:hop"),),
            manual=(provider,),
            does=(said,),
            breaks=(NOT_IN_USE,),
            survives=survives,
        ),
        a_plan(
            principal,
            "revoke_sessions",
            (revoke("work"), revoke("work", user_id="AROAWORK:hop")),
            manual=(provider,),
            approvers=2,
            why_two="All sessions of work stop, whoever the provider signed in.",
            does=("Revoke every session of work that there is.", said),
            breaks=("Everybody who works as work stops until they sign in again.", NOT_IN_USE),
            survives=survives,
            stops_service=True,
        ),
    )
    assert federated.propose(a_case(kind, principal)) == (
        a_plan(
            principal,
            "quarantine_principal",
            manual=(provider,),
            does=("It has no session of a role of ours that CloudTrail tells of.",),
            survives=("All goes on until this is done.",),
        ),
    )


def test_a_broker_s_user_is_denied_by_two_since_it_signs_others_in() -> None:
    case = a_case("federated_user", BROKERED, standing=Standing(ACCOUNT, USER), access_key_ids=(TEMPORARY,))
    assert federated.propose(case) == (
        a_plan(
            BROKERED,
            "revoke_sessions",
            (Step("deny_principal", ACCOUNT, USER, {"kind": "user", "name": "deploy"}),),
            manual=(BROKER,),
            approvers=2,
            why_two="Everybody whom user deploy signs in stops.",
            does=("Deny user deploy, whose key signs alice in, every call, its sessions too.",),
            breaks=("Everybody whom user deploy signs in stops, and so does deploy.", NOT_IN_USE),
            survives=("The keys of deploy stay as they are; the deny stops them.",),
            stops_service=True,
        ),
    )


def test_a_broker_that_is_not_known_leaves_the_step_by_hand() -> None:
    assert federated.propose(a_case("federated_user", BROKERED)) == (
        a_plan(
            BROKERED,
            "quarantine_principal",
            manual=(BROKER,),
            does=("The user whose key signs it in is not known, or there no more.",),
            survives=("All goes on until this is done.",),
        ),
    )
