from dataclasses import replace
from pathlib import Path

import pytest

from prefect_cloudtrail.cases import Evidence
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.artifacts import artifact_key, evidence_rows, summary_rows


@pytest.mark.parametrize(
    ("name", "key"),
    [("inc_48f73d", "incident-inc-48f73d"), ("Inc:Ä 1", "incident-inc-1"), ("_", "incident")],
)
def test_a_key_has_only_what_prefect_takes(name: str, key: str) -> None:
    assert artifact_key("incident", name) == key


def test_evidence_is_shown_as_the_card_has_it_and_harmless(known: Settings, incident_id: str) -> None:
    with Store.read_only(Path(known.state)) as store:
        incident = store.incidents(ids=[incident_id])[0]
    piece = Evidence("new_client", "client", -4.6, "a client\x1b[2J it never used", counted=False)
    rows = evidence_rows(replace(incident, evidence=(*incident.evidence[:1], piece)))
    assert rows[0]["decibans"] == "+8"
    assert rows[1] == {
        "decibans": "-4.6",
        "counted": "no",
        "name": "new_client",
        "why": "a client�[2J it never used",
    }


def test_a_summary_has_a_row_a_count() -> None:
    summary = {
        "type": "summary",
        "window": ["2026-03-13T00:15:00Z", None],
        "events": 3,
        "rejected": {"bad_json": 1},
        "learning": [],
    }
    assert summary_rows(summary) == [
        {"what": "window", "value": "2026-03-13T00:15:00Z"},
        {"what": "events", "value": 3},
        {"what": "rejected: bad_json", "value": 1},
        {"what": "learning", "value": ""},
    ]
