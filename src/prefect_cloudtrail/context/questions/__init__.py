"""The investigation guide, one question a file; a new file here is found by itself.

Each holds ORDER (its place in the guide), ASKS (the question in words), PERMISSIONS (the IAM actions of its look-ups)
and `answer`, which says what it found, or why it could not be determined and what was looked at. It raises nothing.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Protocol, cast

from prefect_cloudtrail.context.asked import Answered, Asked


class Question(Protocol):
    """What a module in this folder offers."""

    ORDER: int
    ASKS: str
    PERMISSIONS: tuple[str, ...]

    def answer(self, case: Asked) -> Answered:
        """Return the answer."""
        ...


@cache
def questions() -> Mapping[str, Question]:
    """Return every question in this folder by its name, in the guide's order."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found = {name: cast("Question", importlib.import_module(f"{__name__}.{name}")) for name in names}
    return dict(sorted(found.items(), key=lambda each: (each[1].ORDER, each[0])))
