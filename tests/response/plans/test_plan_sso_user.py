"""The plan of a person of Identity Center, whole."""

from plan_cases import (
    ACCOUNT,
    IN_USE,
    MANAGEMENT,
    NOT_IN_USE,
    OTHER_ACCOUNT,
    TEMPORARY,
    a_case,
    a_plan,
    an_alert,
    in_use,
)

from prefect_cloudtrail.response.plan import ManualStep, Step
from prefect_cloudtrail.response.plans import Case, sso_user
from prefect_cloudtrail.response.standing import Assignment, Standing

ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
ALICE = f"{ROLE}/alice@example.com"
USER_ID, GROUP_ID = "f0f0f0f0-1111-2222-3333-444444444444", "a0a0a0a0-1111-2222-3333-444444444444"
SET = "arn:aws:sso:::permissionSet/ssoins-1/ps-1"
INSTANCE = "arn:aws:sso:::instance/ssoins-1"
OWN = Assignment(INSTANCE, SET, USER_ID, "USER", ACCOUNT, "d-1", "eu-central-1", "Admin")
OF_GROUP = Assignment(INSTANCE, SET, GROUP_ID, "GROUP", ACCOUNT, "d-1", "eu-central-1")
USER_ARN = f"arn:aws:identitystore:::user/{USER_ID}"
SCP = Step("deny_by_scp", MANAGEMENT, USER_ARN, {"target_account_id": ACCOUNT, "identitystore_user_id": USER_ID})
PORTAL = ManualStep(
    "end_portal_session",
    "End the portal sessions of alice@example.com: IAM Identity Center, Users, alice@example.com, Active sessions, "
    "Delete; and disable the user at your identity provider.",
)
FIND = ManualStep(
    "remove_assignments",
    f"Take away what alice@example.com was assigned in account {ACCOUNT}: IAM Identity Center, AWS accounts. None that a "
    "step could take was found.",
)
SURVIVES = (
    "Sessions of alice@example.com in other accounts go on.",
    "The portal's session lives on until it is ended by hand, and gives new role sessions until then.",
)


def stands(**fields: object) -> Standing:
    known = {"role_id": "AROASSO", "management_account": MANAGEMENT, "is_management_account": False}
    given = {"account_id": ACCOUNT, "arn": ROLE, "identity_user_id": USER_ID, "assignments": (OWN,)} | known | fields
    return Standing(**given)  # type: ignore[arg-type]


def of_person(**fields: object) -> Case:
    given = {"standing": stands(), "access_key_ids": (TEMPORARY,)} | fields
    return a_case("sso_user", ALICE, **given)  # type: ignore[arg-type]


def test_a_person_is_denied_by_its_user_id_then_loses_its_assignment() -> None:
    removal = {
        "instance_arn": INSTANCE,
        "permission_set_arn": SET,
        "target_account_id": ACCOUNT,
        "principal_type": "USER",
        "principal_id": USER_ID,
        "region": "eu-central-1",
    }
    assert sso_user.propose(of_person(trace=in_use())) == (
        a_plan(
            ALICE,
            "revoke_sessions",
            (SCP, Step("remove_assignment", MANAGEMENT, SET, removal)),
            manual=(PORTAL,),
            does=(
                f"Deny alice@example.com every call in account {ACCOUNT}, by an SCP.",
                f"Take Admin in account {ACCOUNT} away from alice@example.com.",
            ),
            breaks=("alice@example.com can work there no more, from anywhere.", IN_USE),
            survives=SURVIVES,
            stops_service=True,
        ),
    )


def test_of_a_group_its_membership_is_taken_once_and_the_group_keeps_its_assignments() -> None:
    second = Assignment(INSTANCE, f"{SET}0", GROUP_ID, "GROUP", ACCOUNT, "d-1", "eu-central-1", "Read")
    (found,) = sso_user.propose(of_person(standing=stands(assignments=(OF_GROUP, second))))
    membership = {"identity_store_id": "d-1", "group_id": GROUP_ID, "user_id": USER_ID, "region": "eu-central-1"}
    group = f"arn:aws:identitystore:::group/{GROUP_ID}"
    assert found.steps == (SCP, Step("remove_assignment", MANAGEMENT, group, membership))
    assert found.does[1:] == (
        f"Take alice@example.com out of group {GROUP_ID}, which has ps-1 in account {ACCOUNT}.",
        f"Take alice@example.com out of group {GROUP_ID}, which has Read in account {ACCOUNT}.",
    )


def test_where_its_user_id_is_not_known_its_session_is_denied() -> None:
    unknown = {"Identity Center user": "AWS answered AccessDeniedException to GetUserId"}
    (found,) = sso_user.propose(of_person(standing=stands(identity_user_id=None, assignments=(), unknown=unknown)))
    whom = {"target_account_id": ACCOUNT, "user_id": "AROASSO:alice@example.com"}
    assert found == a_plan(
        ALICE,
        "revoke_sessions",
        (Step("deny_by_scp", MANAGEMENT, ROLE, whom),),
        manual=(PORTAL, FIND),
        does=(f"Deny alice@example.com every call in account {ACCOUNT}, by an SCP.",),
        breaks=(
            "alice@example.com can work there no more, from anywhere.",
            NOT_IN_USE,
            "Not known: Identity Center user, since AWS answered AccessDeniedException to GetUserId.",
        ),
        survives=SURVIVES,
    )


def test_each_member_account_of_the_incident_is_denied_and_not_the_management_account() -> None:
    alerts = tuple(an_alert("iam:CreateUser", ALICE, each) for each in (ACCOUNT, OTHER_ACCOUNT, MANAGEMENT))
    (found,) = sso_user.propose(of_person(alerts=alerts, standing=stands(assignments=())))
    assert [step.arguments["target_account_id"] for step in found.steps] == [ACCOUNT, OTHER_ACCOUNT]


def test_in_the_management_account_only_the_assignment_is_taken() -> None:
    standing = stands(account_id=MANAGEMENT, is_management_account=True)
    alerts = (an_alert("iam:CreateUser", ALICE, MANAGEMENT),)
    (found,) = sso_user.propose(of_person(standing=standing, alerts=alerts))
    assert [step.action for step in found.steps] == ["remove_assignment"]
    assert found.manual[0] == ManualStep(
        "deny_person",
        "Disable alice@example.com: IAM Identity Center, Users, alice@example.com, Disable user access. No step denies "
        "it, since this is the management account, which no SCP reaches.",
    )


def test_without_the_organisation_all_is_by_hand() -> None:
    standing = stands(management_account=None, is_management_account=None, identity_user_id=None, assignments=())
    (found,) = sso_user.propose(of_person(standing=standing))
    assert found == a_plan(
        ALICE,
        "quarantine_principal",
        manual=(
            ManualStep(
                "deny_person",
                "Disable alice@example.com: IAM Identity Center, Users, alice@example.com, Disable user access. No step "
                "denies it, since the management account or the user's id is not known.",
            ),
            PORTAL,
            FIND,
        ),
        does=("Nothing can be done to alice@example.com without the organisation's account.",),
        survives=("All goes on until this is done.",),
    )


def test_a_person_who_called_without_a_role_is_known_by_its_id() -> None:
    standing = stands(arn=None, role_id=None)
    (found,) = sso_user.propose(a_case("identity_center_user", USER_ID, standing=standing))
    assert found.steps[0] == SCP
    assert found.does[0] == f"Deny Identity Center user {USER_ID} every call in account {ACCOUNT}, by an SCP."
