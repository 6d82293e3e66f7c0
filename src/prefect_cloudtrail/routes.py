"""Which playbooks run for which incident: a table of routes, which a team may write for itself."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.response.plans import planners
from prefect_cloudtrail.settings import Settings

PROPOSED_FROM = 0.6  # the risk from which something is proposed that might stop a service
_LISTS = ("kinds", "accounts", "places")
_EXAMPLE = '[[route]] with playbook = "disable_access_keys", and risk, kinds, accounts or places'


@dataclass(frozen=True)
class Route:
    """One row: an incident takes it where all that is given holds.

    Attributes:
        playbook: what runs.
        risk: from which risk on, 0 to 1.
        kinds: of which kinds of principals; any, where it is empty.
        accounts: in which accounts.
        places: from which cities or countries, by their names as incidents have them.
    """

    playbook: str
    risk: float = 0.0
    kinds: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    def takes(self, incident: Incident) -> bool:
        """Return whether the incident, as it is now, goes this way."""
        accounts = {incident.account_id, *(alert.account_id for alert in incident.alerts)}
        places = {name for place in incident.places for name in (place.city, place.country) if name}
        return (
            incident.risk >= self.risk
            and (not self.kinds or incident.principal_kind in self.kinds)
            and (not self.accounts or not accounts.isdisjoint(self.accounts))
            and (not self.places or not places.isdisjoint(self.places))
        )


def read_routes(path: Path | None) -> tuple[Route, ...]:
    """Return the routes of a TOML file, in its order; none where there is no file.

    Raises:
        SettingsError: it cannot be read, or a row does not fit; names the row.
    """
    if path is None:
        return ()
    try:
        table = tomllib.loads(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"cannot read the routes {path}: {error}") from error
    rows = table.pop("route", [])
    if table or not isinstance(rows, list):
        raise SettingsError(f"{path} holds more than routes: write each as {_EXAMPLE}")
    return tuple(_route(row, f"{path}, route {number}") for number, row in enumerate(rows, 1))


def chosen(playbook: str, incident: Incident, routes: Sequence[Route]) -> bool | None:
    """Return whether the table sends the incident to the playbook; None where no row names the playbook."""
    rows = [route for route in routes if route.playbook == playbook]
    return any(route.takes(incident) for route in rows) if rows else None


def proposes(incident: Incident, known: Settings, kinds: Collection[str]) -> bool:
    """Return whether something that might stop a service is proposed: to a kind of these, and of what is told."""
    return incident.risk >= max(PROPOSED_FROM, known.tell_from) and incident.principal_kind in kinds


def _route(row: Mapping[str, Any], where: str) -> Route:
    if not isinstance(row, Mapping) or not isinstance(row.get("playbook"), str):
        raise SettingsError(f"{where} names no playbook: write {_EXAMPLE}")
    if unknown := sorted(set(row) - {"playbook", "risk", *_LISTS}):
        raise SettingsError(f"{where}: no such column {unknown[0]!r}: write {_EXAMPLE}")
    risk = row.get("risk", 0.0)
    if isinstance(risk, bool) or not isinstance(risk, int | float) or not 0 <= risk <= 1:
        raise SettingsError(f"{where}: risk is {risk!r}; give a number from 0 to 1")
    for name in _LISTS:
        given = row.get(name, [])
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            raise SettingsError(f'{where}: {name} is {given!r}; give a list of texts, such as ["111122223333"]')
    kinds = tuple(row.get("kinds", ()))
    if strange := sorted(set(kinds) - set(planners())):
        raise SettingsError(f"{where}: no such kind {strange[0]!r}; there are {', '.join(sorted(planners()))}")
    return Route(row["playbook"], float(risk), kinds, tuple(row.get("accounts", ())), tuple(row.get("places", ())))
