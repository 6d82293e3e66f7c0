"""Denies an IAM user or role what thieves do with stolen credentials: what AWS's own quarantine policies deny.

Arguments of the step: `kind`, `user` or `role`; `name`, whose.

The policy is our own inline one, of the version below, so that undo takes down no quarantine that AWS put up. It denies
all that AWSCompromisedKeyQuarantineV3 denies, in fewer letters: a user's inline policies have 2,048 characters.
"""

from typing import TYPE_CHECKING

from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.actions._inline import (
    Document,
    deny,
    holder,
    put_up_or_refuse,
    read_back,
    snapshot,
    take_down,
    uses,
)
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

VERSION = 1
# By what it would be used for; kept in step with AWS's policy by a test.
DENIED = (
    # machines and models at the victim's cost
    "amplify:Create*",
    "bedrock:Create*",
    "bedrock:Invoke*",
    "bedrock:PutFoundationModelEntitlement",
    "codebuild:CreateProject",
    "ec2:AcceptReserved*",
    "ec2:CreateReserved*",
    "ec2:PurchaseReserved*",
    "ec2:RequestSpot*",
    "ec2:RunInstances",
    "ec2:StartInstances",
    "ecr:GetAuthorizationToken",
    "ecs:CreateCluster",
    "ecs:CreateService",
    "ecs:RegisterTaskDefinition",
    "glue:CreateJob",
    "lambda:Add*",
    "lambda:CreateFunction",
    "lambda:GetEventSourceMapping",
    "lambda:GetPolicy",
    "lambda:ListTags",
    "lambda:PutProvisioned*",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:UpdateFunctionCode",
    "lightsail:Create*",
    "lightsail:Delete*",
    "lightsail:DownloadDefaultKeyPair",
    "lightsail:GetInstanceAccessDetails",
    "lightsail:Start*",
    "lightsail:Update*",
    "mediapackagev2:CreateChannel",
    "sagemaker:Create*",
    "savingsplans:CreateSavingsPlan",
    # staying
    "iam:Add*",
    "iam:Attach*",
    "iam:ChangePassword",
    "iam:Create*",
    "iam:Delete*",
    "iam:Detach*",
    "iam:ListUsers",
    "iam:PassRole",
    "iam:Put*",
    "iam:Set*",
    "iam:Update*",
    "organizations:Accept*",
    "organizations:Create*",
    "organizations:Invite*",
    "organizations:Leave*",
    "sts:GetFederationToken",
    "sts:GetSessionToken",
    # looking around, and mail in the victim's name
    "cloudtrail:LookupEvents",
    "ses:GetSendQuota",
    "ses:ListIdentities",
    "sns:GetSMSAttributes",
    # taking, or destroying, what is stored
    "kms:DeleteImportedKeyMaterial",
    "kms:PutKeyPolicy",
    "kms:RetireGrant",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "logs:PutLogEvents",
    "s3:CreateBucket",
    "s3:Delete*",
    "s3:GetObject",
    "s3:List*",
    "s3:ObjectOwner*",
    "s3:PutAccount*",
    "s3:PutBucket*",
    "s3:PutEncryption*",
    "s3:PutLifecycle*",
)

ACTION = Action(
    name="quarantine_principal",
    does="denies an IAM user or role what thieves do: machines, models, new identities, S3",
    permissions=(
        "iam:DeleteRolePolicy",
        "iam:DeleteUserPolicy",
        "iam:GetAccessKeyLastUsed",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:GetUser",
        "iam:GetUserPolicy",
        "iam:ListAccessKeys",
        "iam:PutRolePolicy",
        "iam:PutUserPolicy",
    ),
    source='AWS, Managed Policy Reference Guide, "AWSCompromisedKeyQuarantineV3"',
)


def quarantine() -> Document:
    """Return the policy of this version."""
    denied = deny(action=list(DENIED))
    # Grants that services take for the principal, such as a disk's, go on.
    grants = deny({"Null": {"kms:ViaService": "true"}}, "kms:CreateGrant")
    return {"Version": denied["Version"], "Statement": [*denied["Statement"], *grants["Statement"]]}


def check(aws: Aws, step: Step) -> Check:
    """Return what stops, what goes on, and when it was last used."""
    iam: IAMClient = aws.client("iam", step.account_id)
    found = holder(iam, step)
    said, recent = uses(iam, found)
    return Check(
        arn=found.arn,
        before=snapshot(found, quarantine()) | {"version": VERSION},
        does=f"Denies {found} what thieves do: starting machines and models, making identities, and S3.",
        breaks=(f"Whatever starts machines, changes IAM or reads S3 as {found} stops.", *said),
        survives=(
            "Reading goes on, except from S3: databases, secrets and parameters can still be read.",
            "Sessions of roles that it already assumed live on, up to 12 hours.",
        ),
        stops_service=recent,
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Put the quarantine up."""
    put_up_or_refuse(aws, receipt, "deny it everything instead, which needs no room")


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return the quarantine that is there now."""
    return read_back(aws, receipt)


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Take our quarantine down; one that AWS put up stays."""
    return take_down(aws, receipt)
