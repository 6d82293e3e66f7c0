"""The methods of Slack's Web API that the local Slack answers, each over the workspace."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefect_cloudtrail.demo.slack.shapes import Refused
from prefect_cloudtrail.demo.slack.team import BOT, BOT_ID, TEAM
from prefect_cloudtrail.demo.slack.workspace import Workspace

Json = dict[str, Any]
LONGEST_PAGE, PAGE = 999, 100


@dataclass(frozen=True)
class Arguments:
    """What a call was given: from a form, where everything is text, or from JSON."""

    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return a required text. Raises `Refused`: invalid_arguments."""
        value = self.given.get(name)
        if value in {None, ""}:
            raise Refused("invalid_arguments", [f"[ERROR] missing required field: {name}"])
        return str(value)

    def maybe(self, name: str) -> str | None:
        """Return a text, or nothing where there is none."""
        value = self.given.get(name)
        return None if value in {None, ""} else str(value)

    def flag(self, name: str) -> bool:
        """Return whether something was switched on."""
        return str(self.given.get(name, "")).lower() in {"1", "true"}

    def number(self, name: str, otherwise: int) -> int:
        """Return a number. Raises `Refused`: invalid_limit."""
        value = self.maybe(name)
        if value is not None and not value.isdecimal():
            raise Refused("invalid_limit")
        return otherwise if value is None else int(value)

    def nested(self, name: str, error: str) -> Any:  # noqa: ANN401 - whatever JSON may be
        """Return what was sent as JSON, or as JSON within a form; nothing where it was not sent. Raises `Refused`."""
        value = self.given.get(name)
        if isinstance(value, str):
            try:
                return json.loads(value) if value else None
            except ValueError:
                raise Refused(error, [f"[ERROR] {name} is no JSON"]) from None
        return value


@dataclass(frozen=True)
class Caller:
    """Whose token it is: the app's bot, with what it was granted, and where Slack is."""

    scopes: Sequence[str]
    url: str


Method = Callable[[Workspace, Arguments, Caller], Json]


def _api_test(_: Workspace, arguments: Arguments, __: Caller) -> Json:
    if error := arguments.maybe("error"):
        raise Refused(error)
    return {"args": dict(arguments.given)}


def _auth_test(workspace: Workspace, _: Arguments, caller: Caller) -> Json:
    return {
        "url": f"{caller.url}/",
        "team": workspace.team.name,
        "user": BOT.name,
        "team_id": TEAM,
        "user_id": BOT.user_id,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def _post_message(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    message = workspace.post(
        arguments.text("channel"),
        arguments.maybe("text") or "",
        arguments.nested("blocks", "invalid_blocks_format"),
        thread_ts=arguments.maybe("thread_ts"),
        metadata=arguments.nested("metadata", "invalid_metadata_format"),
    )
    channel = message.pop("channel")
    return {"channel": channel, "ts": message["ts"], "message": message}


def _update(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    message = workspace.update(
        arguments.text("channel"),
        arguments.text("ts"),
        arguments.maybe("text") or "",
        arguments.nested("blocks", "invalid_blocks_format"),
        metadata=arguments.nested("metadata", "invalid_metadata_format"),
    )
    channel = message.pop("channel")
    return {"channel": channel, "ts": message["ts"], "text": message["text"], "message": message}


def _post_ephemeral(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    ts = workspace.post_ephemeral(
        arguments.text("channel"),
        arguments.text("user"),
        arguments.maybe("text") or "",
        arguments.nested("blocks", "invalid_blocks_format"),
        thread_ts=arguments.maybe("thread_ts"),
    )
    return {"message_ts": ts}


def _permalink(workspace: Workspace, arguments: Arguments, caller: Caller) -> Json:
    channel, ts = arguments.text("channel"), arguments.text("message_ts")
    message = workspace.message(channel, ts)
    thread = message.get("thread_ts", ts)
    beside = f"&thread_ts={thread}" if thread != ts else ""
    return {"channel": channel, "permalink": f"{caller.url}/?channel={channel}&ts={ts}{beside}"}


def _open_conversation(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    if channel := arguments.maybe("channel"):
        return {"channel": workspace.channel(channel)}
    users = [each.strip() for each in arguments.text("users").split(",")]
    if len(users) > 1:
        raise Refused("method_not_supported_for_channel_type")
    return {"channel": workspace.open_direct(users[0])}


def _conversation(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    return {"channel": workspace.channel(arguments.text("channel"))}


def _history(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    channel = arguments.text("channel")
    if not workspace.channel(channel)["is_member"]:
        raise Refused("not_in_channel")
    return _page(list(reversed(workspace.history(channel))), arguments)


def _replies(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    channel = arguments.text("channel")
    if not workspace.channel(channel)["is_member"]:
        raise Refused("not_in_channel")
    return _page(workspace.thread(channel, arguments.text("ts")), arguments)


def _open_view(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    view = arguments.nested("view", "invalid_arguments")
    return {"view": workspace.open_view(arguments.text("trigger_id"), view)}


def _update_view(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    view = arguments.nested("view", "invalid_arguments")
    which = arguments.maybe("view_id"), arguments.maybe("external_id"), arguments.maybe("hash")
    return {"view": workspace.update_view(view, *which)}


def _user(workspace: Workspace, arguments: Arguments, caller: Caller) -> Json:
    return {"user": _shown(workspace.user(arguments.text("user")), caller)}


def _user_by_email(workspace: Workspace, arguments: Arguments, caller: Caller) -> Json:
    return {"user": _shown(workspace.user_by_email(arguments.text("email")), caller)}


def _groups(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    members = arguments.flag("include_users")
    return {
        "usergroups": [
            {**each.shown(), **({"users": list(each.members)} if members else {})} for each in workspace.groups()
        ]
    }


def _group_members(workspace: Workspace, arguments: Arguments, _: Caller) -> Json:
    return {"users": workspace.group_members(arguments.text("usergroup"))}


# Method -> what answers it, and the scope it needs.
METHODS: Mapping[str, tuple[Method, str | None]] = {
    "api.test": (_api_test, None),
    "auth.test": (_auth_test, None),
    "chat.postMessage": (_post_message, "chat:write"),
    "chat.update": (_update, "chat:write"),
    "chat.postEphemeral": (_post_ephemeral, "chat:write"),
    "chat.getPermalink": (_permalink, None),
    "conversations.open": (_open_conversation, "im:write"),
    "conversations.info": (_conversation, "channels:read"),
    "conversations.history": (_history, "channels:history"),
    "conversations.replies": (_replies, "channels:history"),
    "views.open": (_open_view, None),
    "views.update": (_update_view, None),
    "users.info": (_user, "users:read"),
    "users.lookupByEmail": (_user_by_email, "users:read.email"),
    "usergroups.list": (_groups, "usergroups:read"),
    "usergroups.users.list": (_group_members, "usergroups:read"),
}


def answer(workspace: Workspace, method: str, given: Mapping[str, Any], caller: Caller) -> Json:
    """Return what Slack answers to a call of the bot.

    Args:
        workspace: where it is carried out.
        method: `chat.postMessage` and so on.
        given: its arguments.
        caller: whose token it came with.
    """
    if method not in METHODS:
        return {"ok": False, "error": "unknown_method", "req_method": method}
    carry_out, needed = METHODS[method]
    if needed is not None and needed not in caller.scopes:
        return {"ok": False, "error": "missing_scope", "needed": needed, "provided": ",".join(caller.scopes)}
    try:
        return {"ok": True, **carry_out(workspace, Arguments(given), caller)}
    except Refused as refused:
        return refused.answer


def _shown(user: Json, caller: Caller) -> Json:
    if "users:read.email" not in caller.scopes:
        user["profile"].pop("email", None)
    return user


def _page(messages: list[Json], arguments: Arguments) -> Json:
    """Return one page of messages, cut out of those between `oldest` and `latest`."""
    oldest, latest = arguments.maybe("oldest") or "0", arguments.maybe("latest") or "99999999999"
    inclusive = arguments.flag("inclusive")
    limit = min(arguments.number("limit", PAGE) or PAGE, LONGEST_PAGE)
    begin = arguments.maybe("cursor") or "0"
    if not begin.isdecimal():
        raise Refused("invalid_cursor")
    try:
        low, high = _microseconds(oldest), _microseconds(latest)
    except ValueError:
        raise Refused("invalid_ts_oldest") from None
    within = [
        each
        for each in messages
        if low < _microseconds(each["ts"]) < high or (inclusive and each["ts"] in {oldest, latest})
    ]
    end = int(begin) + limit
    page = within[int(begin) : end]
    if not arguments.flag("include_all_metadata"):
        page = [{name: value for name, value in each.items() if name != "metadata"} for each in page]
    more = end < len(within)
    return {"messages": page, "has_more": more, "response_metadata": {"next_cursor": str(end) if more else ""}}


def _microseconds(ts: str) -> int:
    seconds, _, rest = ts.partition(".")
    return int(seconds) * 1_000_000 + int((rest + "000000")[:6])
