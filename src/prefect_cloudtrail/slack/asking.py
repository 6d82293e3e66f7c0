"""What Slack answers when it does not do as it is asked: whether it may have done it, and what to do."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from prefect_cloudtrail.errors import SlackError
from prefect_cloudtrail.text import plain

# What a person must mend; everything else may pass by itself.
ADVICE = {
    "account_inactive": "the app was removed from the workspace: install it again, and set its token",
    "channel_not_found": "set PREFECT_CLOUDTRAIL_SLACK_CHANNEL to the channel's id, and invite the app",
    "invalid_auth": "set PREFECT_CLOUDTRAIL_SLACK_TOKEN to the app's bot token",
    "is_archived": "the channel is archived: set PREFECT_CLOUDTRAIL_SLACK_CHANNEL to another",
    "missing_scope": "install the app anew from deploy/slack-manifest.yaml",
    "not_authed": "set PREFECT_CLOUDTRAIL_SLACK_TOKEN to the app's bot token",
    "not_in_channel": "invite the app to the channel",
    "token_revoked": "install the app again, and set its token",
    "restricted_action": "an administrator must allow the app to post in the channel",
}
# Our own fault: Slack would refuse it for ever.
UNFIT = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_metadata_format"}
# Slack's own troubles: part of what it was asked for may be done, it says.
UNSURE = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
_SHORTEST_WAIT = 1.0
_CODE = re.compile(r"[a-z0-9_]+")


class SlackRefusedError(SlackError):
    """Slack refused, and did nothing.

    Attributes:
        code: Slack's word for why.
        wait: seconds until it may be asked again; None where it does not say.
    """

    def __init__(self, said: str, code: str, wait: float | None = None) -> None:
        """Keep Slack's word."""
        super().__init__(said)
        self.code, self.wait = code, wait


class SlackSilentError(SlackError):
    """Slack did not answer, so whether it did it is not known."""


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Say what cannot be done where Slack, or the way to it, does not do it.

    Args:
        what: what it is asked for, after "cannot": `post the card of inc_...`.

    Raises:
        SlackRefusedError: it refused; nothing was done.
        SlackSilentError: it did not answer.
    """
    try:
        yield
    except SlackApiError as error:
        code, status = _code(error), _status(error)
        if status == http.HTTPStatus.TOO_MANY_REQUESTS or code == "ratelimited":
            wait = _wait(error)
            raise SlackRefusedError(f"cannot {what}: Slack asks to wait {wait:g} s", "ratelimited", wait) from error
        if code is None:  # an answer that is none of Slack's own: a proxy's page, or half of one
            raise SlackSilentError(f"cannot {what}: no answer of Slack's ({status}); it is tried again") from error
        if code in UNSURE:
            raise SlackSilentError(f"cannot {what}: {code}; it is tried again") from error
        advice = ADVICE.get(code, "it is tried again")
        raise SlackRefusedError(f"cannot {what}: {plain(code)}; {advice}", code) from error
    except (SlackClientError, OSError, http.client.HTTPException) as error:
        said = plain(" ".join(str(error).split()) or type(error).__name__, 200)
        raise SlackSilentError(f"cannot {what}: {said}; it is tried again") from error


def answered(response: SlackResponse) -> Any:  # noqa: ANN401 - whatever Slack sent
    """Return what Slack answered, as JSON."""
    return response.data


def _data(error: SlackApiError) -> Any:  # noqa: ANN401 - whatever Slack sent
    return getattr(error.response, "data", error.response)


def _code(error: SlackApiError) -> str | None:
    """Return Slack's word; the client puts a sentence of its own there where the answer was none of Slack's."""
    data = _data(error)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _status(error: SlackApiError) -> int | None:
    status = getattr(error.response, "status_code", None)
    return int(status) if status is not None else None


def _wait(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", None) or {}
    said = {str(name).lower(): value for name, value in headers.items()}.get("retry-after")
    try:
        return max(float(said if not isinstance(said, list) else said[0]), _SHORTEST_WAIT)  # type: ignore[arg-type]
    except (TypeError, ValueError, IndexError):
        return 30.0
