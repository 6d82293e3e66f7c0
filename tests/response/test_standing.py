"""How a principal stands, asked of moto; what AWS refuses is put in before a request is sent."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from moto import mock_aws
from plan_cases import ACCOUNT, HOUR, KEY, MANAGEMENT, NOON, TEMPORARY, a_session, a_trace, an_incident, calls

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.standing import PERMISSIONS, Assignment, Key, Standing, sessions_seen, stand, user_ids

REGION = "eu-central-1"
INSTANCE = "i-0123456789abcdef0"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
MANAGED = Rules(management_account=MANAGEMENT)


class Account:
    """Clients of the one account that moto has, some of whose operations are refused."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.asked: list[str] = []
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, account_id: str, region: str | None = None) -> Any:  # noqa: ARG002
        key = (service, region or REGION)
        if key not in self._clients:
            made: Any = boto3.client(service, region_name=key[1])  # type: ignore[call-overload]
            made.meta.events.register("before-call", self._answer)
            self._clients[key] = made
        return self._clients[key]

    def _answer(self, model: Any, **_: object) -> tuple[Any, dict[str, Any]] | None:
        service = {"sso-admin": "sso"}.get(model.service_model.service_name, model.service_model.service_name)
        self.asked.append(f"{service}:{model.name}")
        if model.name not in self.refused:
            return None
        error = {"Code": self.refused[model.name], "Message": "no"}
        return AWSResponse("", 403, HTTPHeaders(), None), {"Error": error, "ResponseMetadata": {}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    with mock_aws():
        yield Account()


def made_user(aws: Account) -> tuple[str, str]:
    iam = aws.client("iam", ACCOUNT)
    arn = iam.create_user(UserName="deploy", Path="/robots/", Tags=[{"Key": "owner", "Value": "alice"}])["User"]["Arn"]
    return arn, iam.create_access_key(UserName="deploy")["AccessKey"]["AccessKeyId"]


def made_role(aws: Account, name: str = "deploy", path: str = "/") -> Mapping[str, Any]:
    iam = aws.client("iam", ACCOUNT)
    tags = [{"Key": "owner", "Value": "alice"}]
    made: Mapping[str, Any] = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST, Tags=tags)[
        "Role"
    ]
    return made


def test_a_user_stands_with_its_keys_its_password_and_its_tags(aws: Account) -> None:
    arn, key = made_user(aws)
    aws.client("iam", ACCOUNT).create_login_profile(UserName="deploy", Password="Tr0ub4dor&3-horse")  # noqa: S106
    aws.client("iam", ACCOUNT).update_access_key(UserName="deploy", AccessKeyId=key, Status="Inactive")
    found = stand(aws, an_incident("iam_user", arn), a_trace(), MANAGED)
    (stood,) = found.keys
    assert stood.created_at is not None
    assert found == Standing(
        ACCOUNT,
        arn,
        keys=(Key(key, "Inactive", stood.created_at, stood.last_used_at, None),),
        has_login=True,
        tags={"owner": "alice"},
        is_management_account=False,
        management_account=MANAGEMENT,
    )


def test_what_a_key_was_last_used_for_is_told_by_aws(aws: Account) -> None:
    arn, key = made_user(aws)
    iam = aws.client("iam", ACCOUNT)
    secret = iam.create_access_key(UserName="deploy")["AccessKey"]
    keys = {"aws_access_key_id": secret["AccessKeyId"], "aws_secret_access_key": secret["SecretAccessKey"]}
    boto3.client("s3", region_name=REGION, **keys).list_buckets()
    stood = {each.access_key_id: each for each in stand(aws, an_incident("iam_user", arn), a_trace(), MANAGED).keys}
    assert (stood[secret["AccessKeyId"]].last_service, stood[key].last_service) == ("s3", None)
    assert stood[secret["AccessKeyId"]].last_used_at is not None


def test_a_user_without_a_password_has_none_and_one_that_is_gone_does_not_exist(aws: Account) -> None:
    arn, _ = made_user(aws)
    assert stand(aws, an_incident("iam_user", arn), a_trace(), MANAGED).has_login is False
    gone = stand(aws, an_incident("iam_user", f"arn:aws:iam::{ACCOUNT}:user/gone"), a_trace(), MANAGED)
    assert (gone.exists, gone.keys, gone.unknown) == (False, (), {})


def test_a_user_that_cloudtrail_does_not_name_is_found_by_its_key(aws: Account) -> None:
    arn, key = made_user(aws)
    found = stand(aws, an_incident("iam_user", f"key {key}", access_key_ids=(key,)), a_trace(), MANAGED)
    assert (found.arn, found.exists, found.keys[0].access_key_id) == (arn, True, key)


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("GetUser", "user"),
        ("ListAccessKeys", "access keys"),
        ("GetLoginProfile", "password"),
        ("GetAccessKeyLastUsed", f"last use of {KEY}"),
    ],
)
def test_what_is_denied_is_not_known_with_why_and_the_rest_is(aws: Account, operation: str, what: str) -> None:
    arn, key = made_user(aws)
    aws.refused[operation] = "AccessDenied"
    found = stand(aws, an_incident("iam_user", arn), a_trace(), MANAGED)
    assert found.unknown == {what.replace(KEY, key): f"AWS answered AccessDenied to {operation}"}
    assert found.exists
    assert (len(found.keys), found.has_login) == (
        0 if operation == "ListAccessKeys" else 1,
        None if operation == "GetLoginProfile" else False,
    )


@pytest.mark.parametrize(("kind", "session"), [("role_session", "/alice"), ("role", ""), ("sso_user", "/alice")])
def test_a_role_stands_with_its_id_and_its_tags(aws: Account, kind: str, session: str) -> None:
    role = made_role(aws)
    found = stand(aws, an_incident(kind, role["Arn"] + session), a_trace(), MANAGED)
    assert (found.arn, found.role_id, found.tags) == (role["Arn"], role["RoleId"], {"owner": "alice"})
    assert (found.exists, found.service_linked) == (True, False)


def test_a_service_linked_role_is_known_by_its_path_or_where_it_cannot_be_asked_by_its_name(aws: Account) -> None:
    role = made_role(aws, "AWSServiceRoleForSupport", "/aws-service-role/support.amazonaws.com/")
    incident = an_incident("role", role["Arn"])
    assert stand(aws, incident, a_trace(), MANAGED).service_linked
    aws.refused["GetRole"] = "AccessDenied"
    denied = stand(aws, incident, a_trace(), MANAGED)
    assert (denied.service_linked, denied.role_id) == (True, None)
    assert denied.unknown == {"role": "AWS answered AccessDenied to GetRole"}


def test_a_role_that_is_gone_does_not_exist(aws: Account) -> None:
    found = stand(aws, an_incident("role", f"arn:aws:iam::{ACCOUNT}:role/gone"), a_trace(), MANAGED)
    assert (found.exists, found.unknown) == (False, {})


def test_an_instance_is_found_in_the_regions_that_it_called(aws: Account) -> None:
    iam, ec2 = aws.client("iam", ACCOUNT), aws.client("ec2", ACCOUNT, REGION)
    role = made_role(aws, "web")
    profile = iam.create_instance_profile(InstanceProfileName="web")["InstanceProfile"]
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    association = ec2.associate_iam_instance_profile(IamInstanceProfile={"Arn": profile["Arn"]}, InstanceId=instance)
    identity = {"accessKeyId": TEMPORARY, "principalId": f"{role['RoleId']}:{instance}"}
    called = calls(*({"cloud.region": region} for region in ("us-east-1", "us-east-1", REGION)))
    trace = a_trace(records=({"userIdentity": identity},), calls=called)
    found = stand(aws, an_incident("instance_role", role["Arn"], access_key_ids=(TEMPORARY,)), trace, MANAGED)
    assert found.instance_arn == f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance}"
    assert found.profile_association_id == association["IamInstanceProfileAssociation"]["AssociationId"]
    assert found.unknown == {}


def test_an_instance_that_no_region_knows_or_tells_of_is_not_known(aws: Account) -> None:
    role = made_role(aws, "web")
    identity = {"accessKeyId": TEMPORARY, "principalId": f"{role['RoleId']}:{INSTANCE}"}
    trace = a_trace(records=({"userIdentity": identity},), calls=calls({"cloud.region": REGION}))
    incident = an_incident("instance_role", role["Arn"], access_key_ids=(TEMPORARY,))
    none = {"instance profile": f"no region that was called knows {INSTANCE}"}
    assert stand(aws, incident, trace, MANAGED).unknown == none
    aws.refused["DescribeIamInstanceProfileAssociations"] = "UnauthorizedOperation"
    said = "AWS answered UnauthorizedOperation to DescribeIamInstanceProfileAssociations"
    assert stand(aws, incident, trace, MANAGED).unknown == none | {f"instance profile in {REGION}": said}
    assert stand(aws, incident, a_trace(), MANAGED).unknown == {"instance": "CloudTrail tells of none"}


def test_the_organisation_says_whether_the_account_manages_it(aws: Account) -> None:
    root = an_incident("root", f"arn:aws:iam::{ACCOUNT}:root")
    alone = stand(aws, root, a_trace(), Rules())
    assert alone.unknown == {"management account": "the account is in no organisation"}
    assert alone.is_management_account is None
    aws.client("organizations", ACCOUNT).create_organization(FeatureSet="ALL")
    found = stand(aws, root, a_trace(), Rules())
    assert (found.arn, found.management_account, found.is_management_account) == (root.principal, ACCOUNT, True)
    aws.refused["DescribeOrganization"] = "AccessDeniedException"
    denied = stand(aws, root, a_trace(), Rules())
    assert denied.unknown == {"management account": "AWS answered AccessDeniedException to DescribeOrganization"}


def test_a_person_of_identity_center_stands_with_its_id_and_its_assignments(aws: Account) -> None:
    sso = aws.client("sso-admin", MANAGEMENT)
    instance = sso.list_instances()["Instances"][0]
    store = instance["IdentityStoreId"]
    alice = aws.client("identitystore", MANAGEMENT).create_user(
        IdentityStoreId=store,
        UserName="alice@example.com",
        DisplayName="Alice",
        Name={"GivenName": "Alice", "FamilyName": "A"},
    )["UserId"]
    granted = sso.create_permission_set(Name="Admin", InstanceArn=instance["InstanceArn"])["PermissionSet"]
    for account in (ACCOUNT, "444455556666"):
        sso.create_account_assignment(
            InstanceArn=instance["InstanceArn"],
            TargetId=account,
            TargetType="AWS_ACCOUNT",
            PermissionSetArn=granted["PermissionSetArn"],
            PrincipalType="USER",
            PrincipalId=alice,
        )
    role = made_role(aws, "AWSReservedSSO_Admin_0123456789abcdef")
    incident = an_incident("sso_user", f"{role['Arn']}/alice@example.com")
    found = stand(aws, incident, a_trace(), MANAGED)
    assert found.identity_user_id == alice
    assert found.assignments == (
        Assignment(
            instance["InstanceArn"], granted["PermissionSetArn"], alice, "USER", ACCOUNT, store, REGION, "Admin"
        ),
    )
    assert found.unknown == {}
    by_id = stand(aws, an_incident("identity_center_user", alice), a_trace(), MANAGED)
    assert (by_id.arn, by_id.identity_user_id, by_id.assignments) == (None, alice, found.assignments)


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ("ListInstances", "Identity Center"),
        ("GetUserId", "Identity Center user"),
        ("ListAccountAssignmentsForPrincipal", "assignments"),
    ],
)
def test_what_identity_center_denies_is_not_known(aws: Account, operation: str, what: str) -> None:
    store = aws.client("sso-admin", MANAGEMENT).list_instances()["Instances"][0]["IdentityStoreId"]
    aws.client("identitystore", MANAGEMENT).create_user(
        IdentityStoreId=store, UserName="alice", DisplayName="Alice", Name={"GivenName": "Alice", "FamilyName": "A"}
    )
    role = made_role(aws)
    aws.refused[operation] = "AccessDeniedException"
    found = stand(aws, an_incident("sso_user", f"{role['Arn']}/alice"), a_trace(), MANAGED)
    assert found.unknown == {what: f"AWS answered AccessDeniedException to {operation}"}
    assert found.assignments == ()


def test_an_account_that_cannot_be_entered_is_not_known() -> None:
    class Closed:
        def client(self, service: str, account_id: str, region: str | None = None) -> Any:  # noqa: ARG002
            raise ActionError(f"cannot assume the reader's role in account {account_id}; make it there.")

    why = f"cannot assume the reader's role in account {ACCOUNT}; make it there"
    found = stand(Closed(), an_incident("iam_user", f"arn:aws:iam::{ACCOUNT}:user/deploy"), a_trace(), Rules())
    assert found.unknown == dict.fromkeys(("user", "access keys", "password", "management account"), why)


def test_without_a_reader_s_role_nothing_is_asked_and_all_of_it_is_not_known() -> None:
    incident = an_incident("sso_user", f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Admin_1/alice")
    found = stand(None, incident, a_trace(), MANAGED)
    why = "no reader role is set (PREFECT_CLOUDTRAIL_READER_ROLE)"
    assert found.unknown == {"role": why, "Identity Center": why}
    assert found.exists


def test_how_many_used_a_role_is_counted_by_their_names_over_48_hours() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/deploy"
    used = [("alice", 0, role), ("alice", 1, role), ("bob", 48, role), ("carol", 49, role), ("dan", 0, "other")]
    rows = [
        {"@timestamp": NOON - hours * HOUR, "principal": f"{role}/{name}", "peers": peers}
        for name, hours, peers in used
    ]
    assert sessions_seen(calls(*rows).lazy(), role, NOON) == 2
    assert sessions_seen(calls().lazy(), role, NOON) == 0


def test_the_user_behind_a_federated_session_is_told_by_its_record(aws: Account) -> None:
    arn, _ = made_user(aws)
    identity = {"accessKeyId": TEMPORARY, "sessionContext": {"sessionIssuer": {"arn": arn}}}
    federated = an_incident("federated_user", f"arn:aws:sts::{ACCOUNT}:federated-user/x", access_key_ids=(TEMPORARY,))
    assert stand(aws, federated, a_trace(records=({"userIdentity": identity},)), MANAGED).arn == arn
    assert stand(aws, federated, a_trace(), MANAGED).arn is None


def test_the_sessions_of_the_incident_s_own_keys_are_told_from_others() -> None:
    incident = an_incident("role_session", f"arn:aws:iam::{ACCOUNT}:role/a/alice", access_key_ids=(TEMPORARY,))
    records: tuple[dict[str, Any], ...] = (
        {"userIdentity": {"accessKeyId": TEMPORARY, "principalId": "AROAA:alice"}},
        {"userIdentity": {"accessKeyId": "ASIAOTHER", "principalId": "AROAA:other"}},
        {"userIdentity": {"accessKeyId": TEMPORARY, "principalId": "AROAB:alice"}},
        {"userIdentity": None},
        {},
    )
    session = a_session(access_key_id=TEMPORARY, user_id="AROAA:again")
    trace = a_trace(records=records, sessions=(session,))
    assert user_ids(incident, trace, "AROAA") == ("AROAA:again", "AROAA:alice")
    assert user_ids(incident, trace, None) == ("AROAA:again", "AROAA:alice", "AROAB:alice")
    assert user_ids(incident, a_trace(), "AROAA") == ("AROAA:alice",)
    assert user_ids(incident, a_trace(), None) == ()


def test_it_asks_for_nothing_that_its_permissions_do_not_name(aws: Account) -> None:
    arn, _ = made_user(aws)
    role = made_role(aws)
    identity = {"accessKeyId": KEY, "principalId": f"{role['RoleId']}:{INSTANCE}"}
    trace = a_trace(records=({"userIdentity": identity},), calls=calls({"cloud.region": REGION}))
    del aws.asked[:]
    for kind, principal in (("iam_user", arn), ("instance_role", role["Arn"]), ("sso_user", f"{role['Arn']}/alice")):
        stand(aws, an_incident(kind, principal), trace, Rules())
        stand(aws, an_incident(kind, principal), trace, MANAGED)
    assert {name for name in aws.asked if name not in PERMISSIONS} == set()
