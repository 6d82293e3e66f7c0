"""A Slack workspace on this machine: its Web API, Socket Mode and a page in the browser, for the demo and the tests.

What the app says to Slack it says to this, through the same client, and is refused what Slack refuses.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prefect_cloudtrail.demo.slack.team import SECURITY, Team
from prefect_cloudtrail.errors import CloudTrailResponseError

try:
    from prefect_cloudtrail.demo.slack.faults import Faults
    from prefect_cloudtrail.demo.slack.people import People
    from prefect_cloudtrail.demo.slack.server import Credentials, Server
    from prefect_cloudtrail.demo.slack.shapes import Refused
    from prefect_cloudtrail.demo.slack.workspace import Workspace
except ImportError as missing:
    raise CloudTrailResponseError(
        f"the local Slack is served by aiohttp, which is not here ({missing}): install prefect-cloudtrail[demo]"
    ) from missing

__all__ = ["Faults", "LocalSlack", "People", "Refused", "Team", "Workspace", "local_slack"]


@dataclass(frozen=True)
class LocalSlack:
    """A running workspace: where it is, what to sign in with, who is there, and what befalls it."""

    server: Server
    workspace: Workspace
    faults: Faults
    people: People
    channel: str = SECURITY.channel_id

    @property
    def url(self) -> str:
        """Where a browser finds the page."""
        return self.server.url

    @property
    def api_url(self) -> str:
        """The `base_url` of a `WebClient`."""
        return f"{self.server.url}/api/"

    @property
    def bot_token(self) -> str:
        """The token of the Web API."""
        return self.server.credentials.bot_token

    @property
    def app_token(self) -> str:
        """The token that opens sockets."""
        return self.server.credentials.app_token

    @property
    def signing_secret(self) -> str:
        """What requests to the app's request URL are signed with."""
        return self.server.credentials.signing_secret

    def connections(self) -> int:
        """Return how many sockets the app has open."""
        return self.server.sockets.count()

    def disconnect(self, *, warn: bool = False) -> None:
        """Close every socket; or only ask the app to connect anew, as Slack does now and then."""
        self.server.call(self.server.sockets.disconnect(warn=warn))


@contextmanager
def local_slack(
    team: Team | None = None, *, port: int = 0, request_url: str | None = None, trigger_seconds: float = 3
) -> Iterator[LocalSlack]:
    """Give a workspace that is served for as long as the block lasts.

    Args:
        team: who is there; the people, groups and channels of `team.py` by default.
        port: of this machine; any that is free by default.
        request_url: where interactions are posted, signed; by default they go over the sockets the app opens.
        trigger_seconds: how long a trigger id may be exchanged for a dialog.
    """
    workspace, faults = Workspace(team, trigger_seconds=trigger_seconds), Faults()
    credentials = Credentials(
        f"xoxb-local-{secrets.token_hex(12)}", f"xapp-1-local-{secrets.token_hex(12)}", secrets.token_hex(16)
    )
    server = Server(workspace, faults, credentials, request_url, port)
    with server.run():
        yield LocalSlack(server, workspace, faults, People(server))
