"""Who an incident is about, as people who could decide: from what nobody but an administrator can set.

A session name is its caller's choice. It must not keep a responder from deciding, nor make anybody known.
"""

from collections.abc import Iterable

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.response.rules import Rules

# Whose principal was named by AWS or by an identity provider, not by the caller.
NAMED = frozenset(
    {"iam_user", "root", "identity_center_user", "saml_user", "web_identity_user", "directory_user", "role"}
)
# Whose person, too, is more than a guess from a session name.
NAMED_PEOPLE = frozenset({"iam_user", "identity_center_user"})
# Nobody else can make a role here, and Identity Center itself sets its sessions' names.
IDENTITY_CENTER = ":role/aws-reserved/sso.amazonaws.com/"
SYSTEM = "system:"
SLACK = "slack:"


def concerned(incident: Incident, rules: Rules, source_identity: str | None = None) -> frozenset[str]:
    """Return who is concerned, as `slack:U...` or `system:NAME`; empty where no trusted source says it.

    Args:
        incident: what is decided.
        rules: whose `owners` say which person is behind a principal, a person or a source identity.
        source_identity: of the incident's sessions, only where the role's trust policy demands it.
    """
    names = [] if source_identity is None else [source_identity]
    by_identity_center = incident.principal_kind == "sso_user" and IDENTITY_CENTER in incident.principal
    if incident.kind == "principal" and (incident.principal_kind in NAMED or by_identity_center):
        names.append(incident.principal)
    if incident.kind == "principal" and (incident.principal_kind in NAMED_PEOPLE or by_identity_center):
        names.append(incident.person)
    owners = {name.casefold(): owner for name, owner in rules.owners.items()}
    found = [owners[name.casefold()] for name in names if name.casefold() in owners]
    return frozenset(person(each, rules) for each in found)


def member_to_ask(incident: Incident, rules: Rules) -> str | None:
    """Return the member of Slack, `slack:U...`, who can be asked whether it was them; None where that is not one."""
    members = [each for each in concerned(incident, rules) if each.startswith(SLACK)]
    return members[0] if len(members) == 1 else None


def person(name: str, rules: Rules) -> str:
    """Return who a decider is: a user of the host is whom `owners` say, `"system:maria" = "slack:U012ABCDEF"`."""
    return rules.owners.get(name, name)


def may_be(name: str, people: Iterable[str], rules: Rules) -> bool:
    """Return whether a decider could be one of these under another name: nobody says who that user is in Slack."""
    own = person(name, rules)
    return any(own.startswith(SYSTEM) != each.startswith(SYSTEM) for each in people)


def different_people(names: Iterable[str], rules: Rules) -> int:
    """Return how many people these are for sure: a user of the host could be anybody who decided in Slack."""
    people = {person(name, rules) for name in names}
    of_the_host = sum(each.startswith(SYSTEM) for each in people)
    return max(of_the_host, len(people) - of_the_host)
