"""Whether somebody carries out what was approved: the responder lives on another host, and leaves its heartbeat."""

from collections.abc import Iterator
from datetime import datetime

from prefect_cloudtrail.checks import Check, ago, counted
from prefect_cloudtrail.response.health import STALE
from prefect_cloudtrail.response.responder import HEARTBEAT
from prefect_cloudtrail.store import Store

START = "start `prefect-cloudtrail responder` on its host, as a service that is started again"


def look_at_responder(store: Store, now: datetime) -> Iterator[Check]:
    """Yield what is to be said of the responder and its breaker."""
    breaker = store.responses.breaker()
    if breaker.tripped:
        said = f"{breaker.by} tripped it: {breaker.why}"
        yield Check("breaker", "warn", said, "find out why; then run `prefect-cloudtrail breaker reset`")
    waiting, last = store.responses.to_carry_out(), store.responses.last_beat(HEARTBEAT)
    seen = f"last looked for work {ago(now - last)}" if last else "never looked for work here"
    alive = last is not None and now - last <= STALE
    if waiting and not alive:
        yield Check("responder", "fail", f"it {seen}, and {counted(len(waiting), 'approved plan')} waits for it", START)
    elif last and not alive:
        yield Check("responder", "warn", f"it {seen}: nobody would carry out an approval", START)
    elif last:
        yield Check("responder", "ok", f"it {seen}")
