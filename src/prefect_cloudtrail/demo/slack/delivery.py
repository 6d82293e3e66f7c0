"""How interactions reach the app: over the sockets it has opened, or posted to it with a signature."""

import asyncio
import hashlib
import hmac
import itertools
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

from prefect_cloudtrail.demo.slack.faults import Faults
from prefect_cloudtrail.demo.slack.team import APP

Json = dict[str, Any]

# How long Slack waits for an acknowledgement.
PATIENCE_SECONDS = 3.0
CLOSE_SECONDS = 1.0
DISCONNECT_WARNING = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "local"}}


@dataclass(frozen=True)
class Ack:
    """Whether the app acknowledged, and with what: the `response_action` to a submitted dialog."""

    acknowledged: bool
    payload: Json | None = None


LOST = Ack(acknowledged=False)


@dataclass
class Sockets:
    """The connections of Socket Mode; everything but `count` only in the server's loop."""

    faults: Faults
    _open: list[web.WebSocketResponse] = field(default_factory=list)
    _tickets: set[str] = field(default_factory=set)
    _waiting: dict[str, asyncio.Future[Ack]] = field(default_factory=dict)
    _turn: "itertools.count[int]" = field(default_factory=itertools.count)

    def ticket(self) -> str:
        """Return a ticket for one connection."""
        made = secrets.token_hex(16)
        self._tickets.add(made)
        return made

    def count(self) -> int:
        """Return how many connections there are; from any thread."""
        return len(self._open)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer `/link`: greet, and take acknowledgements until either side goes."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=10, timeout=CLOSE_SECONDS)
        await socket.prepare(request)
        self._open.append(socket)
        drop = asyncio.create_task(self._drop(socket))
        try:
            await socket.send_json(
                {
                    "type": "hello",
                    "num_connections": len(self._open),
                    "debug_info": {"host": "local", "approximate_connection_time": 18_060},
                    "connection_info": {"app_id": APP},
                }
            )
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._take(message.data)
        except ConnectionResetError:
            # The other side went while it was greeted.
            pass
        finally:
            drop.cancel()
            if socket in self._open:
                self._open.remove(socket)
        return socket

    async def deliver(self, kind: str, payload: Json, *, answers: bool) -> Ack:
        """Send one envelope over one of the connections, and return what came back within 3 s.

        Args:
            kind: `interactive` or `events_api`.
            payload: what Slack tells.
            answers: the acknowledgement may carry a payload.
        """
        envelope_id = secrets.token_hex(16)
        envelope = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": answers,
        }
        waiting: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = waiting
        befalls = self.faults.sockets
        try:
            sent = sum([await self._send({**envelope, "retry_attempt": n}) for n in range(befalls.times)])
            if befalls.redeliver_after is not None and sent:
                try:
                    return await asyncio.wait_for(asyncio.shield(waiting), befalls.redeliver_after)
                except TimeoutError:
                    again = {**envelope, "retry_attempt": 1, "retry_reason": "timeout"}
                    sent += await self._send(again)
            if not sent:
                return LOST
            return await asyncio.wait_for(waiting, PATIENCE_SECONDS)
        except TimeoutError:
            return LOST
        finally:
            del self._waiting[envelope_id]

    async def disconnect(self, *, warn: bool = False) -> None:
        """Close every connection; or only ask the app to come anew, as Slack does now and then."""
        gone, self._open = list(self._open), []
        for socket in gone:
            # Who is asked to come anew leaves by itself, and nothing more is sent that way.
            await (socket.send_json(DISCONNECT_WARNING) if warn else socket.close())

    async def _send(self, envelope: Json) -> bool:
        """Return whether a connection took the envelope: each in its turn, the next where one is gone."""
        for _ in range(len(self._open)):
            # The others may have gone while this one was tried.
            if not self._open:
                return False
            socket = self._open[next(self._turn) % len(self._open)]
            try:
                await socket.send_json(envelope)
            except (ConnectionError, RuntimeError):
                continue
            return True
        return False

    def _take(self, text: str) -> None:
        if self.faults.sockets.ignore_acks:
            return
        message = json.loads(text)
        waiting = self._waiting.get(message.get("envelope_id"))
        if waiting is not None and not waiting.done():
            waiting.set_result(Ack(acknowledged=True, payload=message.get("payload") or None))

    async def _drop(self, socket: web.WebSocketResponse) -> None:
        opened = time.monotonic()
        while True:
            every = self.faults.sockets.drop_every
            if every is not None and time.monotonic() >= opened + every:
                if socket in self._open:
                    self._open.remove(socket)
                await socket.close()
                return
            await asyncio.sleep(0.05)


def signature(secret: str, timestamp: str, body: str) -> str:
    """Return Slack's signature of a request: version 0, over its time and its body."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()


async def post(url: str, secret: str, kind: str, payload: Json) -> Ack:
    """Post an interaction, or an event, to the app's request URL, signed, and return what it answered within 3 s."""
    text = json.dumps(payload)
    interactive = kind == "interactive"
    body = urlencode({"payload": text}) if interactive else text
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded" if interactive else "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
    }
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=PATIENCE_SECONDS)) as session,
            session.post(url, data=body.encode(), headers=headers) as answer,
        ):
            said = await answer.text()
            # What is no JSON, or no 2xx, is trouble to Slack as well.
            return Ack(answer.ok, json.loads(said) if said.strip() else None)
    except (ClientError, TimeoutError, ValueError):
        return LOST
