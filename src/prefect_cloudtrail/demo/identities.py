"""Who calls, as `userIdentity` tells it: IAM users, people of Identity Center, instances and functions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from prefect_cloudtrail.demo.chance import BASE32, token

Json = dict[str, object]


class Kind(StrEnum):
    """How a principal got its credentials."""

    IAM_USER = "iam_user"
    SSO = "sso"
    INSTANCE = "instance"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True)
class Principal:
    """An identity of one account. `name` is the user's, or the role session's: e-mail, instance id, function name.

    `arn` is what CloudTrail writes for its calls; `unique_id` is the user's own or its role's.
    """

    kind: Kind
    account: str
    name: str
    role: str
    arn: str
    unique_id: str

    @property
    def role_arn(self) -> str:
        """The ARN of the role behind the session."""
        path = "aws-reserved/sso.amazonaws.com/" if self.kind == Kind.SSO else ""
        return f"arn:aws:iam::{self.account}:role/{path}{self.role}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One principal's key, and when its session began; no session for an IAM user's own access key."""

    principal: Principal
    access_key: str
    since: datetime | None = None
    mfa: bool = False


def iam_user(account: str, name: str) -> Principal:
    """Return the account's IAM user of this name."""
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Principal(Kind.IAM_USER, account, name, "", arn, f"AIDA{token(17, BASE32, arn)}")


def role_session(kind: Kind, account: str, role: str, name: str) -> Principal:
    """Return the session of this name of the account's role."""
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
    return Principal(kind, account, name, role, arn, f"AROA{token(17, BASE32, account, role)}")


def utc(time: datetime) -> str:
    """Return the time as CloudTrail writes it, to the second."""
    return f"{time.isoformat()[:19]}Z"


def long_term(principal: Principal, seed: int) -> Credentials:
    """Return the IAM user's access key."""
    return Credentials(principal, f"AKIA{token(16, BASE32, seed, principal.arn)}")


def temporary(principal: Principal, seed: int, since: datetime, *, mfa: bool = False) -> Credentials:
    """Return the keys of the session that began then."""
    return Credentials(principal, f"ASIA{token(16, BASE32, seed, principal.arn, since.isoformat())}", since, mfa)


def user_identity(credentials: Credentials) -> Json:
    """Return `userIdentity` as CloudTrail writes it for these credentials."""
    principal = credentials.principal
    if principal.kind == Kind.IAM_USER:
        return _iam_user(principal, credentials)
    return _role_session(principal, credentials)


def _iam_user(principal: Principal, credentials: Credentials) -> Json:
    identity: Json = {
        "type": "IAMUser",
        "principalId": principal.unique_id,
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": credentials.access_key,
        "userName": principal.name,
    }
    if credentials.since is not None:
        identity["sessionContext"] = {"attributes": _attributes(credentials.since, mfa=credentials.mfa)}
    return identity


def _role_session(principal: Principal, credentials: Credentials) -> Json:
    context: Json = {
        "sessionIssuer": {
            "type": "Role",
            "principalId": principal.unique_id,
            "arn": principal.role_arn,
            "accountId": principal.account,
            "userName": principal.role,
        }
    }
    if credentials.since is not None:
        context["attributes"] = _attributes(credentials.since, mfa=credentials.mfa)
    if principal.kind == Kind.INSTANCE:
        context["ec2RoleDelivery"] = "2.0"
    return {
        "type": "AssumedRole",
        "principalId": f"{principal.unique_id}:{principal.name}",
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": credentials.access_key,
        "sessionContext": context,
    }


def _attributes(since: datetime, *, mfa: bool) -> Json:
    return {"creationDate": utc(since), "mfaAuthenticated": str(mfa).lower()}
