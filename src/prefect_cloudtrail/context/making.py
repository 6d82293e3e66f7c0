"""What calls leave behind: users, keys, logins, trusts, policies; each with the way to take it back."""

from collections.abc import Callable, Iterable, Mapping
from shlex import quote
from types import MappingProxyType
from typing import Any

from prefect_cloudtrail.context.chains import part, time_of
from prefect_cloudtrail.context.traced import Made
from prefect_cloudtrail.text import plain

Asked = Mapping[str, Any]
Undo = Callable[[Asked, Asked], str]


def made(records: Iterable[Mapping[str, Any]]) -> tuple[Made, ...]:
    """Return what these records made, in their order; what was refused made nothing."""
    found = []
    for record in records:
        command = command_of(record)
        undo = UNDOS.get(command)
        if undo is None or record.get("errorCode"):
            continue
        asked, answered = part(record, "requestParameters"), part(record, "responseElements")
        found.append(
            Made(
                command=command,
                target=_target(asked, answered),
                account_id=str(record.get("recipientAccountId") or part(record, "userIdentity").get("accountId") or ""),
                at=time_of(record),
                undo=undo(asked, answered),
                parameters=asked,
            )
        )
    return tuple(found)


def command_of(record: Mapping[str, Any]) -> str:
    """Return the record's command, such as `iam:CreateUser`."""
    service = str(record.get("eventSource") or "unknown").removesuffix(".cn").removesuffix(".amazonaws.com")
    return f"{service}:{record.get('eventName')}"


def _cli(command: str, *options: tuple[str, str], then: str = "") -> Undo:
    """Return what says `aws COMMAND` with these options, each of a request parameter; then something more."""

    def undo(asked: Asked, answered: Asked) -> str:
        given = [f"--{option} {_word(asked, answered, name)}" for option, name in options]
        return " ".join([f"aws {command}", *given]) + (f"; {then}" if then else "")

    return undo


def _say(sentence: str) -> Undo:
    return lambda _asked, _answered: sentence


def _word(asked: Asked, answered: Asked, name: str) -> str:
    """A parameter's value as a shell takes it: whoever made the thing chose its name."""
    value = asked.get(name) or _within(answered, name)
    return quote(plain(str(value), 256)) if value else name.upper()


def _within(answered: Asked, name: str) -> object:
    if answered.get(name):
        return answered[name]
    return next((each[name] for each in answered.values() if isinstance(each, Mapping) and each.get(name)), None)


def _target(asked: Asked, answered: Asked) -> str:
    for name in ("accessKeyId", "arn"):
        if found := _within(answered, name):
            return str(found)
    names = (
        "userName",
        "roleName",
        "groupName",
        "policyArn",
        "policyName",
        "functionName",
        "bucketName",
        "keyName",
        "name",
    )
    return str(
        next(
            (asked[name] for name in names if asked.get(name)),
            next((each for each in asked.values() if isinstance(each, str)), "unknown"),
        )
    )


_USER, _ROLE, _GROUP = (("user-name", "userName"), ("role-name", "roleName"), ("group-name", "groupName"))
_ARN, _NAME = ("policy-arn", "policyArn"), ("policy-name", "policyName")
_TRUST_BEFORE = (
    "put the trust policy back that its last CreateRole or UpdateAssumeRolePolicy before, or AWS Config, shows"
)
UNDOS: Mapping[str, Undo] = MappingProxyType(
    {
        "iam:CreateUser": _cli("iam delete-user", _USER, then="its keys, login and policies first"),
        "iam:CreateAccessKey": _cli("iam update-access-key --status Inactive", _USER, ("access-key-id", "accessKeyId")),
        "iam:CreateLoginProfile": _cli("iam delete-login-profile", _USER),
        "iam:UpdateLoginProfile": _cli(
            "iam delete-login-profile", _USER, then="the password before cannot be given back: its owner sets a new one"
        ),
        "iam:ChangePassword": _say("its owner sets a new password: the one before cannot be given back"),
        "iam:CreateServiceSpecificCredential": _cli(
            "iam delete-service-specific-credential",
            _USER,
            ("service-specific-credential-id", "serviceSpecificCredentialId"),
        ),
        "iam:UploadSSHPublicKey": _cli("iam delete-ssh-public-key", _USER, ("ssh-public-key-id", "sSHPublicKeyId")),
        "iam:UploadSigningCertificate": _cli(
            "iam delete-signing-certificate", _USER, ("certificate-id", "certificateId")
        ),
        "iam:EnableMFADevice": _cli("iam deactivate-mfa-device", _USER, ("serial-number", "serialNumber")),
        "iam:DeactivateMFADevice": _say("its owner enrols the MFA device again"),
        "iam:CreateGroup": _cli("iam delete-group", _GROUP, then="its members and policies first"),
        "iam:AddUserToGroup": _cli("iam remove-user-from-group", _USER, _GROUP),
        "iam:CreateRole": _cli("iam delete-role", _ROLE, then="its policies first"),
        "iam:UpdateAssumeRolePolicy": _say(_TRUST_BEFORE),
        "iam:CreatePolicy": _cli("iam delete-policy", ("policy-arn", "arn"), then="detach it first"),
        "iam:CreatePolicyVersion": _cli(
            "iam set-default-policy-version", _ARN, then="with the --version-id before, then delete the new one"
        ),
        "iam:SetDefaultPolicyVersion": _cli(
            "iam set-default-policy-version", _ARN, then="with the --version-id that was the default before"
        ),
        "iam:AttachUserPolicy": _cli("iam detach-user-policy", _USER, _ARN),
        "iam:AttachRolePolicy": _cli("iam detach-role-policy", _ROLE, _ARN),
        "iam:AttachGroupPolicy": _cli("iam detach-group-policy", _GROUP, _ARN),
        "iam:PutUserPolicy": _cli("iam delete-user-policy", _USER, _NAME, then="or put the one before back"),
        "iam:PutRolePolicy": _cli("iam delete-role-policy", _ROLE, _NAME, then="or put the one before back"),
        "iam:PutGroupPolicy": _cli("iam delete-group-policy", _GROUP, _NAME, then="or put the one before back"),
        "iam:DeleteUserPermissionsBoundary": _say("put the permissions boundary of before back"),
        "iam:DeleteRolePermissionsBoundary": _say("put the permissions boundary of before back"),
        "iam:CreateOpenIDConnectProvider": _cli(
            "iam delete-open-id-connect-provider", ("open-id-connect-provider-arn", "openIDConnectProviderArn")
        ),
        "iam:CreateSAMLProvider": _cli("iam delete-saml-provider", ("saml-provider-arn", "sAMLProviderArn")),
        "iam:AddRoleToInstanceProfile": _cli(
            "iam remove-role-from-instance-profile", ("instance-profile-name", "instanceProfileName"), _ROLE
        ),
        "sso:CreateAccountAssignment": _say("delete the account assignment with sso-admin delete-account-assignment"),
        "sso-directory:CreateUser": _say("delete the user in Identity Center"),
        "sso-directory:AddMemberToGroup": _say("remove the member from the group in Identity Center"),
        "identitystore:CreateUser": _say("delete the user in Identity Center"),
        "identitystore:CreateGroupMembership": _say("delete the group membership in Identity Center"),
        "rolesanywhere:CreateTrustAnchor": _say("delete the trust anchor with rolesanywhere delete-trust-anchor"),
        "lambda:AddPermission": _cli(
            "lambda remove-permission", ("function-name", "functionName"), ("statement-id", "statementId")
        ),
        "lambda:AddPermission20150331v2": _cli(
            "lambda remove-permission", ("function-name", "functionName"), ("statement-id", "statementId")
        ),
        "lambda:CreateFunctionUrlConfig": _cli("lambda delete-function-url-config", ("function-name", "functionName")),
        "s3:PutBucketPolicy": _cli(
            "s3api delete-bucket-policy", ("bucket", "bucketName"), then="or put the one before back"
        ),
        "kms:CreateGrant": _say("revoke the grant with kms revoke-grant"),
        "kms:PutKeyPolicy": _say("put the key policy of before back"),
        "secretsmanager:PutResourcePolicy": _cli(
            "secretsmanager delete-resource-policy", ("secret-id", "secretId"), then="or put the one before back"
        ),
        "ec2:CreateKeyPair": _cli("ec2 delete-key-pair", ("key-name", "keyName")),
        "ec2:ImportKeyPair": _cli("ec2 delete-key-pair", ("key-name", "keyName")),
        "ec2:ModifySnapshotAttribute": _say("take the permission away with ec2 reset-snapshot-attribute"),
        "ec2:ModifyImageAttribute": _say("take the permission away with ec2 reset-image-attribute"),
    }
)
