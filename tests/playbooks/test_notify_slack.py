"""When it runs, and that it is found; what its flow does is tried in tests/flows, on a server."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from prefect_cloudtrail import playbooks
from prefect_cloudtrail.cases import Incident, Severity
from prefect_cloudtrail.errors import SettingsError
from prefect_cloudtrail.playbooks.notify_slack import PLAYBOOK, notify_slack
from prefect_cloudtrail.settings import settings

PARAMETERS = ["incident_id", "state", "database", "settings_block"]
NOW = datetime(2026, 3, 13, 12, 15, tzinfo=UTC)


def an_incident(risk: float) -> Incident:
    return Incident(
        incident_id="inc_1",
        revision=1,
        kind="principal",
        principal="arn:aws:iam::111122223333:user/alice",
        principal_kind="iam_user",
        person="alice",
        account_id="111122223333",
        access_key_ids=(),
        places=(),
        networks=(),
        first_event=NOW,
        last_event=NOW,
        opened_at=NOW,
        closes_at=NOW,
        risk=risk,
        peak_risk=1.0,
        severity=Severity.LOW,
        status="open",
        summary="",
        evidence=(),
        links=(),
        alerts=(),
    )


@pytest.mark.parametrize(("risk", "is_told"), [(0.1999, False), (0.2, True), (1.0, True)])
def test_it_tells_from_the_risk_that_is_told(risk: float, is_told: bool) -> None:
    assert (PLAYBOOK in playbooks.routed(an_incident(risk), settings())) == is_told


def test_who_wants_to_hear_of_less_hears_of_less() -> None:
    chosen = settings(tell_from=0.05)
    assert PLAYBOOK in playbooks.routed(an_incident(0.06), chosen)


def test_a_table_of_routes_that_names_it_is_asked_instead(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text('[[route]]\nplaybook = "notify_slack"\nkinds = ["root"]\n', encoding="utf-8")
    chosen = settings(routes=path)
    assert PLAYBOOK not in playbooks.routed(an_incident(1.0), chosen)
    assert PLAYBOOK in playbooks.routed(replace(an_incident(0.01), principal_kind="root"), chosen)


def test_a_table_of_routes_that_names_nobody_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text('[[route]]\nplaybook = "notify_slak"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"routes.toml: no playbook 'notify_slak'; there are .*notify_slack"):
        playbooks.routed(an_incident(1.0), settings(routes=path))


def test_it_is_found_by_its_folder_and_needs_nobodys_word() -> None:
    assert PLAYBOOK in playbooks.playbooks()
    assert (PLAYBOOK.name, PLAYBOOK.needs_approval) == ("notify_slack", False)
    assert PLAYBOOK.run is notify_slack
    assert notify_slack.name == PLAYBOOK.name


def test_every_playbook_takes_the_same_parameters() -> None:
    for playbook in playbooks.playbooks():
        assert list(playbook.run.parameters.properties) == PARAMETERS  # type: ignore[attr-defined]
