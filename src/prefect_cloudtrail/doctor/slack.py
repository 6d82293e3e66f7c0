"""Whether incidents can be told in Slack and decided there: the app, its rights, its channel, and who may decide."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from prefect_cloudtrail import clients
from prefect_cloudtrail.checks import Check, answered, counted
from prefect_cloudtrail.errors import SettingsError, SlackError
from prefect_cloudtrail.response.rules import Rules, read_rules
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.web import SlackResponse

# What deploy/slack-manifest.yaml asks for. im:history: what was sent to an owner is looked for before it is sent again.
SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "usergroups:read",
    "users:read",
)
MEMBER, GROUP = "slack:", "slack-group:"
# The listener asks the same of whoever decides, slack/members.py.
STRANGE: Mapping[str, str] = MappingProxyType(
    {
        "deleted": "deactivated",
        "is_bot": "a bot",
        "is_restricted": "a guest",
        "is_ultra_restricted": "a guest",
        "is_stranger": "of another organisation",
    }
)

_INSTALL = "install the app, and set PREFECT_CLOUDTRAIL_SLACK_TOKEN to its bot token, xoxb-..."
_ANEW = "give the app the scopes of deploy/slack-manifest.yaml, and install it anew"
# What to do, by Slack's own word for why not.
_TOKEN: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("account_inactive", "invalid_auth", "not_allowed_token_type", "not_authed", "token_expired", "token_revoked"),
        _INSTALL,
    )
)
_CHANNEL: Mapping[str, str] = MappingProxyType(
    {
        "channel_not_found": "set PREFECT_CLOUDTRAIL_SLACK_CHANNEL to the channel's id; invite the app into it",
        "not_in_channel": "invite the app to the channel: /invite in it",
    }
)
_GROUP: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("no_such_subteam", "subteam_disabled"), "name a user group that is there: its id begins with S")
)
_MEMBER: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("user_not_found", "user_not_visible"), "name a member of this workspace: the id begins with U")
)
_APP: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("invalid_auth", "not_allowed_token_type", "not_authed", "missing_scope", "token_revoked"),
        "make an app-level token with connections:write, and set PREFECT_CLOUDTRAIL_SLACK_APP_TOKEN to it, xapp-...",
    )
)


def look_at_slack(known: Settings) -> Iterator[Check]:
    """Yield what is to be said of Slack; it is only asked, nothing is posted.

    Raises:
        SettingsError: a channel is set, and no token.
        SlackError: Slack does not take the token, or cannot be reached.
    """
    slack = clients.slack(known)
    if slack is None:
        yield Check("slack", "ok", "not set up: incidents are told on the terminal")
        return
    me = _ask("sign in to Slack", slack.auth_test, _TOKEN)
    if not me.get("bot_id"):
        raise SlackError(f"the Slack token is a person's, not the app's: {_INSTALL}")
    yield Check("slack", "ok", f"{me['user']} in {me['team']}")
    yield _scopes(me)
    yield from answered("channel", _channel(slack, str(known.slack_channel)))
    yield from _people(slack, known, str(me["team_id"]))
    if known.slack_app_token is not None:
        yield from answered("app_token", _sockets(slack, known.slack_app_token.get_secret_value()))


def _ask(what: str, ask: "Callable[[], SlackResponse]", fixes: Mapping[str, str]) -> "SlackResponse":
    """Return what Slack answers; where it refuses, or does not answer, say what to do."""
    from prefect_cloudtrail.slack.asking import (  # noqa: PLC0415 - its import takes as long as --help may
        SlackRefusedError,
        SlackSilentError,
        asking,
    )

    try:
        with asking(what):
            return ask()
    except SlackRefusedError as error:
        known = {"missing_scope": _ANEW, "ratelimited": "wait a minute, and look again", **fixes}
        fix = known.get(error.code, "see what Slack means by it at https://docs.slack.dev, and look again")
        raise SlackError(f"cannot {what}, {plain(error.code)}: {fix}") from error
    except SlackSilentError as error:
        raise SlackError(f"cannot {what}, no answer: see that this host reaches slack.com, and look again") from error


def _scopes(me: "SlackResponse") -> Check:
    headers = {str(name).lower(): value for name, value in (me.headers or {}).items()}
    granted = {each.strip() for each in str(headers.get("x-oauth-scopes", "")).split(",")}
    missing = [each for each in SCOPES if each not in granted]
    if missing:
        return Check("scopes", "fail", f"the app may not do all it has to: it lacks {', '.join(missing)}", _ANEW)
    return Check("scopes", "ok", "the app may do what it has to")


def _channel(slack: "WebClient", channel: str) -> Iterator[Check]:
    found = _ask(f"look at the channel {channel}", lambda: slack.conversations_info(channel=channel), _CHANNEL)
    about: dict[str, Any] = found.get("channel") or {}
    said = f"#{about.get('name', channel)}"
    if about.get("is_archived"):
        raise SlackError(f"{said} is archived: set PREFECT_CLOUDTRAIL_SLACK_CHANNEL to another channel's id")
    if not about.get("is_member"):
        raise SlackError(f"the app is not in {said}: {_CHANNEL['not_in_channel']}")
    # By their metadata messages are found again after a crash.
    read = slack.conversations_history
    _ask(f"read {said}", lambda: read(channel=channel, limit=1, include_all_metadata=True), _CHANNEL)
    yield Check("channel", "ok", f"{said}: the app is in it, and reads what it posted")


def _people(slack: "WebClient", known: Settings, team: str) -> Iterator[Check]:
    """Who is called, and who may decide."""
    for group in known.groups_to_call:
        yield from answered("groups", _group("groups", slack, group, "is called"))
    try:
        rules = read_rules(known.rules)
    except SettingsError as error:
        yield Check("approvers", "fail", str(error))
        return
    if known.rules is None:
        fix = "set PREFECT_CLOUDTRAIL_RULES to the responder's file, on a worker to a copy of it"
        yield Check("approvers", "fail", "no rules are set, so nobody may decide", fix)
        return
    yield from _approvers(slack, rules, team)


def _approvers(slack: "WebClient", rules: Rules, team: str) -> Iterator[Check]:
    groups = [each.removeprefix(GROUP) for each in rules.approvers if each.startswith(GROUP)]
    members = [each.removeprefix(MEMBER) for each in rules.approvers if each.startswith(MEMBER)]
    if not groups and not members:
        fix = "name members (slack:U...) or user groups (slack-group:S...) as `approvers` in the responder's file"
        yield Check("approvers", "fail", "the rules let nobody decide in Slack", fix)
    for group in groups:
        yield from answered("approvers", _group("approvers", slack, group, "may decide"))
    for member in members:
        yield from answered("approvers", _member(slack, member, team))


def _group(name: str, slack: "WebClient", group: str, may: str) -> Iterator[Check]:
    found = _ask(f"ask who is in the group {group}", lambda: slack.usergroups_users_list(usergroup=group), _GROUP)
    users: list[str] = found.get("users") or []
    if not users:
        raise SlackError(f"nobody is in the group {group}, which {may}: put people into it, or name another")
    yield Check(name, "ok", f"{group} {may}: {counted(len(users), 'member')}")


def _member(slack: "WebClient", member: str, team: str) -> Iterator[Check]:
    found = _ask(f"ask who {member} is", lambda: slack.users_info(user=member), _MEMBER)
    user: dict[str, Any] = found.get("user") or {}
    why = next((said for name, said in STRANGE.items() if user.get(name)), None)
    if why is None and user.get("team_id") != team:
        why = "of another workspace"
    if why:
        raise SlackError(f"{member} is {why}, and may not decide: take them out of the rules' approvers")
    yield Check("approvers", "ok", f"{member} may decide")


def _sockets(slack: "WebClient", token: str) -> Iterator[Check]:
    _ask("open Socket Mode", lambda: slack.apps_connections_open(app_token=token), _APP)
    yield Check("app_token", "ok", "it opens Socket Mode")
