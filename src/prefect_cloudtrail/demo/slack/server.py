"""The local Slack's server: the Web API, Socket Mode and the page, on a port of this machine, in its own thread."""

import asyncio
import json
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar

from aiohttp import web

from prefect_cloudtrail.demo.slack import browser, web_api
from prefect_cloudtrail.demo.slack.delivery import Ack, Sockets, post
from prefect_cloudtrail.demo.slack.faults import LINK, Faults
from prefect_cloudtrail.demo.slack.interactions import Interactions
from prefect_cloudtrail.demo.slack.shapes import Refused
from prefect_cloudtrail.demo.slack.workspace import Workspace

Json = dict[str, Any]
Answer = TypeVar("Answer")

HOST = "127.0.0.1"
UNAVAILABLE = 503


@dataclass(frozen=True)
class Credentials:
    """What the app signs in with, and what requests to it are signed with."""

    bot_token: str
    app_token: str
    signing_secret: str


@dataclass
class Server:
    """One server; `run` starts it and stops it.

    Args:
        workspace: what it serves.
        faults: what befalls its calls.
        credentials: the tokens it takes.
        request_url: where interactions are posted; over Socket Mode where there is none.
    """

    workspace: Workspace
    faults: Faults
    credentials: Credentials
    request_url: str | None = None
    port: int = 0
    sockets: Sockets = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)

    def __post_init__(self) -> None:
        self.sockets = Sockets(self.faults)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.port}"

    @contextmanager
    def run(self) -> Iterator[None]:
        """Serve until the block ends."""
        self._loop = asyncio.new_event_loop()
        thread = Thread(target=self._loop.run_forever, name="local-slack", daemon=True)
        thread.start()
        try:
            runner = self.call(self._start())
            try:
                yield
            finally:
                self.call(self._stop(runner))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def call(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        """Return what a coroutine of the server's loop answers; from any other thread."""
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result()

    async def deliver(self, kind: str, payload: Json, *, answers: bool) -> Ack:
        """Bring a payload to the app, the way this workspace does, and return what came back."""
        if self.request_url is not None:
            return await post(self.request_url, self.credentials.signing_secret, kind, payload)
        return await self.sockets.deliver(kind, payload, answers=answers)

    @property
    def interactions(self) -> Interactions:
        """What people may do."""
        return Interactions(self.workspace, self.deliver, f"{self.url}/response")

    async def _start(self) -> web.AppRunner:
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_get("/link", self._link)
        application.router.add_post("/response/{user}/{channel}/{ts}", self._response)
        browser.add_routes(application, self.workspace, lambda: self.interactions)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, HOST, self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    async def _stop(self, runner: web.AppRunner) -> None:
        await self.sockets.disconnect()
        await runner.cleanup()
        left = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._loop.shutdown_asyncgens()

    async def _link(self, request: web.Request) -> web.StreamResponse:
        if any(each.down for each in self.faults.of(LINK)):
            return _cut(request)
        return await self.sockets.serve(request)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given = await _arguments(request)
        faults = self.faults.of(method)
        await asyncio.sleep(sum(each.seconds for each in faults))
        for fault in faults:
            if fault.until is not None:
                await asyncio.to_thread(fault.until.wait)
            if fault.down:
                return _cut(request) if fault.status is None else web.Response(status=fault.status)
            if fault.retry_after is not None:
                headers = {"Retry-After": str(fault.retry_after)}
                return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
            if fault.error is not None:
                return web.json_response({"ok": False, "error": fault.error})
        answer = self._answer(method, given, request.headers.get("Authorization", ""))
        if any(fault.ambiguous for fault in faults):
            return _cut(request)
        return web.json_response(answer, headers={"x-oauth-scopes": ",".join(self.workspace.team.scopes)})

    def _answer(self, method: str, given: Mapping[str, Any], authorization: str) -> Json:
        token = authorization.removeprefix("Bearer ") or str(given.get("token", ""))
        if not token:
            return {"ok": False, "error": "not_authed"}
        if method == "apps.connections.open":
            if token != self.credentials.app_token:
                known = token == self.credentials.bot_token
                return {"ok": False, "error": "not_allowed_token_type" if known else "invalid_auth"}
            return {"ok": True, "url": f"ws://{HOST}:{self.port}/link?ticket={self.sockets.ticket()}"}
        if token != self.credentials.bot_token:
            known = token == self.credentials.app_token
            return {"ok": False, "error": "not_allowed_token_type" if known else "invalid_auth"}
        caller = web_api.Caller(self.workspace.team.scopes, self.url)
        return web_api.answer(self.workspace, method, given, caller)

    async def _response(self, request: web.Request) -> web.Response:
        """Answer a `response_url`: in place of the message, to everybody, or (by default) to the one who clicked."""
        channel, user = request.match_info["channel"], request.match_info["user"]
        given = await request.json()
        text, blocks = given.get("text") or "", given.get("blocks")
        try:
            if given.get("replace_original"):
                self.workspace.update(channel, request.match_info["ts"], text, blocks)
            elif given.get("response_type") == "in_channel":
                self.workspace.post(channel, text, blocks)
            else:
                self.workspace.post_ephemeral(channel, user, text, blocks)
        except Refused as refused:
            return web.json_response(refused.answer, status=404)
        return web.Response(text="ok")


async def _arguments(request: web.Request) -> Mapping[str, Any]:
    """Return the arguments of a call, from wherever the client put them."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        # Clients send an empty body with this content type where there are no arguments.
        text = await request.text()
        try:
            body = json.loads(text) if text.strip() else {}
        except ValueError:
            body = {}
        given |= body if isinstance(body, dict) else {}
    else:
        given |= dict(await request.post())
    return given


def _cut(request: web.Request) -> web.Response:
    """Close a call's connection: its client learns nothing."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=UNAVAILABLE)
