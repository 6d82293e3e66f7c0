"""What Prefect is told beside runs: events that automations of your own can act upon, each once, and an artifact."""

import uuid
from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from prefect_cloudtrail import clients
from prefect_cloudtrail.notices import NoticeKind
from prefect_cloudtrail.settings import Settings

# A state made anew on the same server tells its own; the same event twice is one, as Prefect knows it by its id.
EVENTS_OF = uuid.UUID("c1b8b2c0-7d44-4b39-9f2c-4e2f0a6c7b11")
EVENTS = {
    NoticeKind.SILENCE: "cloudtrail.silence.began",
    NoticeKind.SILENCE_OVER: "cloudtrail.silence.ended",
    NoticeKind.STOPPED: "cloudtrail.logging.stopped",
    NoticeKind.STARTED_AGAIN: "cloudtrail.logging.started-again",
    NoticeKind.NARROWED: "cloudtrail.logging.narrowed",
}


@task(task_run_name="tell of the trail", cache_policy=NO_CACHE)
def tell_notices(known: Settings) -> list[str]:
    """Return the sentences that Prefect was told now: as a warning, an event, and in a table of its own.

    A crash between telling and recording it tells again; the event is the same one, which Prefect keeps once.
    """
    with clients.case_store(known) as store:
        found, of_state = store.notices.to_emit(), store.identity()
        for each in found:
            get_run_logger().warning("%s", each.sentence)
            emit_event(
                EVENTS[each.kind],
                resource={
                    "prefect.resource.id": f"prefect-cloudtrail.trail.{each.subject or 'all'}".replace(" ", "."),
                    "prefect.resource.name": each.subject or "the whole trail",
                },
                payload=each.row(),
                id=uuid.uuid5(EVENTS_OF, f"{of_state} {each.notice_id}"),
            )
        if found:
            create_table_artifact([each.row() for each in found], "trail-notices", "What the trail no longer tells.")
            now = datetime.now(UTC)
            store.notices.change([each.notice_id for each in found], emitted_at=now, shown_at=now)
    return [each.sentence for each in found]


def incident_found(incident_id: str, revision: int, of_state: str) -> None:
    """Emit that an incident is to be told: `cloudtrail.incident.opened`, or `.grown` for a later revision."""
    emit_event(
        "cloudtrail.incident.opened" if revision == 1 else "cloudtrail.incident.grown",
        resource={
            "prefect.resource.id": f"prefect-cloudtrail.incident.{incident_id}",
            "prefect.resource.name": incident_id,
        },
        payload={"incident_id": incident_id, "revision": revision},
        id=uuid.uuid5(EVENTS_OF, f"{of_state} {incident_id} {revision}"),
    )
