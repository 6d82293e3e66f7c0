"""What Prometheus reads: of the responder, and of detect, whose runs are over too soon to be asked themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prefect_cloudtrail.notices import NoticeKind
from prefect_cloudtrail.silence import TRAIL
from prefect_cloudtrail.store import Store

PREFIX = "prefect_cloudtrail_"
# The listener's heartbeat, by its name in the case store; slack.message has it, and imports this package.
LISTENER = "listener"


@dataclass(frozen=True)
class Metric:
    """One number as it is now; its name without the prefix, its unit at its end."""

    name: str
    help: str
    value: float


def metrics(store: Store, counts: Mapping[str, int], now: datetime) -> list[Metric]:
    """Return the numbers that can be known; the age of what never was is left out, so that `absent()` finds it.

    Args:
        store: the case store.
        counts: what the responder counts of itself, as `health.health` does.
        now: the time, aware.

    Raises:
        StateError: the case store cannot be used.
    """
    waiting = [row.written_at for row in store.outbox_pending()]
    waiting += [row.written_at for row in store.slack.unsent()]
    silent = {each.subject for each in store.notices.all(NoticeKind.SILENCE, going_on=True)}
    stopped = {each.subject for each in store.notices.all(NoticeKind.STOPPED, going_on=True)}
    found = [
        Metric("responder_to_carry_out", "Approved plans that wait for the responder.", counts["to_carry_out"]),
        Metric("responder_watched", "Applied plans that are being watched.", counts["watched"]),
        Metric(
            "responder_breaker_tripped",
            "Whether the breaker keeps plans from being applied.",
            counts["breaker_tripped"],
        ),
        Metric(
            "incidents_to_tell",
            "Incidents that are to be told, and of which no response was started.",
            len(store.to_tell()),
        ),
        Metric("outbox_waiting", "Messages that are written and not known to be shown.", len(waiting)),
        Metric("silent_accounts", "Accounts that deliver nothing for longer than is usual.", len(silent - {TRAIL})),
        Metric("trail_silent", "Whether no account delivers anything.", int(TRAIL in silent)),
        Metric("trails_stopped", "Trails that somebody stopped, and nobody started again.", len(stopped)),
    ]
    ages = [
        ("outbox_oldest_age_seconds", "Since the oldest of them was written.", min(waiting, default=None)),
        ("detect_last_end_age_seconds", "Since a run of detect last did all it does.", store.notices.run_ended_at()),
        ("detect_checkpoint_age_seconds", "Since the delivery up to which all was read.", store.checkpoint()),
        (
            "listener_heartbeat_age_seconds",
            "Since the listener last heard of Slack.",
            store.responses.last_beat(LISTENER),
        ),
    ]
    return found + [Metric(name, said, max((now - at).total_seconds(), 0)) for name, said, at in ages if at is not None]


def text(found: Sequence[Metric]) -> str:
    """Return the metrics as Prometheus's text format has them; all are gauges."""
    lines: list[str] = []
    for each in found:
        name = f"{PREFIX}{each.name}"
        lines += [f"# HELP {name} {each.help}", f"# TYPE {name} gauge", f"{name} {each.value:g}"]
    return "".join(f"{line}\n" for line in lines)
