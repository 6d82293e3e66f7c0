"""The playbooks, one response a file; a new file here is found by itself.

Each holds a flow over one incident, and PLAYBOOK, which says when it runs. The flow takes the incident's id and, to
find it, `state`, `database` and `settings_block`. It may be run again: it finds out by itself what is done already.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import ResponseError, SettingsError
from prefect_cloudtrail.routes import chosen, read_routes
from prefect_cloudtrail.settings import Settings


@dataclass(frozen=True)
class Playbook:
    """A playbook's declaration.

    Attributes:
        name: its file's and its flow's.
        applies: when it runs, in words.
        when: the same, asked of an incident as it is now; a table of routes that names the playbook is asked instead.
        run: the flow.
        needs_approval: it only proposes; a responder decides.
        tells: it tells people, so it runs before those that do not: what a reviewer looks at can wait.
    """

    name: str
    applies: str
    when: Callable[[Incident, Settings], bool]
    run: Callable[..., Any]
    needs_approval: bool = False
    tells: bool = False


class PlaybookFile(Protocol):
    """What a module in this folder offers."""

    PLAYBOOK: Playbook


@cache
def playbooks() -> tuple[Playbook, ...]:
    """Return every playbook in this folder, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast("PlaybookFile", importlib.import_module(f"{__name__}.{name}")).PLAYBOOK for name in names)


def routed(incident: Incident, known: Settings) -> tuple[Playbook, ...]:
    """Return the playbooks that this incident is for, as the table of routes says, else as each says itself.

    Those that tell people come first, then the others, by name.

    Raises:
        SettingsError: the table cannot be read, or names a playbook that is not there.
    """
    table = read_routes(known.routes)
    there = {playbook.name for playbook in playbooks()}
    if strange := sorted({route.playbook for route in table} - there):
        raise SettingsError(f"{known.routes}: no playbook {strange[0]!r}; there are {', '.join(sorted(there))}")
    applies = {playbook.name: chosen(playbook.name, incident, table) for playbook in playbooks()}
    fitting = (
        playbook
        for playbook in playbooks()
        if (playbook.when(incident, known) if applies[playbook.name] is None else applies[playbook.name])
    )
    return tuple(sorted(fitting, key=lambda playbook: (not playbook.tells, playbook.name)))


def named(name: str) -> Playbook:
    """Return the playbook of this name.

    Raises:
        ResponseError: there is none; says which there are.
    """
    found = {playbook.name: playbook for playbook in playbooks()}
    if name not in found:
        raise ResponseError(f"no playbook {name}: choose from {', '.join(found)}")
    return found[name]
