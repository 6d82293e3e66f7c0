"""Who somebody is in Slack, asked at the moment when they decide; whatever cannot be asked refuses."""

from collections.abc import Collection, Mapping
from typing import Any

from slack_sdk import WebClient

from prefect_cloudtrail.errors import RefusedError, SlackError
from prefect_cloudtrail.response.concerned import person
from prefect_cloudtrail.response.deciding import Member
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.slack.asking import answered, asking
from prefect_cloudtrail.slack.message import SLACK

GROUP = "slack-group:"

# What users.info says of those who are none of us, each with its sentence.
STRANGE = (
    ("deleted", "your account in Slack is deactivated"),
    ("is_bot", "a bot decides nothing"),
    ("is_restricted", "you are a guest in this workspace, and guests may not decide"),
    ("is_ultra_restricted", "you are a guest in this workspace, and guests may not decide"),
    ("is_stranger", "you are of another organisation, whose members may not decide"),
)


def member(slack: WebClient, user_id: str, rules: Rules) -> Member:
    """Return the member with those of the rules' groups they are in now.

    Raises:
        RefusedError: they are no full member of our own workspace, or Slack cannot be asked.
    """
    if not rules.approvers:
        raise RefusedError("the rules name no approvers, so nobody may decide")
    try:
        with asking("ask who you are"):
            user = answered(slack.users_info(user=user_id))["user"]
            ours = answered(slack.auth_test())["team_id"]
        _require_ours(user, user_id, str(ours))
        groups = []
        for name in rules.approvers:
            if name.startswith(GROUP):
                with asking("ask who is among the responders"):
                    found = answered(slack.usergroups_users_list(usergroup=name.removeprefix(GROUP)))["users"]
                if user_id in found:
                    groups.append(name)
    except SlackError as error:
        raise RefusedError(f"Slack could not be asked who you are ({error})") from error
    return Member(f"{SLACK}{user_id}", tuple(groups))


def require_listed(found: Member, rules: Rules) -> None:
    """Make sure that a member is among those who may decide.

    Raises:
        RefusedError: they are not.
    """
    if not {found.id, *found.groups} & set(rules.approvers):
        raise RefusedError("you are not among those who may decide")


def require_not_concerned(found: Member, concerned: Collection[str], rules: Rules) -> None:
    """Make sure that an incident is not about the member.

    Raises:
        RefusedError: it is.
    """
    if person(found.id, rules) in concerned:
        raise RefusedError("this incident is about you: somebody else must decide")


def _require_ours(user: Mapping[str, Any], user_id: str, team: str) -> None:
    if user.get("id") != user_id:
        raise RefusedError("Slack answered about somebody else")
    for name, said in STRANGE:
        if user.get(name):
            raise RefusedError(said)
    if user.get("team_id") != team:
        raise RefusedError("you are of another workspace, whose members may not decide")
