"""Says in Slack what people must hear beside incidents: each notice once, as a message of its own in the channel."""

import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient

from prefect_cloudtrail.errors import LeaseHeldError, SettingsError, SlackError
from prefect_cloudtrail.notices import Notice
from prefect_cloudtrail.slack.asking import SlackRefusedError, answered, asking
from prefect_cloudtrail.slack.blocks import mrkdwn, shown
from prefect_cloudtrail.slack.delivering import LEASE_MINUTES, posted, wait_after
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.notices import Posting

EVENT_TYPE = "prefect_cloudtrail_notice"
LONGEST = 2_500
# What was noticed before Slack was set up is not told there any more.
TOLD_WITHIN = timedelta(days=30)

_log = logging.getLogger(__name__)


def post_notices(store: Store, slack: WebClient, channel: str, clock: Callable[[], datetime]) -> list[str]:
    """Return what was said now, a line each; what Slack did not take is logged, and tried again.

    One that was begun and not confirmed is looked for before it is posted again.

    Raises:
        StateError: the case store cannot be used.
    """
    if not store.notices.to_post(clock() - TOLD_WITHIN):
        return []
    said: list[str] = []
    owner = f"{os.uname().nodename} {os.getpid()}"
    try:
        with store.lease("slack notices", owner, LEASE_MINUTES, clock()) as lease:
            for each in store.notices.to_post(clock() - TOLD_WITHIN):
                if each.next_at is not None and clock() < each.next_at:
                    break  # in their order
                lease.renew(clock())
                try:
                    said.append(f"{each.notice.notice_id}: {_post(store, slack, channel, each, clock)}")
                except (SlackError, SettingsError) as error:
                    _log.warning("%s", error)
                    wait = wait_after(each.failures, error)
                    store.notices.change([each.notice.notice_id], failures=each.failures + 1, next_at=clock() + wait)
                    break
    except LeaseHeldError:
        return said  # another is at it
    return said


def _post(store: Store, slack: WebClient, channel: str, row: Posting, clock: Callable[[], datetime]) -> str:
    notice_id = row.notice.notice_id
    if row.attempted_at is not None:
        with asking(f"look for the notice {notice_id}"):
            ts = posted(slack, channel, {"notice_id": notice_id}, row.attempted_at)
        if ts is not None:
            store.notices.change([notice_id], posted_at=row.attempted_at, ts=ts)
            return "was posted before"
    store.notices.change([notice_id], attempted_at=clock())
    try:
        with asking(f"post the notice {notice_id}"):
            answer = answered(
                slack.chat_postMessage(
                    channel=channel,
                    metadata={"event_type": EVENT_TYPE, "event_payload": {"notice_id": notice_id}},
                    unfurl_links=False,
                    unfurl_media=False,
                    **message(row.notice),
                )
            )
    except SlackRefusedError:
        store.notices.change([notice_id], attempted_at=None)  # it was not posted, for sure
        raise
    store.notices.change([notice_id], posted_at=clock(), ts=str(answer["ts"]))
    return "posted"


def message(notice: Notice) -> dict[str, Any]:
    """Return a notice as Slack takes it: its sentence, letter for letter."""
    sentence = notice.sentence[0].upper() + notice.sentence[1:]
    return {
        "text": shown(sentence, LONGEST),
        "blocks": [{"type": "section", "text": mrkdwn(shown(sentence, LONGEST))}],
    }
