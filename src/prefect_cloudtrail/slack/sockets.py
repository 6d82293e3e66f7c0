"""Socket Mode: Slack's events over a connection that we open, so that nothing must be reachable from outside."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from prefect_cloudtrail.errors import SlackError
from prefect_cloudtrail.response.repeating import repeated
from prefect_cloudtrail.slack.asking import SlackRefusedError, asking
from prefect_cloudtrail.slack.listener import Listener
from prefect_cloudtrail.slack.message import LISTENER
from prefect_cloudtrail.store import Store

BEATS_EVERY_SECONDS = 10.0
AT_ONCE = 4
INTERACTIVE = "interactive"
# What is wrong with the app's own token, which is another than the bot's.
OF_THE_TOKEN = {"invalid_auth", "missing_scope", "not_allowed_token_type", "not_authed", "token_revoked"}

_log = logging.getLogger(__name__)


@contextmanager
def listening(
    listener: Listener, app_token: str, slack: WebClient, store: Store, clock: Callable[[], datetime]
) -> Iterator[None]:
    """Listen until the end; what is being answered then is answered first.

    It connects anew by itself. While it is connected it says so in the case store, every 10 seconds.

    Raises:
        SlackError: Slack does not take the token, or cannot be reached.
    """
    client = SocketModeClient(app_token=app_token, web_client=slack, auto_reconnect_enabled=True)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="answers Slack") as workers:

        def take(connection: BaseSocketModeClient, request: SocketModeRequest) -> None:
            # Acknowledged before any other work: Slack waits three seconds, and then says that the app failed.
            body = listener.acknowledge(request.payload) if request.type == INTERACTIVE else None
            connection.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=body))
            if request.type == INTERACTIVE:
                workers.submit(listener.handle, request.payload)

        def beat() -> list[str]:
            if client.is_connected():
                store.responses.beat(LISTENER, clock())
            return []

        client.socket_mode_request_listeners.append(take)
        try:
            _connect(client)
            with repeated("says that the listener is there", beat, _log.error, BEATS_EVERY_SECONDS):
                yield
        finally:
            client.close()


def _connect(client: SocketModeClient) -> None:
    try:
        with asking("open a connection to Slack"):
            client.connect()
    except SlackRefusedError as error:
        if error.code not in OF_THE_TOKEN:
            raise
        raise SlackError(
            f"cannot open a connection to Slack: {error.code}; set PREFECT_CLOUDTRAIL_SLACK_APP_TOKEN to the app's "
            "token for Socket Mode (xapp-..., scope connections:write)"
        ) from error
