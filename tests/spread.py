"""Runs detect with Dask's task runner, as an entrypoint of a user's own does: `python spread.py JSON`."""

import json
import sys
from typing import Any

from prefect_dask.task_runners import DaskTaskRunner

from prefect_cloudtrail.flows.detect import detect
from prefect_cloudtrail.tasks import reading

# Small enough for several parts.
PART_BYTES = 50_000

if __name__ == "__main__":
    reading.PART_BYTES = PART_BYTES
    workers = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    # Prefect's own types do not take it.
    runner: Any = DaskTaskRunner(cluster_kwargs=workers)
    spread = detect.with_options(task_runner=runner)
    spread(spread=True, **json.loads(sys.argv[1]))
