"""What is proposed for each kind of principal, one kind a file; a new file here is found by itself.

Each holds KINDS, the principal kinds it answers for, and `propose`, a pure function.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.context.trace import Trace
from prefect_cloudtrail.response.plan import Plan
from prefect_cloudtrail.response.standing import Standing


@dataclass(frozen=True)
class Case:
    """What a plan is made from."""

    incident: Incident
    trace: Trace
    standing: Standing


class PlanFile(Protocol):
    """What a module in this folder offers."""

    KINDS: tuple[str, ...]

    def propose(self, case: Case) -> tuple[Plan, ...]:
        """Return what is proposed, the first first; each plan is a whole answer of its own."""
        ...


@cache
def planners() -> Mapping[str, PlanFile]:
    """Return who plans for each kind of principal."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    files = [cast("PlanFile", importlib.import_module(f"{__name__}.{name}")) for name in names]
    return {kind: file for file in files for kind in file.KINDS}
