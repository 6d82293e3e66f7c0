"""For each action, a world in which it is taken, and who else lays hands on it: what the standard suite is run over."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSResponse
from moto.ec2.models import ec2_backends
from response.cloud import ACCOUNT, MANAGEMENT, REGION, Cloud, refusal, response

from prefect_cloudtrail.response.actions import actions
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Outcome, Receipt

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
RECEIPT_ID = "rcp_0123456789abcdef0123"
POLICY = f"prefect-cloudtrail-{RECEIPT_ID}"
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
    ],
}


def receipt(cloud: Cloud, step: Step) -> Receipt:
    """Return the receipt of a step that was begun: with its snapshot."""
    found = actions()[step.action].check(cloud, step)
    # As the store gives it back.
    before = json.loads(json.dumps(dict(found.before)))
    return Receipt(RECEIPT_ID, "dec_1", "inc_1", 0, step, before, None, Outcome.STARTED, found.does, NOON)


def applied(cloud: Cloud, begun: Receipt) -> Receipt:
    """Return the receipt of the step when it was applied and read back."""
    action = actions()[begun.step.action]
    action.apply(cloud, begun)
    reading = action.verify(cloud, begun)
    assert reading.holds, reading.said
    return replace(begun, after=dict(reading.after), outcome=Outcome.APPLIED)


# --- IAM users ------------------------------------------------------------------------------------------------------


class AUser:
    """An IAM user with a policy of its own; of a name that could be markup."""

    name = "deploy-user"

    def __init__(self, cloud: Cloud) -> None:
        self.iam = cloud.admin("iam")
        self.iam.create_user(UserName=self.name)
        self.iam.put_user_policy(UserName=self.name, PolicyName="its-own", PolicyDocument=ALLOW)
        self.key = self.iam.create_access_key(UserName=self.name)["AccessKey"]["AccessKeyId"]

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:user/{self.name}"

    def step(self, action: str, **arguments: Any) -> Step:
        return Step(action, ACCOUNT, self.arn, {"kind": "user", "name": self.name, **arguments})

    def policies(self) -> dict[str, Any]:
        names = self.iam.list_user_policies(UserName=self.name)["PolicyNames"]
        return {name: self.iam.get_user_policy(UserName=self.name, PolicyName=name)["PolicyDocument"] for name in names}

    def attached(self) -> list[str]:
        found = self.iam.list_attached_user_policies(UserName=self.name)["AttachedPolicies"]
        return [each["PolicyArn"] for each in found]

    def statuses(self) -> dict[str, str]:
        keys = self.iam.list_access_keys(UserName=self.name)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in keys}

    def state(self) -> Any:
        return self.policies(), self.attached(), self.statuses()

    def gone(self) -> None:
        for arn in self.attached():
            self.iam.detach_user_policy(UserName=self.name, PolicyArn=arn)
        for name in self.policies():
            self.iam.delete_user_policy(UserName=self.name, PolicyName=name)
        for key in self.statuses():
            self.iam.delete_access_key(UserName=self.name, AccessKeyId=key)
        self.iam.delete_user(UserName=self.name)

    def reversed(self) -> None:
        self.iam.delete_user_policy(UserName=self.name, PolicyName=POLICY)

    def changed(self) -> None:
        self.iam.put_user_policy(UserName=self.name, PolicyName=POLICY, PolicyDocument=ALLOW)


class AKey(AUser):
    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        arguments = {"user_name": self.name, "access_key_id": self.key}
        self.taken = Step("disable_access_key", ACCOUNT, self.arn, arguments)

    def reversed(self) -> None:
        self.iam.update_access_key(UserName=self.name, AccessKeyId=self.key, Status="Active")

    def changed(self) -> None:
        self.iam.create_access_key(UserName=self.name)


# --- IAM roles ------------------------------------------------------------------------------------------------------


class ARole:
    """A role that the account's own principals may assume."""

    name = "orders"

    def __init__(self, cloud: Cloud, path: str = "/") -> None:
        self.iam = cloud.admin("iam")
        self.iam.create_role(RoleName=self.name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST))
        self.iam.put_role_policy(RoleName=self.name, PolicyName="its-own", PolicyDocument=ALLOW)

    @property
    def arn(self) -> str:
        return str(self.iam.get_role(RoleName=self.name)["Role"]["Arn"])

    def step(self, action: str, **arguments: Any) -> Step:
        return Step(action, ACCOUNT, self.arn, arguments)

    def policies(self) -> dict[str, Any]:
        names = self.iam.list_role_policies(RoleName=self.name)["PolicyNames"]
        return {name: self.iam.get_role_policy(RoleName=self.name, PolicyName=name)["PolicyDocument"] for name in names}

    def attached(self) -> list[str]:
        found = self.iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]
        return [each["PolicyArn"] for each in found]

    def trust(self) -> Any:
        return self.iam.get_role(RoleName=self.name)["Role"]["AssumeRolePolicyDocument"]

    def state(self) -> Any:
        return self.policies(), self.attached(), self.trust()

    def gone(self) -> None:
        for arn in self.attached():
            self.iam.detach_role_policy(RoleName=self.name, PolicyArn=arn)
        for name in self.policies():
            self.iam.delete_role_policy(RoleName=self.name, PolicyName=name)
        self.iam.delete_role(RoleName=self.name)

    def reversed(self) -> None:
        self.iam.delete_role_policy(RoleName=self.name, PolicyName=POLICY)

    def changed(self) -> None:
        self.iam.put_role_policy(RoleName=self.name, PolicyName=POLICY, PolicyDocument=ALLOW)


class ATrust(ARole):
    def reversed(self) -> None:
        self.write(TRUST)

    def changed(self) -> None:
        first, ours = self.trust()["Statement"]
        self.write({**TRUST, "Statement": [first, {**ours, "Action": "sts:AssumeRole"}]})

    def write(self, trust: Mapping[str, Any]) -> None:
        self.iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=json.dumps(trust))


# --- EC2, Identity Center, Organizations, root ----------------------------------------------------------------------


class AnInstance:
    """An instance with a profile; as in AWS, and not in moto, an association made anew has another id."""

    def __init__(self, cloud: Cloud) -> None:
        self.iam, self.ec2 = cloud.admin("iam"), cloud.admin("ec2")
        self.arns = [self.profile("orders"), self.profile("another")]
        self.instance_id = self.ec2.run_instances(ImageId="ami-03cf127a", MinCount=1, MaxCount=1)["Instances"][0][
            "InstanceId"
        ]
        self.ec2.associate_iam_instance_profile(InstanceId=self.instance_id, IamInstanceProfile={"Arn": self.arns[0]})
        cloud.answers["ReplaceIamInstanceProfileAssociation"] = self.replaced
        arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{self.instance_id}"
        arguments = {"instance_id": self.instance_id, "region": REGION}
        self.taken = Step("reassociate_profile", ACCOUNT, arn, arguments)

    def profile(self, name: str) -> str:
        made = self.iam.create_instance_profile(InstanceProfileName=name)
        return str(made["InstanceProfile"]["Arn"])

    def replaced(self, asked: Mapping[str, str]) -> AWSResponse:
        there = self.association()
        if asked["AssociationId"] != there.association_id:
            return refusal("ec2", "InvalidAssociationID.NotFound", "there is no such association")
        assert asked["IamInstanceProfile.Arn"] == there.iam_instance_profile.arn
        there.association_id += "0"
        return response("<ReplaceIamInstanceProfileAssociationResponse/>")

    def association(self) -> Any:
        return ec2_backends[ACCOUNT][REGION].iam_instance_profile_associations[self.instance_id]

    def state(self) -> Any:
        found = self.ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
        return [each["IamInstanceProfile"]["Arn"] for each in found]

    def reversed(self) -> None:
        self.changed()

    def changed(self) -> None:
        there = self.association().association_id
        self.ec2.replace_iam_instance_profile_association(AssociationId=there, IamInstanceProfile={"Arn": self.arns[1]})

    def gone(self) -> None:
        self.ec2.disassociate_iam_instance_profile(AssociationId=self.association().association_id)


class AnAssignment:
    """A person's assignment of a permission set in an account."""

    def __init__(self, cloud: Cloud) -> None:
        self.sso = cloud.admin("sso-admin", MANAGEMENT)
        self.instance = self.sso.list_instances()["Instances"][0]["InstanceArn"]
        made = self.sso.create_permission_set(Name="Administrator", InstanceArn=self.instance)
        self.given = {
            "instance_arn": self.instance,
            "permission_set_arn": made["PermissionSet"]["PermissionSetArn"],
            "target_account_id": ACCOUNT,
            "principal_type": "USER",
            "principal_id": "90676f0f1c-1f8f2b9c",
            "region": REGION,
        }
        target = f"arn:aws:identitystore::{MANAGEMENT}:user/90676f0f1c-1f8f2b9c"
        self.taken = Step("remove_assignment", MANAGEMENT, target, self.given)
        self.reversed()

    def arguments(self) -> dict[str, str]:
        return {
            "InstanceArn": self.instance,
            "TargetId": ACCOUNT,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": self.given["permission_set_arn"],
            "PrincipalType": "USER",
            "PrincipalId": self.given["principal_id"],
        }

    def state(self) -> Any:
        return self.sso.list_account_assignments(
            InstanceArn=self.instance, AccountId=ACCOUNT, PermissionSetArn=self.given["permission_set_arn"]
        )["AccountAssignments"]

    def reversed(self) -> None:
        self.sso.create_account_assignment(**self.arguments())

    def gone(self) -> None:
        self.sso.delete_account_assignment(**self.arguments())


class AMembership:
    """A person in a group."""

    def __init__(self, cloud: Cloud) -> None:
        self.store = cloud.admin("identitystore", MANAGEMENT)
        store_id = "d-1234567890"
        user = self.store.create_user(
            IdentityStoreId=store_id,
            UserName="ana",
            DisplayName="Ana",
            Name={"GivenName": "Ana", "FamilyName": "Lima"},
        )["UserId"]
        group = self.store.create_group(IdentityStoreId=store_id, DisplayName="Administrators")["GroupId"]
        self.given = {"identity_store_id": store_id, "group_id": group, "user_id": user, "region": REGION}
        self.taken = Step("remove_assignment", MANAGEMENT, f"arn:aws:identitystore:::user/{user}", self.given)
        self.reversed()

    def members(self) -> list[Any]:
        found = self.store.list_group_memberships(
            IdentityStoreId=self.given["identity_store_id"], GroupId=self.given["group_id"]
        )
        return list(found["GroupMemberships"])

    def state(self) -> Any:
        return [each["MemberId"] for each in self.members()]

    def reversed(self) -> None:
        self.store.create_group_membership(
            IdentityStoreId=self.given["identity_store_id"],
            GroupId=self.given["group_id"],
            MemberId={"UserId": self.given["user_id"]},
        )

    def gone(self) -> None:
        for member in self.members():
            self.store.delete_group_membership(
                IdentityStoreId=self.given["identity_store_id"], MembershipId=member["MembershipId"]
            )


class AMember:
    """A member account of an organisation, in which an Identity Center user is to be denied everything."""

    user = "90676f0f1c-1f8f2b9c"

    def __init__(self, cloud: Cloud) -> None:
        self.organizations = cloud.admin("organizations", MANAGEMENT)
        self.organizations.create_organization(FeatureSet="ALL")
        self.account, self.other = self.member("orders"), self.member("billing")
        arguments = {"target_account_id": self.account, "identitystore_user_id": self.user}
        self.taken = Step("deny_by_scp", MANAGEMENT, f"arn:aws:identitystore:::user/{self.user}", arguments)

    def member(self, name: str) -> str:
        made = self.organizations.create_account(Email=f"{name}@example.com", AccountName=name)
        return str(made["CreateAccountStatus"]["AccountId"])

    def policies(self) -> dict[str, str]:
        found = self.organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        return {each["Name"]: each["Id"] for each in found if not each["AwsManaged"]}

    def state(self) -> Any:
        return {
            name: (
                self.organizations.describe_policy(PolicyId=policy)["Policy"]["Content"],
                [each["TargetId"] for each in self.organizations.list_targets_for_policy(PolicyId=policy)["Targets"]],
            )
            for name, policy in self.policies().items()
        }

    def reversed(self) -> None:
        self.organizations.detach_policy(PolicyId=self.policies()[POLICY], TargetId=self.account)

    def changed(self) -> None:
        self.organizations.attach_policy(PolicyId=self.policies()[POLICY], TargetId=self.other)


class ARoot:
    """A member account's root, which moto has not: AssumeRoot, and what its sessions may ask."""

    def __init__(self, cloud: Cloud) -> None:
        self.password, self.keys, self.certificates = True, ["AKIAROOTROOTROOTROOT"], ["CERTIFICATE0123456789012"]
        self.tasks: list[str] = []
        self.taken = Step(
            "take_root_credentials",
            ACCOUNT,
            f"arn:aws:iam::{ACCOUNT}:root",
            {"from_account_id": MANAGEMENT},
        )
        cloud.answers["AssumeRoot"] = self.assumed
        for operation in (
            "ListAccessKeys",
            "ListSigningCertificates",
            "GetLoginProfile",
            "GetAccessKeyLastUsed",
            "DeleteAccessKey",
            "DeleteLoginProfile",
            "DeleteSigningCertificate",
        ):
            cloud.answers[operation] = self.answered

    def assumed(self, asked: Mapping[str, str]) -> AWSResponse:
        assert asked["TargetPrincipal"] == ACCOUNT
        self.tasks.append(asked["TaskPolicyArn.arn"])
        return response(
            "<AssumeRootResponse><AssumeRootResult><Credentials><AccessKeyId>ASIAROOT</AccessKeyId>"
            "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
            "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRootResult></AssumeRootResponse>"
        )

    def answered(self, asked: Mapping[str, str]) -> AWSResponse:
        operation = asked["Action"]
        if operation.startswith("Delete"):
            assert self.tasks[-1].endswith("/IAMDeleteRootUserCredentials"), "a session that may only look"
        if operation == "GetLoginProfile" and not self.password:
            return refusal("query", "NoSuchEntity", "Login Profile for User root cannot be found.")
        if operation == "DeleteLoginProfile":
            self.password = False
        if operation == "DeleteAccessKey":
            self.keys.remove(asked["AccessKeyId"])
        if operation == "DeleteSigningCertificate":
            self.certificates.remove(asked["CertificateId"])
        bodies = {
            "ListAccessKeys": "<AccessKeyMetadata>"
            + "".join(f"<member><AccessKeyId>{key}</AccessKeyId><Status>Active</Status></member>" for key in self.keys)
            + "</AccessKeyMetadata><IsTruncated>false</IsTruncated>",
            "ListSigningCertificates": "<Certificates>"
            + "".join(f"<member><CertificateId>{each}</CertificateId></member>" for each in self.certificates)
            + "</Certificates><IsTruncated>false</IsTruncated>",
            "GetAccessKeyLastUsed": "<AccessKeyLastUsed><LastUsedDate>2026-03-31T02:51:00Z</LastUsedDate>"
            "<ServiceName>s3</ServiceName><Region>us-east-1</Region></AccessKeyLastUsed>",
        }
        body = bodies.get(operation, "")
        return response(f"<{operation}Response><{operation}Result>{body}</{operation}Result></{operation}Response>")

    def state(self) -> Any:
        return self.password, list(self.keys), list(self.certificates)

    def reversed(self) -> None:
        self.keys.append("AKIAROOTROOTROOTNEW1")


def _of_user(action: str, **arguments: Any) -> Callable[[Cloud], tuple[Any, Step]]:
    def made(cloud: Cloud) -> tuple[Any, Step]:
        user = AUser(cloud)
        return user, user.step(action, **arguments)

    return made


def _of_role(action: str, world: type[ARole] = ARole, **arguments: Any) -> Callable[[Cloud], tuple[Any, Step]]:
    def made(cloud: Cloud) -> tuple[Any, Step]:
        role = world(cloud)
        return role, role.step(action, **arguments)

    return made


def _of(world: Callable[[Cloud], Any]) -> Callable[[Cloud], tuple[Any, Step]]:
    def made(cloud: Cloud) -> tuple[Any, Step]:
        found = world(cloud)
        return found, found.taken

    return made


# By a name that begins with the action's; what follows it says on what.
SCENARIOS: dict[str, Callable[[Cloud], tuple[Any, Step]]] = {
    "disable_access_key": _of(AKey),
    "deny_principal of a user": _of_user("deny_principal"),
    "deny_principal of a role": _of_role("deny_principal", kind="role", name="orders"),
    "fence_principal of a user": _of_user("fence_principal", networks=["192.0.2.0/24"]),
    "fence_principal of a role": _of_role("fence_principal", kind="role", name="orders", networks=["2001:db8::/48"]),
    "quarantine_principal of a user": _of_user("quarantine_principal"),
    "quarantine_principal of a role": _of_role("quarantine_principal", kind="role", name="orders"),
    "revoke_sessions of a role": _of_role("revoke_sessions", role_name="orders"),
    "revoke_sessions of one name": _of_role(
        "revoke_sessions", role_name="orders", user_id="AROAEXAMPLE:ana", issued_before="2026-03-31T03:10:30Z"
    ),
    "reassociate_profile": _of(AnInstance),
    "remove_assignment": _of(AnAssignment),
    "remove_assignment of a group": _of(AMembership),
    "deny_in_trust": _of_role("deny_in_trust", ATrust, role_name="orders"),
    "deny_in_trust of an account": _of_role(
        "deny_in_trust", ATrust, role_name="orders", from_account_id="999988887777"
    ),
    "take_root_credentials": _of(ARoot),
    "deny_by_scp": _of(AMember),
}
