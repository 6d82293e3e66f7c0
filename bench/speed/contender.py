"""One contender of one row in this process, for `taken.in_its_own_process`: prints what it took as JSON."""

import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.speed.taken import Taken


def main(row: str, contender: str, given: str) -> None:
    """Run it."""
    said = json.loads(given)
    threads = said.pop("threads")
    if threads == 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    taken: Taken = import_module(f"bench.speed.rows.{row}").measured(contender, **said)
    print(json.dumps(asdict(taken)))


if __name__ == "__main__":
    main(*sys.argv[1:])
