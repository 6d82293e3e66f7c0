"""Who it was: every form of identity, session name, command and user agent."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefect_cloudtrail.principal import HIDDEN_USER, Identity, Who, identify, is_instance, name, names_nobody
from prefect_cloudtrail.schema import EVENTS, GEO, WHO, check

REAL = Path(__file__).parents[2] / "shared" / "data"
needs_real_records = pytest.mark.skipif(not REAL.is_dir(), reason=f"the real records are not in {REAL}")

ACCOUNT, OTHER = "111111111111", "222222222222"
SSO_ROLE = "AWSReservedSSO_Admin_0123456789abcdef"
SSO_ARN = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/{SSO_ROLE}"

COLUMNS = {
    "provider": "event.provider",
    "action": "event.action",
    "agent": "user_agent.original",
    "called_account": "cloud.account.id",
    "address": "source.address",
    "user_name": "user.name",
    "type": "aws.cloudtrail.user_identity.type",
    "arn": "aws.cloudtrail.user_identity.arn",
    "id": "aws.cloudtrail.user_identity.principal_id",
    "account_id": "aws.cloudtrail.user_identity.account_id",
    "access_key_id": "aws.cloudtrail.user_identity.access_key_id",
    "invoked_by": "aws.cloudtrail.user_identity.invoked_by",
    "identity_provider": "aws.cloudtrail.user_identity.identity_provider",
    "on_behalf_of": "aws.cloudtrail.user_identity.on_behalf_of.user_id",
    "issuer_arn": "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
}


def events(*rows: dict[str, str | None]) -> pl.DataFrame:
    """Return EVENTS of these rows, which say only what their test is about."""
    full = [dict.fromkeys(EVENTS) | {COLUMNS[part]: value for part, value in row.items()} for row in rows]
    return pl.DataFrame(full, schema=EVENTS)


def who(**row: str | None) -> Who:
    """Return who the frame's one event was."""
    named = name(events(row)).row(0, named=True)
    return Who(named["principal"], named["principal.kind"], named["person"], named["peers"])


def session(
    role: str, session_name: str, account: str = ACCOUNT, *, issuer: str | None = None
) -> dict[str, str | None]:
    return {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session_name}",
        "id": f"AROAEXAMPLEEXAMPLE000:{session_name}",
        "account_id": account,
        "issuer_arn": issuer or f"arn:aws:iam::{account}:role/{role}",
    }


def iam_user(user_name: str, account: str = ACCOUNT) -> dict[str, str | None]:
    arn = f"arn:aws:iam::{account}:user/{user_name}"
    return {"type": "IAMUser", "arn": arn, "account_id": account, "user_name": user_name.rpartition("/")[2]}


# --- IAM users and root -----------------------------------------------------------------------------------------------


def test_an_iam_user_is_its_arn() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:user/deploy"
    assert who(**iam_user("deploy")) == Who(arn, "iam_user", "user deploy", f"{ACCOUNT} iam_user")


def test_an_iam_users_session_is_the_user() -> None:
    assert who(**iam_user("deploy"), access_key_id="ASIAEXAMPLE") == who(**iam_user("deploy"), access_key_id="AKIAEX")


def test_an_iam_users_path_is_no_part_of_its_name() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:user/teams/build/deploy"
    assert who(**iam_user("teams/build/deploy")) == Who(arn, "iam_user", "user deploy", f"{ACCOUNT} iam_user")


def test_the_same_iam_user_name_in_two_accounts_is_one_person() -> None:
    here, there = who(**iam_user("deploy")), who(**iam_user("Deploy", OTHER))
    assert here.person == there.person
    assert here.principal != there.principal
    assert here.peers != there.peers


def test_a_failed_sign_in_without_an_arn_is_the_same_user() -> None:
    assert who(type="IAMUser", account_id=ACCOUNT, user_name="deploy") == who(**iam_user("deploy"))


def test_a_hidden_user_name_is_nobody_we_know() -> None:
    hidden = who(type="IAMUser", account_id=ACCOUNT, user_name=HIDDEN_USER)
    principal = f"account {ACCOUNT} {HIDDEN_USER}"
    assert hidden == Who(principal, "unknown", principal, f"{ACCOUNT} unknown")


@pytest.mark.parametrize(
    ("row", "principal"),
    [
        ({"id": "AIDAEXAMPLEEXAMPLE000"}, "AIDAEXAMPLEEXAMPLE000"),
        ({"access_key_id": "AKIAEXAMPLEEXAMPLE00"}, "key AKIAEXAMPLEEXAMPLE00"),
    ],
)
def test_an_iam_user_without_a_name_is_its_id_or_its_key(row: dict[str, str], principal: str) -> None:
    named = who(type="IAMUser", account_id=ACCOUNT, **row)
    assert named == Who(principal, "iam_user", principal, f"{ACCOUNT} iam_user")


@pytest.mark.parametrize("arn", [f"arn:aws:iam::{ACCOUNT}:root", "", None])
def test_root_is_root(arn: str | None) -> None:
    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert who(type="Root", arn=arn, id=ACCOUNT, account_id=ACCOUNT) == Who(root, "root", root, f"{ACCOUNT} root")


# --- role sessions ----------------------------------------------------------------------------------------------------


def test_an_identity_center_person_is_the_role_and_the_name() -> None:
    named = who(**session(SSO_ROLE, "Ana.Fox@example.com", issuer=SSO_ARN))
    assert named == Who(f"{SSO_ARN}/Ana.Fox@example.com", "sso_user", "ana.fox@example.com", SSO_ARN)


def test_an_identity_center_name_need_not_be_an_email() -> None:
    assert who(**session(SSO_ROLE, "AFox")).person == "identity center afox"


@pytest.mark.parametrize("user_name", ["1234567", "i-0dbc91f429e48eeed", "5a1c6c4e-1f1e-4a0e-9d5e-0a1b2c3d4e5f"])
def test_an_identity_center_name_is_never_nobody(user_name: str) -> None:
    assert who(**session(SSO_ROLE, user_name)).principal.endswith(f"/{user_name}")


def test_one_email_in_two_roles_and_two_accounts_is_one_person() -> None:
    rows = [
        session(SSO_ROLE, "ana.fox@example.com"),
        session("AWSReservedSSO_ReadOnly_fedcba9876543210", "ana.fox@example.com"),
        session(SSO_ROLE, "ana.fox@example.com", OTHER),
        session("Admin", "ana.fox@example.com"),
        iam_user("ana.fox@example.com"),
    ]
    named = name(events(*rows))
    assert named["person"].unique().to_list() == ["ana.fox@example.com"]
    assert named["principal"].n_unique() == 5


def test_an_instances_role_is_the_role_whatever_the_instance() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/web"
    expected = Who(role, "instance_role", role, role)
    assert who(**session("web", "i-0dbc91f429e48eeed")) == who(**session("web", "i-1a2b3c4d")) == expected


def test_a_session_named_for_nobody_is_the_role() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/ci"
    assert who(**session("ci", "botocore-session-1700000000")) == Who(role, "role", role, role)


@pytest.mark.parametrize("session_name", ["ana", "nightly-backup"])
def test_a_session_named_for_a_person_or_a_function_is_a_principal(session_name: str) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/ops"
    principal = f"{role}/{session_name}"
    assert who(**session("ops", session_name)) == Who(principal, "role_session", principal, role)


def test_a_services_own_role_is_the_role() -> None:
    linked = session("AWSServiceRoleForAutoScaling", "AutoScaling")
    role = f"arn:aws:iam::{ACCOUNT}:role/AWSServiceRoleForAutoScaling"
    assert who(**linked, invoked_by="autoscaling.amazonaws.com") == Who(role, "role", role, role)


def test_a_roles_path_comes_from_its_issuer() -> None:
    issuer = f"arn:aws:iam::{ACCOUNT}:role/teams/ops"
    assert who(**session("ops", "ana", issuer=issuer)).principal == f"{issuer}/ana"


@pytest.mark.parametrize("issuer", [None, "", f"arn:aws:iam::{ACCOUNT}:user/ana"])
def test_a_role_without_an_issuer_is_rebuilt_from_the_session(issuer: str | None) -> None:
    named = who(**session("ops", "ana") | {"issuer_arn": issuer})
    assert named.principal == f"arn:aws:iam::{ACCOUNT}:role/ops/ana"


def test_a_role_keeps_its_partition() -> None:
    arn = f"arn:aws-us-gov:sts::{ACCOUNT}:assumed-role/ops/ana"
    assert who(type="AssumedRole", arn=arn).peers == f"arn:aws-us-gov:iam::{ACCOUNT}:role/ops"


def test_a_role_session_without_an_arn_is_its_role_id_and_name() -> None:
    named = who(type="AssumedRole", id="AROAEXAMPLEEXAMPLE000:ana", account_id=ACCOUNT)
    assert (named.principal, named.kind) == ("AROAEXAMPLEEXAMPLE000/ana", "role_session")


def test_a_role_session_without_a_name_is_the_role() -> None:
    named = who(type="AssumedRole", arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{SSO_ROLE}", account_id=ACCOUNT)
    assert (named.principal, named.kind) == (f"arn:aws:iam::{ACCOUNT}:role/{SSO_ROLE}", "role")


# --- everybody else ---------------------------------------------------------------------------------------------------


FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/ben@example.com"
USER_ID = "544894e8-80c1-707f-60e3-3ba6510dfac1"


@pytest.mark.parametrize("arn", [FEDERATED, None])
def test_a_federated_user_is_its_arn_and_the_person_whose_key_it_was(arn: str | None) -> None:
    issuer = f"arn:aws:iam::{ACCOUNT}:user/ana"
    row = {"id": f"{ACCOUNT}:ben@example.com", "account_id": ACCOUNT, "issuer_arn": issuer}
    named = who(type="FederatedUser", arn=arn, **row)
    assert named == Who(FEDERATED, "federated_user", "user ana", f"{ACCOUNT} federated_user")


def test_a_federated_user_without_an_issuer_is_no_other_person() -> None:
    assert who(type="FederatedUser", arn=FEDERATED, account_id=ACCOUNT).person == FEDERATED


def test_a_saml_user_is_what_its_provider_says() -> None:
    row = {"id": "qualifier:ana.fox@example.com", "identity_provider": "qualifier", "user_name": "ana.fox@example.com"}
    principal = "qualifier/ana.fox@example.com"
    expected = Who(principal, "saml_user", "ana.fox@example.com", f"{ACCOUNT} saml_user")
    assert who(type="SAMLUser", account_id=ACCOUNT, **row) == expected


def test_a_web_identity_user_is_what_its_provider_says() -> None:
    row = {
        "id": "accounts.google.com:app.apps.googleusercontent.com:4711",
        "identity_provider": "accounts.google.com",
        "user_name": "4711",
    }
    principal = "accounts.google.com/4711"
    expected = Who(principal, "web_identity_user", principal, f"{ACCOUNT} web_identity_user")
    assert who(type="WebIdentityUser", called_account=ACCOUNT, **row) == expected


@pytest.mark.parametrize("form", ["SAMLUser", "WebIdentityUser"])
def test_a_providers_user_without_a_name_is_its_id(form: str) -> None:
    assert who(type=form, id="qualifier:ana").principal == "qualifier:ana"


@pytest.mark.parametrize("row", [{"on_behalf_of": USER_ID, "id": "other"}, {"id": USER_ID}])
def test_an_identity_center_user_is_its_id(row: dict[str, str]) -> None:
    named = who(type="IdentityCenterUser", account_id=ACCOUNT, **row)
    expected = Who(USER_ID, "identity_center_user", f"identity center id {USER_ID}", f"{ACCOUNT} identity_center_user")
    assert named == expected


def test_an_identity_center_user_with_an_email_is_that_person() -> None:
    row = {"on_behalf_of": USER_ID, "user_name": "ana.fox@example.com"}
    assert who(type="IdentityCenterUser", **row).person == "ana.fox@example.com"


@pytest.mark.parametrize(
    ("caller_id", "principal"),
    [
        (OTHER, f"account {OTHER}"),
        (None, f"account {OTHER}"),
        ("AIDAEXAMPLEEXAMPLE000", f"account {OTHER} AIDAEXAMPLEEXAMPLE000"),
        ("AROAEXAMPLEEXAMPLE000:ana", f"account {OTHER} AROAEXAMPLEEXAMPLE000 ana"),
        ("AROAEXAMPLEEXAMPLE000:aws-go-sdk-1688990082523310002", f"account {OTHER} AROAEXAMPLEEXAMPLE000"),
    ],
)
def test_another_account_is_that_account_and_its_callers_id(caller_id: str | None, principal: str) -> None:
    named = who(type="AWSAccount", account_id=OTHER, id=caller_id, called_account=ACCOUNT)
    assert named == Who(principal, "aws_account", principal, f"{OTHER} aws_account")


@pytest.mark.parametrize(
    "row",
    [
        {"account_id": "ANONYMOUS_PRINCIPAL", "id": ""},
        {"account_id": "anonymous"},
        {"account_id": "", "id": "Anonymous"},
    ],
)
def test_an_anonymous_caller_is_anonymous(row: dict[str, str]) -> None:
    named = who(type="AWSAccount", called_account=ACCOUNT, **row)
    assert named == Who("anonymous", "anonymous", "anonymous", f"{ACCOUNT} anonymous")


@pytest.mark.parametrize(
    "row",
    [
        {"type": "AWSService", "invoked_by": "ec2.amazonaws.com", "address": "ec2.amazonaws.com"},
        {"type": "AWSService", "address": "ec2.amazonaws.com"},
        {"invoked_by": "ec2.amazonaws.com", "account_id": ACCOUNT},
        {"type": "Unknown", "invoked_by": "ec2.amazonaws.com"},
        {"address": "ec2.amazonaws.com"},
    ],
)
def test_a_service_is_its_name(row: dict[str, str]) -> None:
    named = who(called_account=ACCOUNT, **row)
    expected = Who("ec2.amazonaws.com", "aws_service", "ec2.amazonaws.com", f"{ACCOUNT} aws_service")
    assert named == expected


def test_a_directory_user_is_its_directory_and_name() -> None:
    named = who(type="Directory", id="d-1234567890", user_name="ana", account_id=ACCOUNT)
    assert (named.principal, named.kind) == ("d-1234567890/ana", "directory_user")


@pytest.mark.parametrize("form", ["Unknown", None, "", "SomethingNew"])
@pytest.mark.parametrize(
    "row",
    [
        session(SSO_ROLE, "ana.fox@example.com"),
        session("web", "i-0dbc91f429e48eeed"),
        iam_user("deploy"),
        {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "account_id": ACCOUNT},
        {"type": "FederatedUser", "arn": FEDERATED, "account_id": ACCOUNT},
    ],
)
def test_an_unknown_type_is_read_by_its_arn(row: dict[str, str | None], form: str | None) -> None:
    assert who(**row | {"type": form}) == who(**row)


@pytest.mark.parametrize(
    ("row", "principal", "person"),
    [
        ({"arn": "arn:aws:new::1:thing"}, "arn:aws:new::1:thing", "arn:aws:new::1:thing"),
        ({"id": "someone"}, "someone", "someone"),
        (
            {"id": ACCOUNT, "account_id": ACCOUNT, "user_name": "ana.fox@example.com"},
            f"account {ACCOUNT} ana.fox@example.com",
            "ana.fox@example.com",
        ),
        ({"access_key_id": "AKIAEXAMPLE"}, "key AKIAEXAMPLE", "key AKIAEXAMPLE"),
        ({"id": ACCOUNT, "account_id": ACCOUNT}, ACCOUNT, ACCOUNT),
        ({}, "unknown", "unknown"),
    ],
)
def test_an_unknown_identity_is_what_is_known_of_it(row: dict[str, str], principal: str, person: str) -> None:
    named = who(type="Unknown", **row)
    assert (named.principal, named.kind, named.person) == (principal, "unknown", person)


def test_control_characters_are_no_part_of_a_principal() -> None:
    named = who(type="IAMUser", account_id=ACCOUNT, user_name="de\x1b[2Jploy\n")
    assert named.principal == f"arn:aws:iam::{ACCOUNT}:user/de [2Jploy"


FORMS: list[str | None] = [
    "IAMUser",
    "Root",
    "AssumedRole",
    "FederatedUser",
    "SAMLUser",
    "WebIdentityUser",
    "IdentityCenterUser",
]
FORMS += ["AWSAccount", "AWSService", "Directory", "Unknown", "Role", "", None]
PARTS = st.none() | st.sampled_from(["", " ", "a", "AROA:b", f"arn:aws:iam::{ACCOUNT}:user/", ":", "/", "a@b.c"])
PARTS |= st.text(max_size=12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, PARTS) | {"type": st.sampled_from(FORMS)}), max_size=4))
def test_whatever_a_record_says_its_caller_has_a_name(rows: list[dict[str, str | None]]) -> None:
    named = name(events(*rows))
    assert named.height == len(rows)
    for column in WHO:
        assert named.filter(pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")).height == 0


# --- session names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "session_name",
    [
        "i-0dbc91f429e48eeed",
        "i-1a2b3c4d",
        "mi-0123456789abcdef0",
        "ip-10-0-0-12.ec2.internal",
        "api-7d9f8b6c5d-x2x9k",
        "5a1c6c4e-1f1e-4a0e-9d5e-0a1b2c3d4e5f",
        "AWSCodeBuild-5a1c6c4e-1f1e-4a0e-9d5e-0a1b2c3d4e5f",
        "a3f5c9d2e1b04f7a8c6d9e0f1a2b3c4d",
        "build-1a2b3c4d",
        "1111",
        "1700000000",
        "1700000000000",
        "run-12345678",
        "20230710T115522Z",
        "2023-07-10",
        "2023-07-10T11-55-22Z",
        "Terraform20240101T120000Z",
        "Terraform-1700000000",
        "terraform-20240101120000",
        "terraform-run-CZcmD7eagjhyX0vN",
        "awslambda_291_20230710122648994",
        "MandoService2842426183934887787",
        "dbi-id-db-PDUCDGLRGDVGNFIUKF4FRJGEGY",
        "AROAEXAMPLEEXAMPLE000",
        "x7k2m9q4p1z8",
        "HkvTqZpWmRxBnLcYdGfJsAeUiOyXwVtQ",
        "botocore-session-1700000000",
        "boto3",
        "boto3-1700000000",
        "aws-sdk-java-1700000000000",
        "aws-sdk-js-session-1700000000",
        "aws-go-sdk-1688990082523310002",
        "aws-dotnet-sdk-session-638355",
        "assume-role-provider-1a2b",
        "web-identity-token-1700000000000",
        "AWSCLI-Session",
        "aws-cli-session-1700000000",
        "cli",
        "default",
        "session",
        "Session",
        "sample-session",
        "AssumeRoleSession1",
        "RoleSessionName",
        "GitHubActions",
    ],
)
def test_such_a_session_name_names_nobody(session_name: str) -> None:
    assert names_nobody(session_name)


@pytest.mark.parametrize(
    "session_name",
    [
        "ana.fox@example.com",
        "12345678@example.com",
        "ana",
        "ana.fox",
        "ana_fox",
        "AnaFox",
        "jdoe1984",
        "a1234567",
        "l33t",
        "deploy",
        "nightly-build",
        "backup-nightly",
        "ci-build-12",
        "node1",
        "ops-deploy-0",
        "my-function-v2",
        "payments-prod-eu-west-1",
        "ProcessPaymentsHandler",
        "ConfigResourceCompositionSession",
        "DeployApp2Prod",
        "S3ToEc2SyncJob1",
        "ETLJobRunDB",
        "DEPLOYMENTSERVICE",
        "AWSCloudFormation",
        "custodian-net-change-encryption",
        "sdk-release-bot",
        "cli-deployer",
        "session-cleaner",
        "terraform",
        "face2face",
        "default-vpc-cleaner",
    ],
)
def test_such_a_session_name_names_a_person_or_a_function(session_name: str) -> None:
    assert not names_nobody(session_name)


@pytest.mark.parametrize(
    ("session_name", "instance"),
    [
        ("i-0dbc91f429e48eeed", True),
        ("i-1a2b3c4d", True),
        ("i-robot", False),
        ("i-1a2b3c", False),
        ("xi-1a2b3c4d", False),
    ],
)
def test_an_instance_is_known_by_its_id(session_name: str, instance: bool) -> None:
    assert is_instance(session_name) is instance


# --- commands and user agents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "action", "command"),
    [
        ("iam.amazonaws.com", "CreateUser", "iam:CreateUser"),
        ("ec2.amazonaws.com.cn", "RunInstances", "ec2:RunInstances"),
        ("lambda.amazonaws.com", "ListFunctions20150331", "lambda:ListFunctions"),
        ("lambda.amazonaws.com", "GetFunction20150331v2", "lambda:GetFunction"),
        ("lambda.amazonaws.com", "GetFunction", "lambda:GetFunction"),
        ("cloudfront.amazonaws.com", "CreateFunction2020_05_31", "cloudfront:CreateFunction"),
        ("route53.amazonaws.com", "ListHostedZones", "route53:ListHostedZones"),
        ("s3.amazonaws.com", "ListObjectsV2", "s3:ListObjectsV2"),
        ("example.com", "Do", "example.com:Do"),
        (None, None, "unknown:unknown"),
    ],
)
def test_a_command_is_its_service_and_its_name(provider: str | None, action: str | None, command: str) -> None:
    assert name(events({"provider": provider, "action": action}))["command"].to_list() == [command]


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("aws-cli/2.17.32 md/awscrt#0.21.2", "aws-cli"),
        ("Boto3/1.26.0 Python/3.9.2", "Boto3"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "Mozilla"),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.1.2", "APN"),
        ("[S3Console/0.4, aws-internal/3]", "S3Console"),
        ("[Boto3/1.26.0]", "Boto3"),
        ('"aws-cli/2"', "aws-cli"),
        ("ec2.amazonaws.com", "ec2.amazonaws.com"),
        ("AWS Internal", "AWS Internal"),
        ("a\x1b[31m\nb/1", "a [31m b"),
        ("x" * 150 + "/1", "x" * 100),
        ("/1", "unknown"),
        ("[]", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_user_agents_family_stands_before_the_first_slash(agent: str | None, family: str) -> None:
    assert name(events({"agent": agent}))["user_agent.name"].to_list() == [family]


# --- frames -----------------------------------------------------------------------------------------------------------


def test_every_event_is_named_in_its_row() -> None:
    rows = [iam_user("a"), session("web", "i-1a2b3c4d"), iam_user("b"), {}, iam_user("a")]
    unnamed = events(*rows)
    named = name(unnamed)
    assert check(named, {**EVENTS, **WHO}, "named events").select(*EVENTS).equals(unnamed)
    assert named["principal"].to_list() == [who(**row).principal for row in rows]


def test_no_events_are_named_as_none() -> None:
    assert dict(name(events()).schema) == {**EVENTS, **WHO}


def test_other_columns_are_kept_and_names_are_replaced() -> None:
    placed = events(iam_user("a")).with_columns(**{column: pl.lit(None, kind) for column, kind in GEO.items()})
    once = name(placed)
    assert once.columns == [*EVENTS, *GEO, *WHO]
    assert name(once).equals(once)


# --- real records -----------------------------------------------------------------------------------------------------


def identity_of(record: dict[str, Any]) -> Identity:
    said = record.get("userIdentity") or {}
    issuer = (said.get("sessionContext") or {}).get("sessionIssuer") or {}
    return Identity(
        type=said.get("type"),
        arn=said.get("arn"),
        id=said.get("principalId") or None,
        account_id=said.get("accountId"),
        user_name=said.get("userName"),
        invoked_by=said.get("invokedBy"),
        identity_provider=said.get("identityProvider"),
        issuer_arn=issuer.get("arn"),
        access_key_id=said.get("accessKeyId"),
        address=record.get("sourceIPAddress"),
    )


@needs_real_records
def test_real_identities_of_each_type_are_known() -> None:
    entries = json.loads((REAL / "identity_types.json").read_text())
    kinds = {(entry["type"], identify(identity_of(entry["record"])).kind) for entry in entries}
    assert kinds == {
        ("Root", "root"),
        ("IAMUser", "iam_user"),
        ("AssumedRole", "instance_role"),
        ("FederatedUser", "federated_user"),
        ("AWSService", "aws_service"),
        (None, "aws_service"),
        ("Unknown", "sso_user"),
        ("AWSAccount", "aws_account"),
        ("AWSAccount", "anonymous"),
    }


@needs_real_records
def test_an_attacked_account_has_few_principals_of_the_kinds_it_had() -> None:
    records = [json.loads(line) for line in (REAL / "invictus" / "cloudtrail.jsonl").read_text().splitlines()]
    named = {identify(identity_of(record)) for record in records}
    assert {one.kind for one in named} == {"iam_user", "instance_role", "role", "aws_service"}
    assert len(named) < len(records) / 50


@needs_real_records
@pytest.mark.parametrize("path", sorted(REAL.rglob("*.jsonl")), ids=lambda path: path.stem)
def test_every_real_caller_has_a_name(path: Path) -> None:
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert records
    for record in records:
        one = identify(identity_of(record))
        assert one.principal
        assert one.person
        assert one.peers
        assert (one.principal == "unknown") is (not record.get("userIdentity"))
