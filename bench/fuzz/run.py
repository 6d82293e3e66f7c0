"""Fuzzing one target for a while: the inputs for which something does not hold, each kind once."""

import faulthandler
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random

from bench.fuzz.targets import Target

HANGS_AFTER_SECONDS = 60
MOST_MEMORY = 6 * 2**30


@dataclass
class Fuzzed:
    """What came of it: of each kind of finding, by where it was raised, an input."""

    inputs: int = 0
    findings: dict[str, bytes] = field(default_factory=dict)
    slowest_seconds: float = 0


def fuzz(target: Target, seed: int, goes_on: Callable[[int], bool], keep: Path | None = None) -> Fuzzed:
    """Return what was found until it does not go on; an input under way is kept as `under-way`, should it kill."""
    chance, seeds, done = Random(seed), target.seeds(), Fuzzed()  # noqa: S311 - not for secrets
    while goes_on(done.inputs):
        content = target.make(chance, seeds)
        if keep:
            (keep / "under-way").write_bytes(content)
            faulthandler.dump_traceback_later(HANGS_AFTER_SECONDS, exit=True)
        began = time.monotonic()
        try:
            target.check(content)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            done.findings.setdefault(_where(error), content)
        done.slowest_seconds = max(done.slowest_seconds, time.monotonic() - began)
        done.inputs += 1
    if keep:
        faulthandler.cancel_dump_traceback_later()
        (keep / "under-way").unlink(missing_ok=True)
        for where, content in done.findings.items():
            (keep / f"{sha256(where.encode()).hexdigest()[:12]}").write_bytes(content)
    return done


def bound_memory() -> None:
    """Let this process have no more than MOST_MEMORY."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = str(error).splitlines()[0][:100] if isinstance(error, AssertionError) and str(error) else ""
    return f"{type(error).__name__} in {os.path.basename(last.filename)}:{last.name} {what}".strip()  # noqa: PTH119
