"""The pager's webhook: called when nobody answers. Its URL is a secret, and never said."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from prefect_cloudtrail.errors import SettingsError, SlackError
from prefect_cloudtrail.slack.message import Told

SECONDS = 10


class _Straight(urllib.request.HTTPRedirectHandler):
    """A redirect would send the call where nobody meant it to go."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:  # noqa: ANN401 - the base class's
        """Follow none."""


def call(url: str, told: Told, message_id: str, text: str) -> None:
    """Call the webhook; called again for the same message it has the same `dedup_key`, by which a pager knows it.

    Raises:
        SettingsError: the URL is none of http or https.
        SlackError: it does not take the call.
    """
    if not _is_web(url):
        raise SettingsError("the pager's URL (PREFECT_CLOUDTRAIL_PAGER_URL) must begin with https://")
    incident = told.incident
    body = {
        "dedup_key": message_id,
        "incident_id": incident.incident_id,
        "text": text,
        "risk": incident.risk,
        "severity": incident.severity.value,
        "link": told.link,
    }
    request = urllib.request.Request(  # noqa: S310 - http or https, as above
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.build_opener(_Straight).open(request, timeout=SECONDS) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", error)
        raise SlackError(f"cannot call the pager: {type(why).__name__}; it is tried again") from None
    if not http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
        raise SlackError(f"cannot call the pager: it answers {status}; it is tried again")


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
