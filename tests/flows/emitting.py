"""Emits a state's events twice each, as a crash between leaves it.

A process of its own, as Prefect's test harness keeps events back. It takes the settings as JSON, and prints what the
flow returned, as JSON.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow

from prefect_cloudtrail.settings import settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.notices import incident_found, tell_notices


@flow
def tell(given: dict[str, str]) -> list[list[str]]:
    known, said = settings(**given), []
    with Store.open(Path(known.state)) as store:
        [(incident_id, revision)] = store.to_tell()
        [notice] = store.notices.to_emit()
        for _ in range(2):
            said.append(tell_notices(known))
            incident_found(incident_id, revision, str(store.identity()))
            store.notices.change([notice.notice_id], emitted_at=None)
        store.notices.change([notice.notice_id], emitted_at=datetime.now(UTC))
    return [*said, tell_notices(known)]


if __name__ == "__main__":
    print(json.dumps(tell(json.loads(sys.argv[1]))))  # noqa: T201
