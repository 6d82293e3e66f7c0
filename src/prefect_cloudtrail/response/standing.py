"""How an incident's principal stands in AWS now: its keys, its role, its account. Plans are made from it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import polars as pl
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.context.trace import Trace
from prefect_cloudtrail.errors import CloudTrailResponseError
from prefect_cloudtrail.response.actions import Aws
from prefect_cloudtrail.response.rules import Rules

# What the reader's role needs for `stand`.
PERMISSIONS = (
    "ec2:DescribeIamInstanceProfileAssociations",
    "iam:GetAccessKeyLastUsed",
    "iam:GetLoginProfile",
    "iam:GetRole",
    "iam:GetUser",
    "iam:ListAccessKeys",
    "identitystore:GetUserId",
    "organizations:DescribeOrganization",
    "sso:DescribePermissionSet",
    "sso:ListAccountAssignmentsForPrincipal",
    "sso:ListInstances",
)

_OF_A_ROLE = ("role_session", "role", "instance_role", "sso_user")
_NAMED_SESSIONS = ("role_session", "sso_user")
_OF_IDENTITY_CENTER = ("sso_user", "identity_center_user")
_GONE = frozenset({"NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException"})
SEEN_WITHIN = timedelta(hours=48)
_NO_READER = "no reader role is set (PREFECT_CLOUDTRAIL_READER_ROLE)"
_NO_ORGANISATION = "AWSOrganizationsNotInUseException"


@dataclass(frozen=True)
class Key:
    """An IAM user's access key; `last_used_at` and `last_service` as AWS says them, to the hour or so."""

    access_key_id: str
    status: str  # Active or Inactive
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    last_service: str | None = None


@dataclass(frozen=True)
class Assignment:
    """A permission set that an Identity Center user has in an account, by itself or by a group.

    Attributes:
        instance_arn: of Identity Center.
        permission_set_arn: the permission set.
        principal_id: the user's id, or the group's.
        principal_type: USER or GROUP.
        target_id: the account.
        identity_store_id: where its users and groups are.
        region: Identity Center's own.
        name: the permission set's name; None where it could not be asked.
    """

    instance_arn: str
    permission_set_arn: str
    principal_id: str
    principal_type: str
    target_id: str
    identity_store_id: str
    region: str
    name: str | None = None


@dataclass(frozen=True)
class Standing:
    """What AWS says of a principal; what could not be asked is in `unknown`, with why.

    Attributes:
        account_id: the principal's account.
        arn: of the IAM user or role; None where the principal is neither.
        exists: whether AWS knows it still.
        keys: an IAM user's access keys.
        has_login: whether an IAM user can sign in to the console.
        role_id: a role's unique id, AROA...
        role_sessions_seen: how many different session names used the role within 48 hours: above one, it is shared.
        service_linked: a role that only AWS may change.
        tags: of the user or role, as they stand.
        is_management_account: whether the account is the organisation's management account; None where unknown.
        instance_arn: of an instance role's caller, the instance.
        profile_association_id: its instance profile's association.
        unknown: what could not be asked: what -> why.
        management_account: the organisation's management account; None where unknown.
        identity_user_id: an Identity Center user's id.
        assignments: what it is assigned in the incident's accounts.
    """

    account_id: str
    arn: str | None
    exists: bool = True
    keys: tuple[Key, ...] = ()
    has_login: bool | None = None
    role_id: str | None = None
    role_sessions_seen: int = 0
    service_linked: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    is_management_account: bool | None = None
    instance_arn: str | None = None
    profile_association_id: str | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)
    management_account: str | None = None
    identity_user_id: str | None = None
    assignments: tuple[Assignment, ...] = ()


def stand(aws: Aws | None, incident: Incident, trace: Trace, rules: Rules) -> Standing:
    """Return how the incident's principal stands now; what is denied or missing is in `unknown`, never raised.

    Args:
        aws: clients of the reader's role; None where there is none, and nothing is asked.
        incident: whose principal.
        trace: its records, for ids that AWS is not asked for.
        rules: the management account, where it is named there.
    """
    asked = _Asked(aws)
    found: dict[str, Any] = {}
    arn = _arn(incident, trace)
    kind = incident.principal_kind
    if kind == "iam_user" and arn is None:
        arn = _owner(asked, incident)
    account = arn.split(":")[4] if arn else incident.account_id
    if arn and ":user/" in arn:
        found |= _user(asked, account, arn)
    elif arn and kind in _OF_A_ROLE:
        found |= _role(asked, account, arn)
        if kind == "instance_role":
            found |= _instance(asked, account, user_ids(incident, trace, found.get("role_id")), _regions(trace))
    management = rules.management_account or _management_account(asked, account)
    if kind in _OF_IDENTITY_CENTER:
        found |= _identity_center(asked, management, incident)
    return Standing(
        account_id=account,
        arn=arn,
        management_account=management,
        is_management_account=None if management is None else management == account,
        unknown=asked.unknown,
        **found,
    )


def sessions_seen(index: pl.LazyFrame, role: str, until: datetime) -> int:
    """Return how many different session names used a role in the 48 hours before; those that tell nobody are one.

    Args:
        index: INDEX, of everybody.
        role: its ARN.
        until: the end of the 48 hours.
    """
    within = pl.col("@timestamp").is_between(until - SEEN_WITHIN, until)
    return int(index.filter(within, pl.col("peers") == role).select(pl.col("principal").n_unique()).collect().item())


def user_ids(incident: Incident, trace: Trace, role_id: str | None) -> tuple[str, ...]:
    """Return `aws:userid` of the role sessions that the incident's own credentials are, `AROA...:name`.

    Args:
        incident: its access keys, and the session's name where its principal has one.
        trace: records and sessions that tell whose keys these are.
        role_id: the role's id, where AWS told it: ids of other roles are left out.
    """
    own = set(incident.access_key_ids)
    found = {each.user_id for each in trace.sessions if each.access_key_id in own and each.user_id}
    for record in trace.records:
        identity = record.get("userIdentity")
        if isinstance(identity, Mapping) and identity.get("accessKeyId") in own:
            found.add(str(identity.get("principalId") or ""))
    of_role = f"{role_id}:" if role_id else "AROA"
    told = {each for each in found if each.startswith(of_role) and ":" in each}
    if not told and role_id and incident.principal_kind in _NAMED_SESSIONS:
        told = {f"{role_id}:{incident.principal.rpartition('/')[2]}"}
    return tuple(sorted(told))


# --- asking -----------------------------------------------------------------------------------------------------------


class _Asked:
    """Asks AWS, and keeps what it would not answer."""

    def __init__(self, aws: Aws | None) -> None:
        self.aws = aws
        self.unknown: dict[str, str] = {}

    def ask(self, what: str, call: Callable[[Aws], Any], gone: object = None) -> Any:  # noqa: ANN401 - boto3's own
        """Return the answer, `gone` where there is no such thing, None where it is not known."""
        if self.aws is None:
            self.unknown[what] = _NO_READER
            return None
        try:
            return call(self.aws)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "an error"))
            if code in _GONE and gone is not None:
                return gone
            self.unknown[what] = f"AWS answered {code} to {error.operation_name}"
        except (BotoCoreError, ResponseParserError, CloudTrailResponseError) as error:
            self.unknown[what] = " ".join(str(error).split()).rstrip(".")
        return None


def _pages(client: Any, operation: str, rows: str, **arguments: Any) -> list[Any]:  # noqa: ANN401 - boto3's own
    return [row for page in client.get_paginator(operation).paginate(**arguments) for row in page[rows]]


# --- users and roles --------------------------------------------------------------------------------------------------


def _arn(incident: Incident, trace: Trace) -> str | None:
    """The ARN of the user or role behind the principal, where CloudTrail says it."""
    principal, kind = incident.principal, incident.principal_kind
    if kind == "federated_user":
        return _issuer(incident, trace)
    if kind in _NAMED_SESSIONS:
        principal = principal.rpartition("/")[0]
    wanted = ":user/" if kind == "iam_user" else ":role/"
    return principal if principal.startswith("arn:") and (wanted in principal or kind == "root") else None


def _issuer(incident: Incident, trace: Trace) -> str | None:
    """The user whose key signs a federated user in."""
    own = set(incident.access_key_ids)
    for record in trace.records:
        identity = record.get("userIdentity") or {}
        issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
        arn = str(issuer.get("arn") or "")
        if identity.get("accessKeyId") in own and ":user/" in arn:
            return arn
    return None


def _owner(asked: _Asked, incident: Incident) -> str | None:
    """The user of a key whose record does not name it."""
    keys = [key for key in incident.access_key_ids if key.startswith("AKIA")]
    account = incident.account_id

    def user(key: str, aws: Aws) -> str:
        iam = aws.client("iam", account)
        name = iam.get_access_key_last_used(AccessKeyId=key)["UserName"]
        return str(iam.get_user(UserName=name)["User"]["Arn"])

    for key in keys:
        arn = asked.ask(f"user of {key}", partial(user, key))
        if arn:
            return str(arn)
    return None


def _user(asked: _Asked, account: str, arn: str) -> dict[str, Any]:
    name = arn.rpartition("/")[2]
    user = asked.ask("user", lambda aws: aws.client("iam", account).get_user(UserName=name)["User"], gone={})
    if user == {}:
        return {"exists": False}
    rows = asked.ask(
        "access keys",
        lambda aws: _pages(aws.client("iam", account), "list_access_keys", "AccessKeyMetadata", UserName=name),
    )
    login = asked.ask("password", lambda aws: aws.client("iam", account).get_login_profile(UserName=name), gone=False)
    keys = tuple(_key(asked, account, row) for row in sorted(rows or [], key=lambda row: row["AccessKeyId"]))
    return {"keys": keys, "has_login": None if login is None else bool(login), "tags": _tags(user)}


def _key(asked: _Asked, account: str, row: Mapping[str, Any]) -> Key:
    key = row["AccessKeyId"]
    last = asked.ask(
        f"last use of {key}", lambda aws: aws.client("iam", account).get_access_key_last_used(AccessKeyId=key)
    )
    used = (last or {}).get("AccessKeyLastUsed", {})
    service = used.get("ServiceName")
    return Key(
        access_key_id=key,
        status=row["Status"],
        created_at=row.get("CreateDate"),
        last_used_at=used.get("LastUsedDate"),
        last_service=service if service != "N/A" else None,
    )


def _role(asked: _Asked, account: str, arn: str) -> dict[str, Any]:
    name = arn.rpartition("/")[2]
    role = asked.ask("role", lambda aws: aws.client("iam", account).get_role(RoleName=name)["Role"], gone={})
    if role is None:
        return {"service_linked": name.startswith("AWSServiceRoleFor")}
    if not role:
        return {"exists": False}
    return {
        "role_id": role["RoleId"],
        "service_linked": role["Path"].startswith("/aws-service-role/"),
        "tags": _tags(role),
    }


def _tags(described: Mapping[str, Any] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in (described or {}).get("Tags", [])}


# --- instances --------------------------------------------------------------------------------------------------------


def _regions(trace: Trace) -> list[str]:
    """The regions that were called, most calls first: an instance mostly calls its own."""
    counts = trace.calls["cloud.region"].drop_nulls().value_counts(sort=True)
    return [str(region) for region in counts["cloud.region"]]


def _instance(asked: _Asked, account: str, ids: Iterable[str], regions: Iterable[str]) -> dict[str, Any]:
    instances = sorted({each.partition(":")[2] for each in ids})
    if len(instances) != 1:
        asked.unknown["instance"] = "CloudTrail tells of none" if not instances else "there are several"
        return {}
    (instance,) = instances

    def associations(region: str, aws: Aws) -> list[Any]:
        return _pages(
            aws.client("ec2", account, region),
            "describe_iam_instance_profile_associations",
            "IamInstanceProfileAssociations",
            Filters=[{"Name": "instance-id", "Values": [instance]}],
        )

    for region in regions:
        found = asked.ask(f"instance profile in {region}", partial(associations, region))
        for association in found or []:
            return {
                "instance_arn": f"arn:aws:ec2:{region}:{account}:instance/{instance}",
                "profile_association_id": association["AssociationId"],
            }
    asked.unknown["instance profile"] = f"no region that was called knows {instance}"
    return {}


# --- the organisation and Identity Center -----------------------------------------------------------------------------


def _management_account(asked: _Asked, account: str) -> str | None:
    def organisation(aws: Aws) -> str:
        return str(aws.client("organizations", account).describe_organization()["Organization"]["MasterAccountId"])

    found = asked.ask("management account", organisation)
    if _NO_ORGANISATION in asked.unknown.get("management account", ""):
        asked.unknown["management account"] = "the account is in no organisation"
    return str(found) if found else None


def _identity_center(asked: _Asked, management: str | None, incident: Incident) -> dict[str, Any]:
    if management is None:
        asked.unknown["Identity Center user"] = "the management account is not known"
        return {}

    def instances(aws: Aws) -> list[Any]:
        sso_admin = aws.client("sso-admin", management)
        region = {"Region": sso_admin.meta.region_name}
        return [each | region for each in _pages(sso_admin, "list_instances", "Instances")]

    found = asked.ask("Identity Center", instances)
    if not found:
        asked.unknown.setdefault("Identity Center", "the management account has none in this region")
        return {}
    instance = found[0]
    user_id = incident.principal
    if incident.principal_kind == "sso_user":
        name = incident.principal.rpartition("/")[2]
        attribute = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": name}}
        user_id = asked.ask(
            "Identity Center user",
            lambda aws: aws.client("identitystore", management).get_user_id(
                IdentityStoreId=instance["IdentityStoreId"], AlternateIdentifier=attribute
            )["UserId"],
        )
    if not user_id:
        return {}
    return {"identity_user_id": user_id, "assignments": _assignments(asked, management, instance, user_id, incident)}


def _assignments(
    asked: _Asked, management: str, instance: Mapping[str, str], user_id: str, incident: Incident
) -> tuple[Assignment, ...]:
    arn = instance["InstanceArn"]
    rows = asked.ask(
        "assignments",
        lambda aws: _pages(
            aws.client("sso-admin", management),
            "list_account_assignments_for_principal",
            "AccountAssignments",
            InstanceArn=arn,
            PrincipalId=user_id,
            PrincipalType="USER",
        ),
    )
    accounts = {incident.account_id, *(alert.account_id for alert in incident.alerts)}
    theirs = [row for row in rows or [] if row["AccountId"] in accounts]

    def name(permission_set: str, aws: Aws) -> str:
        sso_admin = aws.client("sso-admin", management)
        described = sso_admin.describe_permission_set(InstanceArn=arn, PermissionSetArn=permission_set)
        return str(described["PermissionSet"]["Name"])

    sets = sorted({row["PermissionSetArn"] for row in theirs})
    names = {each: asked.ask(f"name of {each}", partial(name, each)) for each in sets}
    return tuple(
        Assignment(
            instance_arn=arn,
            permission_set_arn=row["PermissionSetArn"],
            principal_id=row["PrincipalId"],
            principal_type=row["PrincipalType"],
            target_id=row["AccountId"],
            identity_store_id=instance["IdentityStoreId"],
            region=instance["Region"],
            name=names[row["PermissionSetArn"]],
        )
        for row in sorted(theirs, key=lambda row: (row["AccountId"], row["PermissionSetArn"], row["PrincipalId"]))
    )
