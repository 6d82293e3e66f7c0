from pathlib import Path

import pytest

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.cases import stored_incident


def test_an_incident_is_read_as_it_is_now(known: Settings, incident_id: str) -> None:
    with Store.read_only(Path(known.state)) as store:
        assert stored_incident(store, incident_id).principal == "arn:aws:iam::111122223333:user/alice"
        assert stored_incident(store, incident_id, at_least=1).revision == 1


def test_a_revision_that_is_not_there_yet_is_another_state(known: Settings, incident_id: str) -> None:
    with (
        Store.read_only(Path(known.state)) as store,
        pytest.raises(StateError, match="at revision 1, not 2: pass the state"),
    ):
        stored_incident(store, incident_id, at_least=2)


def test_an_unknown_incident_says_where_it_was_looked_for(known: Settings) -> None:
    with (
        Store.read_only(Path(known.state)) as store,
        pytest.raises(StateError, match=f"no incident inc_none in {known.state}"),
    ):
        stored_incident(store, "inc_none")
