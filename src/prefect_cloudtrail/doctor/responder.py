"""Whether somebody hears a click in Slack and carries out what was approved: both leave a heartbeat in the store."""

from collections.abc import Iterator
from datetime import datetime

from prefect_cloudtrail.checks import Check, ago, counted
from prefect_cloudtrail.errors import TamperedError
from prefect_cloudtrail.response.head import Head
from prefect_cloudtrail.response.health import STALE
from prefect_cloudtrail.response.responder import HEARTBEAT
from prefect_cloudtrail.slack.message import LISTENER
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.versions import VERSION

START = "start `prefect-cloudtrail responder` on its host, as a service that is started again"
LISTEN = f"{START}, with the Slack app's token (PREFECT_CLOUDTRAIL_SLACK_APP_TOKEN) in its environment"

UPDATE = (
    "update the older ones and start them again; until then nothing is mixed up: once the tables are newer, "
    "an older process stores nothing and says so"
)


def look_at_responder(store: Store, now: datetime) -> Iterator[Check]:
    """Yield what is to be said of the responder and its breaker."""
    breaker = store.responses.breaker()
    if breaker.tripped:
        said = f"{breaker.by} tripped it: {breaker.why}"
        yield Check("breaker", "warn", said, "find out why; then run `prefect-cloudtrail breaker reset`")
    waiting, last = store.responses.to_carry_out(), store.responses.last_beat(HEARTBEAT)
    seen = f"last looked for work {_when(last, now)}" if last else "never looked for work here"
    alive = last is not None and abs(now - last) <= STALE
    if waiting and not alive:
        yield Check("responder", "fail", f"it {seen}, and {counted(len(waiting), 'approved plan')} waits for it", START)
    elif last and not alive:
        yield Check("responder", "warn", f"it {seen}: nobody would carry out an approval", START)
    elif last:
        yield Check("responder", "ok", f"it {seen}")


def look_at_versions(store: Store) -> Iterator[Check]:
    """Yield where the last run, the responder and this program are of different versions; nothing where they agree."""
    last = store.runs(limit=1)
    works = {
        "the last run": last[0]["version"] if last else None,
        "the responder": store.responses.version(HEARTBEAT),
        "this program": VERSION,
    }
    known = {who: version for who, version in works.items() if version}
    if len(set(known.values())) > 1:
        said = ", ".join(f"{who} is of {version}" for who, version in known.items())
        yield Check("versions", "warn", said, UPDATE)


def look_at_audit(store: Store, head: Head | None) -> Iterator[Check]:
    """Yield whether the audit's chain is whole, and holds what this host saw of it; nothing where there is none.

    Args:
        store: the case store.
        head: how far it went, as the responder's host knows it; None on another.
    """
    broken = store.responses.verify_audit()
    rewritten = _rewritten(store, head)
    newest = store.responses.newest_audit_row()
    if broken or rewritten:
        yield Check(
            "audit", "fail", rewritten or broken[0], "find out who can write to the case store (docs/security.md)"
        )
    elif newest:
        seen = ", and holds all that this host saw" if head else ""
        yield Check("audit", "ok", f"{counted(newest.number, 'row')}, a whole chain{seen}")


def _rewritten(store: Store, head: Head | None) -> str | None:
    try:
        if head:
            head.check(store)
    except TamperedError as error:
        return str(error)
    return None


def look_at_listener(store: Store, now: datetime) -> Check:
    """Return whether somebody hears what is clicked in Slack; Slack keeps no click for later."""
    last = store.responses.last_beat(LISTENER)
    if last is not None and abs(now - last) <= STALE:
        return Check("listener", "ok", f"it last heard of Slack {ago(now - last)}")
    seen = f"it last heard of Slack {_when(last, now)}" if last else "it was never connected to Slack"
    return Check("listener", "fail", f"{seen}: what is clicked there is lost", LISTEN)


def _when(last: datetime, now: datetime) -> str:
    """Return how long ago that was; a clock that was set back since knows no answer."""
    return "at a time that is ahead of this clock" if last - now > STALE else ago(now - last)
