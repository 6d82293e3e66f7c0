"""What people, machines and thieves call: API names as CloudTrail writes them, most usual first where it matters."""

from types import MappingProxyType
from typing import NamedTuple

READING = ("Get", "List", "Describe", "Lookup", "BatchGet", "Filter", "Head", "Search")
# Services that have one endpoint for all regions; their calls are logged in us-east-1.
GLOBAL_SERVICES = frozenset({"iam", "organizations", "ce", "budgets", "route53", "health", "signin", "support"})


class Command(NamedTuple):
    """One API operation: `iam.amazonaws.com`, `CreateUser`."""

    source: str
    name: str

    @property
    def service(self) -> str:
        """What stands before the first dot of the source."""
        return self.source.split(".", 1)[0]

    @property
    def read_only(self) -> bool:
        """Whether it changes nothing."""
        return self.name.startswith(READING)


def commands(text: str) -> tuple[Command, ...]:
    """Return the operations of lines such as `iam: ListUsers CreateUser`, in order."""
    lines = (line.split(":") for line in text.strip().splitlines())
    return tuple(
        Command(f"{service.strip()}.amazonaws.com", name) for service, names in lines for name in names.split()
    )


CONSOLE_LOGIN = Command("signin.amazonaws.com", "ConsoleLogin")
WHO_AM_I = Command("sts.amazonaws.com", "GetCallerIdentity")
ASSUME_ROLE = Command("sts.amazonaws.com", "AssumeRole")

# Jobs overlap on purpose: a security engineer stops trails and a developer reads secrets, as thieves do.
JOBS = MappingProxyType(
    {
        "developer": commands("""
            sts: GetCallerIdentity
            logs: DescribeLogGroups FilterLogEvents StartQuery GetQueryResults
            lambda: ListFunctions20150331 GetFunction20150331v2 UpdateFunctionCode20150331v2
            ecs: ListClusters DescribeServices DescribeTasks UpdateService
            ecr: GetAuthorizationToken DescribeRepositories BatchGetImage
            cloudformation: DescribeStacks DescribeStackEvents CreateChangeSet UpdateStack
            dynamodb: ListTables DescribeTable
            s3: ListBuckets GetBucketLocation GetBucketPolicy
            ec2: DescribeInstances DescribeSecurityGroups DescribeSubnets DescribeVpcs RunInstances CreateSecurityGroup
            secretsmanager: GetSecretValue ListSecrets
            ssm: GetParameter DescribeParameters
            sqs: ListQueues GetQueueAttributes
            kms: Decrypt DescribeKey
            bedrock: ListFoundationModels InvokeModel
        """),
        "operations": commands("""
            monitoring: DescribeAlarms GetMetricData
            ec2: DescribeInstances DescribeInstanceStatus DescribeVolumes DescribeSnapshots CreateSnapshot StopInstances
            autoscaling: DescribeAutoScalingGroups SetDesiredCapacity
            rds: DescribeDBInstances DescribeDBSnapshots CreateDBSnapshot ModifyDBSnapshotAttribute
            backup: ListBackupJobs StartBackupJob
            route53: ListHostedZones ListResourceRecordSets ChangeResourceRecordSets
            servicequotas: ListServiceQuotas RequestServiceQuotaIncrease
            sts: GetCallerIdentity
            ssm: DescribeInstanceInformation SendCommand StartSession
        """),
        "analyst": commands("""
            athena: StartQueryExecution GetQueryExecution GetQueryResults ListWorkGroups
            glue: GetTables GetDatabases GetPartitions StartJobRun GetJobRun
            s3: ListBuckets GetBucketLocation
            redshift: DescribeClusters GetClusterCredentials
            sagemaker: ListNotebookInstances ListTrainingJobs CreateTrainingJob
            secretsmanager: GetSecretValue
            sts: GetCallerIdentity
        """),
        "administrator": commands("""
            iam: ListUsers ListRoles GetRole ListAttachedUserPolicies ListAccessKeys AttachRolePolicy CreateRole
            sts: GetCallerIdentity AssumeRole
            organizations: ListAccounts DescribeOrganization
            ec2: DescribeInstances DescribeSecurityGroups AuthorizeSecurityGroupIngress RunInstances TerminateInstances
            iam: CreateUser CreateAccessKey AttachUserPolicy UpdateAssumeRolePolicy PutRolePolicy CreateLoginProfile
            cloudtrail: DescribeTrails LookupEvents GetTrailStatus
            config: DescribeConfigRules
            kms: ListKeys DescribeKey CreateKey
            s3: ListBuckets GetBucketPolicy PutBucketPolicy
            secretsmanager: ListSecrets DescribeSecret
        """),
        "security": commands("""
            guardduty: ListDetectors ListFindings GetFindings UpdateDetector
            cloudtrail: LookupEvents DescribeTrails StopLogging StartLogging PutEventSelectors
            iam: GetAccountAuthorizationDetails ListUsers ListRoles ListPolicies UpdateAccessKey DeleteAccessKey
            securityhub: GetFindings BatchUpdateFindings
            config: DescribeConfigRules StopConfigurationRecorder StartConfigurationRecorder
            organizations: DescribeOrganization ListAccounts
            secretsmanager: ListSecrets
            sts: GetCallerIdentity
        """),
        "finance": commands("""
            ce: GetCostAndUsage GetDimensionValues GetCostForecast
            budgets: DescribeBudgets
            health: DescribeEvents
            support: DescribeTrustedAdvisorChecks
        """),
    }
)

ROBOT_JOBS = MappingProxyType(
    {
        "deploy": commands("""
            ecr: GetAuthorizationToken PutImage InitiateLayerUpload CompleteLayerUpload
            ecs: DescribeServices UpdateService RegisterTaskDefinition
            cloudformation: DescribeStacks CreateChangeSet ExecuteChangeSet
            ssm: GetParametersByPath
            secretsmanager: GetSecretValue
        """),
        "collect": commands("""
            monitoring: GetMetricData DescribeAlarms
            ec2: DescribeInstances DescribeVolumes
            rds: DescribeDBInstances
            tagging: GetResources
        """),
        "backup": commands("""
            ec2: DescribeSnapshots CreateSnapshot DeleteSnapshot
            rds: DescribeDBSnapshots CreateDBSnapshot
            backup: ListBackupJobs
        """),
    }
)
# What somebody does for a new colleague, what somebody called at night looks at, and what only the emergency user may.
ONBOARDING = commands(
    "iam: CreateUser CreateLoginProfile AttachUserPolicy AddUserToGroup CreateAccessKey TagUser ListUsers"
)
ON_CALL = commands("""
    monitoring: DescribeAlarms GetMetricData
    logs: FilterLogEvents StartQuery GetQueryResults
    ecs: DescribeServices UpdateService
    rds: DescribeDBInstances RebootDBInstance
    ssm: StartSession SendCommand GetParameter
    secretsmanager: GetSecretValue
    ec2: DescribeInstances RebootInstances
""")
EMERGENCY = commands("""
    sts: GetCallerIdentity
    iam: ListRoles GetRole UpdateAssumeRolePolicy AttachRolePolicy DetachRolePolicy UpdateLoginProfile
    cloudtrail: LookupEvents
    organizations: ListAccounts
""")
MONTHLY = commands("iam: GenerateCredentialReport GetCredentialReport")
WEEKLY = commands("inspector2: ListFindings ListCoverage")

PLANS = MappingProxyType(
    {
        # The demo's: looks around, makes itself a user to come back with, reads what secrets it may.
        "foothold": commands("""
            sts: GetCallerIdentity
            iam: ListUsers ListAttachedUserPolicies ListRoles GetAccountAuthorizationDetails
            iam: CreateUser CreateAccessKey AttachUserPolicy CreateLoginProfile
            s3: ListBuckets
            secretsmanager: ListSecrets GetSecretValue GetSecretValue GetSecretValue GetSecretValue GetSecretValue
            ssm: DescribeParameters GetParameters
            ec2: DescribeInstances DescribeSecurityGroups
            cloudtrail: DescribeTrails StopLogging
        """),
        "takeover": commands("""
            sts: GetCallerIdentity
            iam: ListUsers ListRoles ListAttachedUserPolicies CreateUser CreateAccessKey AttachUserPolicy
            iam: CreateLoginProfile UpdateAssumeRolePolicy
        """),
        "secrets": commands("""
            sts: GetCallerIdentity
            secretsmanager: ListSecrets GetSecretValue GetSecretValue GetSecretValue GetSecretValue GetSecretValue
            ssm: DescribeParameters GetParameters GetParametersByPath
            kms: Decrypt
        """),
        "reconnaissance": commands("""
            sts: GetCallerIdentity
            iam: GetAccountAuthorizationDetails ListUsers ListRoles ListPolicies GetAccountPasswordPolicy
            ec2: DescribeInstances DescribeVpcs DescribeSnapshots
            rds: DescribeDBInstances
            organizations: DescribeOrganization ListAccounts
            ses: GetSendQuota ListIdentities
            bedrock: ListFoundationModels InvokeModel
        """),
        "mining": commands("""
            sts: GetCallerIdentity
            ec2: DescribeRegions DescribeVpcs DescribeImages CreateKeyPair CreateSecurityGroup
            ec2: AuthorizeSecurityGroupIngress RunInstances RequestSpotInstances
            servicequotas: ListServiceQuotas RequestServiceQuotaIncrease
        """),
        "exfiltration": commands("""
            s3: ListBuckets GetBucketPolicy PutBucketPolicy
            rds: DescribeDBSnapshots CreateDBSnapshot ModifyDBSnapshotAttribute
            ec2: DescribeSnapshots CreateSnapshot ModifySnapshotAttribute
        """),
        "evasion": commands("""
            sts: GetCallerIdentity
            cloudtrail: DescribeTrails StopLogging DeleteTrail PutEventSelectors
            guardduty: ListDetectors DeleteDetector
            config: StopConfigurationRecorder
        """),
    }
)

LAPTOP_AGENTS = (
    "aws-cli/2.27.4 md/awscrt#0.26.1 ua/2.1 os/macos#24.5.0 md/arch#arm64 lang/python#3.13.3",
    "aws-cli/2.22.35 md/awscrt#0.23.4 ua/2.0 os/linux#6.8.0 md/arch#x86_64 lang/python#3.12.6",
    "Boto3/1.37.2 md/Botocore#1.37.2 ua/2.0 os/macos#24.5.0 md/arch#arm64 lang/python#3.12.9",
    "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 (+https://www.terraform.io) aws-sdk-go-v2/1.36.3 os/linux lang/go#1.23.6",
)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0"
ROBOT_AGENTS = (
    "aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.1 md/GOOS#linux md/GOARCH#amd64",
    "Boto3/1.36.9 md/Botocore#1.36.9 ua/2.0 os/linux#5.10.236 md/arch#x86_64 lang/python#3.12.9",
    "aws-sdk-java/2.30.11 md/io#sync md/http#Apache ua/2.1 os/Linux#5.10.236 lang/java#21.0.6",
)
THIEF_AGENTS = (
    "Boto3/1.28.57 md/Botocore#1.31.57 ua/2.0 os/linux#6.6.9-amd64 md/arch#x86_64 lang/python#3.11.8",
    "aws-cli/2.9.19 Python/3.11.2 Linux/6.1.0-13-amd64 source/x86_64.debian.12 prompt/off",
    "S3 Browser/11.7.5 (https://s3browser.com)",
)


def region_of(command: Command, home: str) -> str:
    """Return the region whose trail logs the command, `home` being where the account works."""
    return "us-east-1" if command.service in GLOBAL_SERVICES else home
