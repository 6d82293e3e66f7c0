"""For: new to this principal, and what an intruder does: credentials, persistence, evasion, exfiltration."""

from prefect_cloudtrail.strand import Strand

GROUP = "commands"
# By ATT&CK tactic; what each command gives an intruder is in docs/evidence.md.
SENSITIVE = {
    "TA0003 Persistence": frozenset(
        {
            "ec2:ImportKeyPair",
            "iam:AddUserToGroup",
            "iam:AttachRolePolicy",
            "iam:AttachUserPolicy",
            "iam:CreateAccessKey",
            "iam:CreateLoginProfile",
            "iam:CreateOpenIDConnectProvider",
            "iam:CreateRole",
            "iam:CreateSAMLProvider",
            "iam:CreateUser",
            "iam:PutUserPolicy",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateLoginProfile",
            "lambda:AddPermission",
            "sts:GetFederationToken",
        }
    ),
    "TA0005 Defense Evasion": frozenset(
        {
            "cloudtrail:DeleteTrail",
            "cloudtrail:PutEventSelectors",
            "cloudtrail:StopLogging",
            "cloudtrail:UpdateTrail",
            "config:DeleteConfigurationRecorder",
            "config:StopConfigurationRecorder",
            "ec2:DeleteFlowLogs",
            "guardduty:DeleteDetector",
            "guardduty:UpdateDetector",
            "organizations:LeaveOrganization",
        }
    ),
    "TA0006 Credential Access": frozenset(
        {
            "ec2:GetPasswordData",
            "secretsmanager:BatchGetSecretValue",
            "secretsmanager:GetSecretValue",
            "ssm:GetParameter",
            "ssm:GetParameters",
            "ssm:GetParametersByPath",
        }
    ),
    "TA0010 Exfiltration": frozenset(
        {
            "ec2:CreateInstanceExportTask",
            "ec2:ModifyImageAttribute",
            "ec2:ModifySnapshotAttribute",
            "rds:ModifyDBSnapshotAttribute",
            "rds:StartExportTask",
            "s3:PutBucketAcl",
            "s3:PutBucketPolicy",
            "s3:PutBucketReplication",
        }
    ),
    "TA0040 Impact": frozenset(
        {
            "bedrock:InvokeModel",
            "ec2:CreateKeyPair",
            "ec2:RequestSpotInstances",
            "kms:ScheduleKeyDeletion",
            "s3:PutBucketLifecycle",
            "servicequotas:RequestServiceQuotaIncrease",
            "ses:SendEmail",
        }
    ),
    "TA0007 Discovery": frozenset(
        {
            "iam:GetAccountAuthorizationDetails",
            "iam:ListRoles",
            "iam:ListUsers",
            "organizations:ListAccounts",
            "secretsmanager:ListSecrets",
            "ses:GetSendQuota",
        }
    ),
}


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    found = first_tactic({call.command for call in strand.here} - strand.facts.commands)
    return f"{found}, new for it." if found else None


def first_tactic(called: set[str]) -> str | None:
    """Return the first tactic that these commands serve, with up to three of them; None where they serve none."""
    for tactic, commands in SENSITIVE.items():
        hit = sorted(called & commands)
        if hit:
            return f"{tactic}: {', '.join(hit[:3])}"
    return None
