"""What a flow run needs to know of an incident, read when it is needed: ids travel, incidents do not."""

from prefect_cloudtrail import clients
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import Source
from prefect_cloudtrail.context.records import Unreadable
from prefect_cloudtrail.errors import SettingsError, SourceError, StateError
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store


def stored_incident(store: Store, incident_id: str, *, at_least: int = 1) -> Incident:
    """Return the incident as it is now, at this revision or a later one.

    Raises:
        StateError: the case store does not hold it, or only an earlier revision.
    """
    found = store.incidents(ids=[incident_id])
    if not found:
        raise StateError(
            f"no incident {incident_id} in {store.home.where}: pass the state and database that detect wrote to"
        )
    if found[0].revision < at_least:
        raise StateError(
            f"incident {incident_id} in {store.home.where} is at revision {found[0].revision}, not {at_least}: "
            "pass the state and database that detect wrote to"
        )
    return found[0]


def records_of(known: Settings) -> Source:
    """Return where the log objects lie; where that cannot be known, what says of each record that it cannot be read."""
    try:
        return clients.archive(known)
    except (SettingsError, SourceError) as error:
        return Unreadable(str(error))
