"""3 who: the identity behind each event that lasts, and with whom to compare it.

A session name is the caller's choice, save where Identity Center sets it: it names a principal, it proves nobody.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from prefect_cloudtrail.schema import WHO

HIDDEN_USER = "HIDDEN_DUE_TO_SECURITY_REASONS"  # in place of a user name that does not exist: it may be a password
AGENT_CHARACTERS = 100

_ANONYMOUS = frozenset({"anonymous", "anonymous_principal"})
_ASSUMED_ROLE = re.compile(r"arn:([^:]+):sts::([^:]*):assumed-role/([^/]+)(?:/(.+))?")
_EMAIL = re.compile(r"[^@\s:/]+@[^@\s:/]+\.[^@\s:/]+")

_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
# What SDKs, tools and the manual's examples call a session that nobody named.
_DEFAULT_SESSION = re.compile(
    r"cli|(?:aws[-_]?)?cli[-_]?session.*"
    r"|boto(?:3|core)?(?:[-_].*)?"
    r"|aws[-_]sdk.*|aws-(?:cpp|dotnet|go|java|js|kotlin|php|ruby|rust|swift)-sdk.*"
    r"|(?:assume-role-provider|web-identity-token|terraform-run)-.*"
    r"|(?:assumed?-?role|aws|default|my|role|sample|temp|test)?[-_]?session(?:-?(?:id|name))?\d*"
    r"|default|github[-_]?actions|github_to_aws_via_federatedoidc",
    re.IGNORECASE,
)
_GUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_TIME_STAMP = re.compile(
    r"\d{10}|\d{8}T\d{6}|(?<![0-9A-Za-z])(?:19|20)\d\d[-_]?[01]\d[-_]?[0-3]\d(?![0-9A-SU-Za-su-z])"
)
# An instance's host name, an on-premises managed instance, a Kubernetes pod.
_HOST = re.compile(r"ip(?:-\d+){4}.*|mi-[0-9a-f]{17}|.+-[b-df-hj-np-tv-xz24-9]{5,10}-[b-df-hj-np-tv-xz24-9]{5}")
_TOKENS = re.compile(r"[^0-9A-Za-z]+")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_NUMBERS = re.compile(r"\d+")
# A long number, hexadecimal, a unique id such as AROA...; but a letter and a number is an employee: a1234567.
_ID = re.compile(
    r"\d{7,}|(?![a-f]\d{6,8}$)(?=(?:.*\d){2})(?=.*[a-f])[0-9a-f]{8,}"
    r"|(?![A-F]\d{6,8}$)(?=(?:.*\d){2})[0-9A-F]{8,}|(?=.*\d)[0-9A-Z]{16,}"
)
_SPELLED_WITH_DIGITS = re.compile(r"s3|ec2|k8s|e2e|b2b|[hx]264|sha256|oauth2", re.IGNORECASE)

# Tried on random letters and digits of the lengths that services use, and on CamelCase, function and user names.
_SHORT_CHARACTERS = 10
_LONG_CHARACTERS = 20
_READABLE_MEAN = 2.5
_READABLE_MEAN_LONG = 3.0
_READABLE_NUMBERS = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """What a record says of its caller; None where it says nothing."""

    type: str | None = None
    arn: str | None = None
    id: str | None = None
    account_id: str | None = None
    called_account: str | None = None  # where the call happened, given only where `account_id` is no account
    user_name: str | None = None
    invoked_by: str | None = None
    identity_provider: str | None = None
    on_behalf_of: str | None = None
    issuer_arn: str | None = None
    access_key_id: str | None = None  # given only where nothing above names the caller; so is `address`
    address: str | None = None

    @property
    def account(self) -> str:
        """The caller's account, else the one it called."""
        return self.called_account or self.account_id or "unknown"


_NAMING = (
    "user.name",
    "aws.cloudtrail.user_identity.arn",
    "aws.cloudtrail.user_identity.principal_id",
    "aws.cloudtrail.user_identity.invoked_by",
    "aws.cloudtrail.user_identity.on_behalf_of.user_id",
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
)


@dataclass(frozen=True, slots=True)
class Who:
    """Four of the WHO columns."""

    principal: str
    kind: str
    person: str
    peers: str


def name(events: pl.DataFrame, callers: pl.Series | None = None) -> pl.DataFrame:
    """Return the events with who each was: the same rows in the same order, and the WHO columns.

    Args:
        events: has EVENTS' columns; may be empty. WHO columns that it has already are replaced.
        callers: a number for each event, equal only where the whole userIdentity is: then there is less to compare.
    """
    commands = _over_distinct(events.select("event.provider", "event.action"), _with_command)
    agents = _over_distinct(events.select("user_agent.original"), _with_family)
    if callers is None:
        people = _over_distinct(events.select(**_identity_parts()), _with_who)
    else:
        people = _people(events.with_columns(callers.alias("caller")))
    named = pl.concat([commands, people, agents], how="horizontal").select(*WHO)
    return events.drop(*WHO, strict=False).hstack(named)


def identify(identity: Identity) -> Who:
    """Return who this identity is; `principal` is never empty."""
    return _READERS.get(_form(identity), _unknown)(identity)


def names_nobody(session_name: str) -> bool:
    """Return whether a role session's name tells no person and no function from another of the same role.

    So for an instance or pod, a GUID, a time stamp, numbers, hexadecimal or random text, and the libraries' defaults.
    """
    if _EMAIL.fullmatch(session_name):
        return False
    return (
        session_name.isdecimal()
        or is_instance(session_name)
        or any(pattern.fullmatch(session_name) for pattern in (_DEFAULT_SESSION, _HOST))
        or any(pattern.search(session_name) for pattern in (_GUID, _TIME_STAMP))
        or any(_is_random(token) for token in _TOKENS.split(session_name))
    )


def is_instance(session_name: str) -> bool:
    """Return whether this is an EC2 instance's id: the session of an instance role."""
    return _INSTANCE.fullmatch(session_name) is not None


# --- over frames ------------------------------------------------------------------------------------------------------


def _over_distinct(frame: pl.DataFrame, answer: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """Return for each row what `answer` adds to its like among the distinct rows: they are few, events are many."""
    # Columns without a value tell nothing apart, and cost as much as the others.
    telling = [column.name for column in frame if column.null_count() < len(column)] or frame.columns[:1]
    answered = answer(frame.unique(subset=telling)).drop(column for column in frame.columns if column not in telling)
    return frame.select(telling).join(answered, on=telling, how="left", nulls_equal=True, maintain_order="left")


def _people(events: pl.DataFrame) -> pl.DataFrame:
    """Return who each event's `caller` was, of which the account that was called may be a part, and the address."""
    nameless = events.unique("caller").filter(_is_nameless())["caller"]
    address = pl.when(pl.col("caller").is_in(nameless.implode())).then("source.address").alias("address")
    key = ["caller", "cloud.account.id", "address"]
    keyed = events.with_columns(address)
    distinct = keyed.unique(key)
    people = _with_who(distinct.select(**_identity_parts())).select("principal", "principal.kind", "person", "peers")
    return keyed.select(key).join(
        distinct.select(key).hstack(people), on=key, how="left", nulls_equal=True, maintain_order="left"
    )


def _with_command(calls: pl.DataFrame) -> pl.DataFrame:
    # Lambda and CloudFront write their API's version behind the name: ListFunctions20150331, GetFunction20150331v2.
    service = pl.col("event.provider").str.replace(r"\.amazonaws\.com(\.cn)?$", "").fill_null("unknown")
    action = pl.col("event.action").str.replace(r"20\d\d_?[01]\d_?[0-3]\d(v\d+)?$", "").fill_null("unknown")
    return calls.with_columns(pl.concat_str(service, pl.lit(":"), action).alias("command"))


def _with_family(agents: pl.DataFrame) -> pl.DataFrame:
    shown = pl.col("user_agent.original").fill_null("").str.replace_all(r"\p{C}", " ")
    family = shown.str.strip_chars("[]\"' ").str.extract("^([^/]*)").str.slice(0, AGENT_CHARACTERS).str.strip_chars()
    return agents.with_columns(pl.when(family == "").then(pl.lit("unknown")).otherwise(family).alias("user_agent.name"))


def _identity_parts() -> Mapping[str, pl.Expr]:
    """Return Identity's fields, in its order, as expressions over EVENTS."""
    account_id = pl.col("aws.cloudtrail.user_identity.account_id")
    named = {
        "type": pl.col("aws.cloudtrail.user_identity.type"),
        "arn": pl.col("aws.cloudtrail.user_identity.arn"),
        "id": pl.col("aws.cloudtrail.user_identity.principal_id"),
        "account_id": account_id,
        "called_account": pl.when(~account_id.fill_null("").str.contains(r"^\d+$")).then("cloud.account.id"),
        "user_name": pl.col("user.name"),
        "invoked_by": pl.col("aws.cloudtrail.user_identity.invoked_by"),
        "identity_provider": pl.col("aws.cloudtrail.user_identity.identity_provider"),
        "on_behalf_of": pl.col("aws.cloudtrail.user_identity.on_behalf_of.user_id"),
        "issuer_arn": pl.col("aws.cloudtrail.user_identity.session_context.session_issuer.arn"),
    }
    # Keys and addresses are many: they tell identities apart only where nothing else does.
    return named | {
        "access_key_id": pl.when(_is_nameless()).then("aws.cloudtrail.user_identity.access_key_id"),
        "address": pl.when(_is_nameless()).then("source.address"),
    }


def _is_nameless() -> pl.Expr:
    return pl.all_horizontal(pl.col(column).fill_null("") == "" for column in _NAMING)


def _with_who(identities: pl.DataFrame) -> pl.DataFrame:
    people = [_identified(*row) for row in identities.iter_rows()]
    columns = {
        "principal": [who.principal for who in people],
        "principal.kind": [who.kind for who in people],
        "person": [who.person for who in people],
        "peers": [who.peers for who in people],
    }
    return identities.hstack(pl.DataFrame(columns, schema={column: WHO[column] for column in columns}))


@lru_cache(maxsize=65_536)
def _identified(*parts: str | None) -> Who:
    return identify(Identity(*map(_shown, parts)))


def _shown(text: str | None) -> str | None:
    """Return the text without control characters and outer blanks; None for an empty one."""
    if text is None or text.isprintable():
        return (text or "").strip() or None
    return "".join(c if c.isprintable() else " " for c in text).strip() or None


# --- one function a kind of identity ----------------------------------------------------------------------------------


def _form(identity: Identity) -> str | None:
    """Return the type to read it as: its own where we know it, else what its ARN is."""
    arn = identity.arn or ""
    if identity.type in _READERS or not arn:
        return identity.type
    if ":assumed-role/" in arn or ":role/" in arn:
        return "AssumedRole"
    if ":federated-user/" in arn:
        return "FederatedUser"
    if ":user/" in arn:
        return "IAMUser"
    return "Root" if arn.endswith(":root") else None


def _who(identity: Identity, kind: str, principal: str, person: str | None = None) -> Who:
    return Who(principal, kind, person or principal, peers=f"{identity.account} {kind}")


def _iam_user(identity: Identity) -> Who:
    if identity.arn:
        user_name = identity.arn.rpartition("/")[2] if ":user/" in identity.arn else identity.user_name
        return _who(identity, "iam_user", identity.arn, user_name and _user_person(user_name))
    # A failed sign-in has no ARN.
    if identity.user_name == HIDDEN_USER:
        return _who(identity, "unknown", f"account {identity.account} {HIDDEN_USER}")
    if identity.user_name:
        arn = f"arn:aws:iam::{identity.account}:user/{identity.user_name}"
        return _who(identity, "iam_user", arn, _user_person(identity.user_name))
    if identity.id or identity.access_key_id:
        return _who(identity, "iam_user", identity.id or f"key {identity.access_key_id}")
    return _unknown(identity)


def _root(identity: Identity) -> Who:
    arn = identity.arn or ""
    return _who(identity, "root", arn if arn.endswith(":root") else f"arn:aws:iam::{identity.account}:root")


def _assumed_role(identity: Identity) -> Who:
    role, session = _role_and_session(identity)
    if role is None:
        return _unknown(identity)
    role_name = role.rpartition("/")[2]
    principal = f"{role}/{session}"
    if session and role_name.startswith("AWSReservedSSO_"):
        return Who(principal, "sso_user", _email(session) or f"identity center {session.lower()}", peers=role)
    if session and is_instance(session):
        return Who(role, "instance_role", role, peers=role)
    if session is None or role_name.startswith("AWSServiceRoleFor") or names_nobody(session):
        return Who(role, "role", role, peers=role)
    return Who(principal, "role_session", _email(session) or principal, peers=role)


def _role_and_session(identity: Identity) -> tuple[str | None, str | None]:
    """Return the role's ARN (its id where no ARN is known) and the session's name."""
    role_id, _, session = (identity.id or "").partition(":")
    assumed = _ASSUMED_ROLE.fullmatch(identity.arn or "")
    if assumed:
        session = assumed[4] or session
    known = [arn for arn in (identity.issuer_arn, identity.arn) if arn and ":role/" in arn]
    rebuilt = f"arn:{assumed[1]}:iam::{assumed[2]}:role/{assumed[3]}" if assumed else None
    return next(iter(known), rebuilt) or role_id or identity.arn, session or None


def _federated_user(identity: Identity) -> Who:
    chosen_name = (identity.id or "").partition(":")[2] or identity.user_name
    arn = identity.arn or (chosen_name and f"arn:aws:sts::{identity.account}:federated-user/{chosen_name}")
    if not arn:
        return _unknown(identity)
    # The caller chose the name; the issuer is whose key it was.
    issuer = identity.issuer_arn or ""
    user_name = issuer.rpartition("/")[2] if ":user/" in issuer else None
    return _who(identity, "federated_user", arn, _user_person(user_name) if user_name else issuer or None)


def _saml_user(identity: Identity) -> Who:
    return _provided(identity, "saml_user")


def _web_identity_user(identity: Identity) -> Who:
    return _provided(identity, "web_identity_user")


def _provided(identity: Identity, kind: str) -> Who:
    """Return who an identity provider says it is."""
    if identity.user_name and identity.identity_provider:
        principal = f"{identity.identity_provider}/{identity.user_name}"
    else:
        principal = identity.id or identity.user_name or identity.identity_provider or ""
    return _who(identity, kind, principal, _email(identity.user_name)) if principal else _unknown(identity)


def _identity_center_user(identity: Identity) -> Who:
    user_id = identity.on_behalf_of or identity.id or identity.user_name
    if not user_id:
        return _unknown(identity)
    person = _email(identity.user_name) or f"identity center id {user_id}"
    return _who(identity, "identity_center_user", user_id, person)


def _aws_account(identity: Identity) -> Who:
    if {(identity.account_id or "").lower(), (identity.id or "").lower()} & _ANONYMOUS:
        return _who(identity, "anonymous", "anonymous")
    if not identity.account_id:
        return _unknown(identity)
    caller_id, _, session = (identity.id or "").partition(":")
    parts = [caller_id] if caller_id and caller_id != identity.account_id else []
    if session and not names_nobody(session):
        parts.append(session)
    return _who(identity, "aws_account", " ".join(["account", identity.account_id, *parts]))


def _aws_service(identity: Identity) -> Who:
    service = identity.invoked_by or identity.id or identity.arn or identity.address
    return _who(identity, "aws_service", service or "unknown service")


def _directory_user(identity: Identity) -> Who:
    principal = identity.arn or "/".join(part for part in (identity.id, identity.user_name) if part)
    return _who(identity, "directory_user", principal, _email(identity.user_name)) if principal else _unknown(identity)


def _unknown(identity: Identity) -> Who:
    if not identity.arn and (identity.invoked_by or (identity.address or "").endswith(".amazonaws.com")):
        return _aws_service(identity)
    if not identity.arn and identity.on_behalf_of:
        return _identity_center_user(identity)
    # A portal sign-in names the user, and has the account for an id.
    names = (
        identity.arn,
        identity.id if identity.id != identity.account_id else None,
        f"account {identity.account} {identity.user_name}" if identity.user_name else None,
        f"key {identity.access_key_id}" if identity.access_key_id else None,
        identity.id,
    )
    principal = next(filter(None, names), "unknown")
    return _who(identity, "unknown", principal, _email(identity.user_name))


_READERS: Mapping[str | None, Callable[[Identity], Who]] = {
    "IAMUser": _iam_user,
    "Root": _root,
    "AssumedRole": _assumed_role,
    "FederatedUser": _federated_user,
    "SAMLUser": _saml_user,
    "WebIdentityUser": _web_identity_user,
    "IdentityCenterUser": _identity_center_user,
    "AWSAccount": _aws_account,
    "AWSService": _aws_service,
    "Directory": _directory_user,
}


# --- people and session names -----------------------------------------------------------------------------------------


def _email(text: str | None) -> str | None:
    return text.lower() if text and _EMAIL.fullmatch(text) else None


def _user_person(user_name: str) -> str:
    """Return the person of an IAM user: the same name across accounts, whose case does not count, is one."""
    return _email(user_name) or f"user {user_name.lower()}"


def _is_random(token: str) -> bool:
    """Return whether no word can be read in it: random text goes from letters to digits and capitals too often."""
    if _ID.fullmatch(token):
        return True
    word = _SPELLED_WITH_DIGITS.sub("word", token)
    if len(word) < _SHORT_CHARACTERS:
        return False
    readable_mean = _READABLE_MEAN if len(word) < _LONG_CHARACTERS else _READABLE_MEAN_LONG
    mean_characters = len(word) / len(_WORDS.findall(word))
    return mean_characters < readable_mean or len(_NUMBERS.findall(word)) > _READABLE_NUMBERS
