"""A run over what a queue announces, killed at a moment: python -m announced ENDPOINT STATE CITY_DB MOMENT NUMBER."""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from stolen_key import END

from bench.drills.s3_server import REGION
from prefect_cloudtrail import arrivals, pipeline
from prefect_cloudtrail.aws_sources import open_notices
from prefect_cloudtrail.cloudtrail.sqs import Queue
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.pipeline import Options, Outcome
from prefect_cloudtrail.store import Store

# So small that a run commits many times.
CHUNK_BYTES = 8_000
MOMENTS = {
    "before a commit": (Store, "commit", "before"),
    "between commit and delete": (Store, "commit", "after"),
    "in the middle of deleting": (Queue, "delete", "after"),
}


def run(store: Store, endpoint: str, city_db: Path) -> Outcome:
    """Run the pipeline over what the queue announces."""
    source = open_notices("sqs://notices", "s3://trail", endpoint_url=endpoint, region=REGION)
    return pipeline.run(store, source, Geo.open(city_db), Options(until=END))


def _die_at(owner: type, name: str, when: str, number: int) -> None:
    """Replace a method by one that ends this process at its call of this number."""
    right: Any = getattr(owner, name)
    calls = count(1)

    def called(*arguments: Any) -> Any:
        this = next(calls)
        done = right(*arguments) if when == "after" or this != number else None
        if this == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(owner, name, called)


def main(endpoint: str, state: str, city_db: str, moment: str, number: str) -> None:
    owner, name, when = MOMENTS[moment]
    _die_at(owner, name, when, int(number))
    arrivals.CHUNK_BYTES = CHUNK_BYTES
    with Store.open(Path(state)) as store:
        run(store, endpoint, Path(city_db))


if __name__ == "__main__":
    main(*sys.argv[1:])
