"""A workspace's state, and what happens to it: messages, threads, ephemerals, direct messages and dialogs.

No HTTP and no Prefect. Every method may be called from any thread; what is given back is a copy.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from threading import Condition, RLock
from typing import Any

from prefect_cloudtrail.demo.slack import shapes
from prefect_cloudtrail.demo.slack.limits import CHANGED_TEXT, POSTED_TEXT
from prefect_cloudtrail.demo.slack.shapes import Refused
from prefect_cloudtrail.demo.slack.team import BOT, Group, Team

Json = dict[str, Any]


@dataclass(frozen=True)
class Trigger:
    """What an interaction may be exchanged for, once: a dialog before that person."""

    user: str
    ends: float
    spent: bool = False


class Workspace:
    """One team's Slack.

    Args:
        team: who is there, and where.
        trigger_seconds: how long a trigger id may be exchanged.
        now: the time in seconds since 1970, of which timestamps are made.
    """

    def __init__(
        self, team: Team | None = None, *, trigger_seconds: float = 3, now: Callable[[], float] = time.time
    ) -> None:
        self.team = team or Team()
        self.changed = Condition(RLock())
        self.version = 0
        self._now, self._trigger_seconds = now, trigger_seconds
        self._last_ts = 0
        self._groups = {each.group_id: each for each in self.team.groups}
        self._people = {each.user_id: each for each in self.team.people}
        self._channels: dict[str, Json] = {
            each.channel_id: {"id": each.channel_id, "name": each.name, "members": set(each.members)}
            for each in self.team.channels
        }
        self._messages: dict[str, list[Json]] = {each: [] for each in self._channels}
        self._ephemerals: list[Json] = []
        self._views: dict[str, Json] = {}
        self._triggers: dict[str, Trigger] = {}
        self._lost: set[tuple[str, str, str, str]] = set()

    # --- what is there ------------------------------------------------------------------------------------------------

    def user(self, user: str) -> Json:
        """Return a user object. Raises `Refused`: user_not_found."""
        with self.changed:
            if user not in self._people:
                raise Refused("user_not_found")
            return self._people[user].shown()

    def user_by_email(self, email: str) -> Json:
        """Return the user object of an address. Raises `Refused`: users_not_found."""
        with self.changed:
            for each in self._people.values():
                if not each.bot and not each.deleted and each.email.lower() == email.lower():
                    return each.shown()
        raise Refused("users_not_found")

    def users(self) -> list[Json]:
        """Return every user object."""
        with self.changed:
            return [each.shown() for each in self._people.values()]

    def deactivate(self, user: str) -> None:
        """Deactivate somebody's account, as an administrator does."""
        with self.changed:
            self._people[user] = replace(self._people[user], deleted=True)
            self._change()

    def groups(self) -> list[Group]:
        """Return the user groups with their members."""
        with self.changed:
            return list(self._groups.values())

    def group_members(self, group: str) -> list[str]:
        """Return who is in a user group. Raises `Refused`: no_such_subteam."""
        with self.changed:
            if group not in self._groups:
                raise Refused("no_such_subteam")
            return list(self._groups[group].members)

    def set_group(self, group: str, members: Sequence[str]) -> None:
        """Put these people, and no others, into a user group; nobody, where there are none."""
        with self.changed:
            self._groups[group] = replace(self._groups[group], members=tuple(members))
            self._change()

    def channel(self, channel: str) -> Json:
        """Return a channel object. Raises `Refused`: channel_not_found."""
        with self.changed:
            found = self._channel(channel)
            direct = {"user": found["with"]} if "with" in found else {"name": found["name"]}
            return {
                "id": found["id"],
                **direct,
                "is_channel": "with" not in found,
                "is_im": "with" in found,
                "is_private": "with" in found,
                "is_archived": False,
                "is_member": BOT.user_id in found["members"],
                "num_members": len(found["members"]),
            }

    def channels_of(self, user: str) -> list[Json]:
        """Return the channel objects that somebody sees."""
        with self.changed:
            return [self.channel(each) for each, found in self._channels.items() if user in found["members"]]

    def history(self, channel: str) -> list[Json]:
        """Return a channel's messages, oldest first, with their metadata, without the replies in threads."""
        with self.changed:
            self._channel(channel)
            return deepcopy(
                [each for each in self._messages[channel] if each.get("thread_ts", each["ts"]) == each["ts"]]
            )

    def thread(self, channel: str, ts: str) -> list[Json]:
        """Return a message and its replies, oldest first, with their metadata.

        Raises:
            Refused: channel_not_found, thread_not_found.
        """
        with self.changed:
            root = self._message(channel, ts, "thread_not_found")
            first = root.get("thread_ts", ts)
            return deepcopy([each for each in self._messages[channel] if first in {each["ts"], each.get("thread_ts")}])

    def message(self, channel: str, ts: str) -> Json:
        """Return one message, or reply. Raises `Refused`: channel_not_found, message_not_found."""
        with self.changed:
            return deepcopy(self._message(channel, ts, "message_not_found"))

    def ephemerals(self, user: str, channel: str | None = None) -> list[Json]:
        """Return what only that person was shown, oldest first; in one channel, or in all."""
        with self.changed:
            return deepcopy(
                [e for e in self._ephemerals if e["to"] == user and (channel is None or e["channel"] == channel)]
            )

    def direct_messages(self, user: str) -> list[Json]:
        """Return what the app and that person wrote to each other, oldest first."""
        with self.changed:
            found = self._direct(user)
            return self.history(found["id"]) if found else []

    # --- messages -----------------------------------------------------------------------------------------------------

    def post(
        self,
        channel: str,
        text: str,
        blocks: list[Json] | None = None,
        *,
        user: str = BOT.user_id,
        thread_ts: str | None = None,
        metadata: Json | None = None,
    ) -> Json:
        """Post a message and return it.

        Raises:
            Refused: channel_not_found, not_in_channel, no_text, invalid_blocks, invalid_metadata_format,
                thread_not_found.
        """
        with self.changed:
            if channel in self._people:
                channel = self.open_direct(channel)["id"]
            found = self._channel(channel)
            if user not in found["members"]:
                raise Refused("not_in_channel")
            if not text and not blocks:
                raise Refused("no_text")
            shapes.check(blocks, metadata)
            reply_to = self._message(channel, thread_ts, "thread_not_found") if thread_ts else None
            made = shapes.message(user, text[:POSTED_TEXT], blocks, self._next_ts())
            if metadata is not None:
                made["metadata"] = deepcopy(metadata)
            if reply_to is not None:
                # A reply to a reply joins its thread.
                root = self._message(channel, str(reply_to.get("thread_ts", thread_ts)), "thread_not_found")
                made["thread_ts"] = root["thread_ts"] = root["ts"]
                root["reply_count"] = root.get("reply_count", 0) + 1
                root["reply_users"] = sorted({*root.get("reply_users", ()), user})
                root["latest_reply"] = made["ts"]
            self._messages[channel].append(made)
            self._change()
            return {**deepcopy(made), "channel": channel}

    def update(
        self, channel: str, ts: str, text: str, blocks: list[Json] | None = None, *, metadata: Json | None = None
    ) -> Json:
        """Change what the app's own message says, and return it; metadata stays where none is given.

        Raises:
            Refused: channel_not_found, message_not_found, cant_update_message, no_text, msg_too_long, invalid_blocks.
        """
        with self.changed:
            message = self._message(channel, ts, "message_not_found")
            if message["user"] != BOT.user_id:
                raise Refused("cant_update_message")
            if not text and not blocks:
                raise Refused("no_text")
            if len(shapes.escaped(text).encode()) > CHANGED_TEXT:
                raise Refused("msg_too_long")
            shapes.check(blocks, metadata)
            message["text"] = text
            if blocks is not None:
                message["blocks"] = shapes.identified(blocks)
            message["edited"] = {"user": BOT.user_id, "ts": self._next_ts()}
            if metadata is not None:
                message["metadata"] = deepcopy(metadata)
            self._change()
            return {**deepcopy(message), "channel": channel}

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message, as somebody who may does. Raises `Refused`: channel_not_found, message_not_found."""
        with self.changed:
            self._messages[channel].remove(self._message(channel, ts, "message_not_found"))
            self._change()

    def post_ephemeral(
        self, channel: str, user: str, text: str, blocks: list[Json] | None = None, *, thread_ts: str | None = None
    ) -> str:
        """Show a message to one person of a channel, and return its ts.

        Raises:
            Refused: channel_not_found, not_in_channel, user_not_in_channel, no_text, invalid_blocks.
        """
        with self.changed:
            found = self._channel(channel)
            if BOT.user_id not in found["members"]:
                raise Refused("not_in_channel")
            if user not in found["members"]:
                raise Refused("user_not_in_channel")
            if not text and not blocks:
                raise Refused("no_text")
            shapes.check(blocks, None)
            made = shapes.message(BOT.user_id, text[:POSTED_TEXT], blocks, self._next_ts())
            made |= {"to": user, "channel": channel, "is_ephemeral": True}
            if thread_ts:
                made["thread_ts"] = thread_ts
            self._ephemerals.append(made)
            self._change()
            return str(made["ts"])

    def dismiss(self, user: str, ts: str) -> None:
        """Take an ephemeral message away from before somebody."""
        with self.changed:
            self._ephemerals = [each for each in self._ephemerals if (each["to"], each["ts"]) != (user, ts)]
            self._change()

    def open_direct(self, user: str) -> Json:
        """Return the channel object of the app's direct messages with somebody. Raises `Refused`: user_not_found."""
        with self.changed:
            if user not in self._people:
                raise Refused("user_not_found")
            if self._people[user].deleted:
                raise Refused("user_disabled")
            found = self._direct(user)
            if found is None:
                # Slack's own is the same each time it is opened.
                found = {"id": f"D{user[1:]}", "with": user, "members": {user, BOT.user_id}}
                self._channels[found["id"]] = found
                self._messages[found["id"]] = []
                self._change()
            return self.channel(found["id"])

    # --- dialogs ------------------------------------------------------------------------------------------------------

    def trigger(self, user: str) -> str:
        """Return a trigger id: for three seconds it may be exchanged, once, for a dialog before that person."""
        with self.changed:
            made = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
            self._triggers[made] = Trigger(user, time.monotonic() + self._trigger_seconds)
            return made

    def open_view(self, trigger_id: str, view: object) -> Json:
        """Open a dialog before the person whose trigger this is, in place of any, and return it.

        Raises:
            Refused: invalid_trigger_id, expired_trigger_id, exchanged_trigger_id, invalid_arguments.
        """
        with self.changed:
            trigger = self._triggers.get(trigger_id)
            if trigger is None:
                raise Refused("invalid_trigger_id")
            if trigger.spent:
                raise Refused("exchanged_trigger_id")
            if time.monotonic() > trigger.ends:
                raise Refused("expired_trigger_id")
            made = self._made(view, f"V{secrets.token_hex(5).upper()}")
            self._triggers[trigger_id] = replace(trigger, spent=True)
            self._views[trigger.user] = made
            self._change()
            return deepcopy(made)

    def update_view(self, view: object, view_id: str | None, external_id: str | None, known: str | None) -> Json:
        """Change an open dialog, and return it.

        Args:
            view: what it shall be.
            view_id: which.
            external_id: which, by the app's own id.
            known: the hash of the view that the caller saw; nothing is compared without.

        Raises:
            Refused: not_found, hash_conflict, invalid_arguments.
        """
        with self.changed:
            for user, each in self._views.items():
                if each["id"] == view_id or (external_id and each["external_id"] == external_id):
                    if known is not None and known != each["hash"]:
                        raise Refused("hash_conflict")
                    self._views[user] = self._made(view, each["id"], each["state"])
                    self._change()
                    return deepcopy(self._views[user])
            raise Refused("not_found")

    def view(self, user: str) -> Json | None:
        """Return the dialog in front of somebody, if there is one."""
        with self.changed:
            return deepcopy(self._views.get(user))

    def enter(self, user: str, state: Mapping[str, Json]) -> Json:
        """Keep what somebody has entered into the dialog before them, and return it. Raises `Refused`: not_found."""
        with self.changed:
            if user not in self._views:
                raise Refused("not_found")
            self._views[user]["state"] = {"values": deepcopy(dict(state))}
            return deepcopy(self._views[user])

    def close_view(self, user: str, view_id: str) -> None:
        """Take that dialog away from before somebody; another that has come since stays."""
        with self.changed:
            if self._views.get(user, {}).get("id") == view_id:
                del self._views[user]
                self._change()

    # --- clicks that no app has answered ------------------------------------------------------------------------------

    def lost(self, user: str) -> set[tuple[str, str, str]]:
        """Return the (channel or view, ts, action id) that show somebody Slack's warning."""
        with self.changed:
            return {each[1:] for each in self._lost if each[0] == user}

    def mark(self, user: str, where: str, ts: str, action: str, *, lost: bool) -> None:
        """Show somebody, or no longer, that what they clicked was answered by nobody."""
        with self.changed:
            before = set(self._lost)
            self._lost = {each for each in before if each[:3] != (user, where, ts)}
            if lost:
                self._lost.add((user, where, ts, action))
            if self._lost != before:
                self._change()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _change(self) -> None:
        self.version += 1
        self.changed.notify_all()

    def _next_ts(self) -> str:
        # In microseconds, which no two messages of a workspace share.
        self._last_ts = max(self._last_ts + 1, int(self._now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def _channel(self, channel: str) -> Json:
        if channel not in self._channels:
            raise Refused("channel_not_found")
        return self._channels[channel]

    def _direct(self, user: str) -> Json | None:
        return next((each for each in self._channels.values() if each.get("with") == user), None)

    def _message(self, channel: str, ts: str, otherwise: str) -> Json:
        self._channel(channel)
        for each in self._messages[channel]:
            if each["ts"] == ts:
                return each
        raise Refused(otherwise)

    def _made(self, view: object, view_id: str, state: Json | None = None) -> Json:
        return shapes.view(view, view_id, f"{self._next_ts()}.{secrets.token_hex(4)}", state)
