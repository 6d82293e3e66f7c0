"""Finds AWS commands from unusual cities in CloudTrail, and runs the response, on Prefect."""

import importlib

# Found by `prefect block register -m prefect_cloudtrail`, and imported only then: Prefect takes seconds.
_BLOCKS = {"CloudTrailSettings": "prefect_cloudtrail.tasks.blocks"}


def __getattr__(name: str) -> object:
    if name not in _BLOCKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_BLOCKS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_BLOCKS})
