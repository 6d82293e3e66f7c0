"""What the page in the browser asks for and does: what one person sees, as it changes, and their clicks."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from aiohttp import web

from prefect_cloudtrail.demo.slack.interactions import TROUBLE, Interactions
from prefect_cloudtrail.demo.slack.shapes import Refused
from prefect_cloudtrail.demo.slack.workspace import Workspace
from prefect_cloudtrail.errors import CloudTrailResponseError

Json = dict[str, Any]
Doing = Callable[[Interactions, Json], Awaitable[Json]]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Nothing from elsewhere is loaded, and nothing that a message says can run.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ASSETS = {
    "index.html": "text/html",
    "page.css": "text/css",
    **dict.fromkeys(("page.js", "draw.js", "dialog.js", "mrkdwn.js"), "text/javascript"),
}
LOOK_SECONDS = 0.05


def add_routes(application: web.Application, workspace: Workspace, interactions: Callable[[], Interactions]) -> None:
    """Have an application answer for the page.

    Args:
        application: what serves.
        workspace: what is shown.
        interactions: what people may do, once the server runs.
    """
    for name, kind in ASSETS.items():
        application.router.add_get("/" if name == "index.html" else f"/{name}", _asset(name, kind))
    application.router.add_get("/page/state", _state(workspace))
    application.router.add_get("/page/events", _events(workspace))
    for name, doing in DOINGS.items():
        application.router.add_post(f"/page/{name}", _act(doing, interactions))


def seen(workspace: Workspace, user: str) -> Json:
    """Return everything that one person sees. Raises `Refused`: user_not_found."""
    with workspace.changed:
        me = workspace.user(user)
        channels = []
        for channel in workspace.channels_of(user):
            roots = [_without_metadata(each) for each in workspace.history(channel["id"])]
            threads = {
                each["ts"]: [_without_metadata(one) for one in workspace.thread(channel["id"], each["ts"])[1:]]
                for each in roots
                if each.get("reply_count")
            }
            only_you = workspace.ephemerals(user, channel["id"])
            channels.append({**channel, "messages": roots, "threads": threads, "only_you": only_you})
        return {
            "version": workspace.version,
            "team": workspace.team.name,
            "me": me,
            "users": {each["id"]: each for each in workspace.users()},
            "groups": {each.group_id: each.shown() for each in workspace.groups()},
            "channels": channels,
            "view": workspace.view(user),
            "lost": sorted(workspace.lost(user)),
        }


async def _click(interactions: Interactions, given: Json) -> Json:
    user, action_id, value = given["user"], given["action_id"], given.get("value")
    if given.get("in_view"):
        return {"acknowledged": await interactions.click_in_view(user, action_id, value)}
    return {"acknowledged": await interactions.click(user, given["channel"], given["ts"], action_id, value)}


async def _submit(interactions: Interactions, given: Json) -> Json:
    done = await interactions.submit(given["user"], given["filled"])
    return {"errors": dict(done.errors), "trouble": None if done.acknowledged else TROUBLE}


async def _close(interactions: Interactions, given: Json) -> Json:
    return {"acknowledged": await interactions.close(given["user"])}


async def _say(interactions: Interactions, given: Json) -> Json:
    return await interactions.say(given["user"], given["channel"], given["text"], given.get("thread_ts"))


async def _dismiss(interactions: Interactions, given: Json) -> Json:
    interactions.workspace.dismiss(given["user"], given["ts"])
    return {}


DOINGS: dict[str, Doing] = {"click": _click, "submit": _submit, "close": _close, "say": _say, "dismiss": _dismiss}


def _state(workspace: Workspace) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(seen(workspace, request.query.get("as", "")))
        except Refused as refused:
            return web.json_response(refused.answer, status=404)

    return answer


def _events(workspace: Workspace) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        told = -1
        # Until the page is closed.
        while request.transport is not None and not request.transport.is_closing():
            if workspace.version != told:
                told = workspace.version
                await stream.write(f"data: {told}\n\n".encode())
            await asyncio.sleep(LOOK_SECONDS)
        return stream

    return answer


def _act(doing: Doing, interactions: Callable[[], Interactions]) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        # A page from elsewhere cannot send this type without asking first.
        if request.content_type != "application/json":
            return web.json_response({"error": "send JSON"}, status=415)
        try:
            return web.json_response(await doing(interactions(), await request.json()))
        except (CloudTrailResponseError, Refused, KeyError, json.JSONDecodeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return answer


def _asset(name: str, kind: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        text = files("prefect_cloudtrail.demo.slack").joinpath("page", name).read_text(encoding="utf-8")
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return web.Response(text=text, content_type=kind, charset="utf-8", headers=headers)

    return answer


def _without_metadata(message: Json) -> Json:
    return {name: value for name, value in message.items() if name != "metadata"}
