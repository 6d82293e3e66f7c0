"""The evidence, one reason a file; a new file here is found by itself.

Each has a GROUP, of which only the strongest piece counts, and `explain`, which answers with the sentence a responder
reads when the reason holds, and None when it does not. What a reason weighs stands in `risk.WEIGHTS`.
"""

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from prefect_cloudtrail.strand import Strand


class Piece(Protocol):
    """What a module in this folder offers."""

    GROUP: str

    def explain(self, strand: Strand) -> str | None:
        """Return the sentence when the reason holds."""
        ...


@cache
def pieces() -> dict[str, Piece]:
    """Return every piece in this folder by its name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: cast("Piece", importlib.import_module(f"{__name__}.{name}")) for name in names}
