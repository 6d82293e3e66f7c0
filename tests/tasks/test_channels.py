import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.channels import TERMINAL, show_on_terminal, write_card

NOW = datetime(2026, 3, 13, 12, 15, tzinfo=UTC)


def test_a_card_is_written_once_and_shown_once(
    known: Settings, incident_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = write_card.fn(known, incident_id, TERMINAL), write_card.fn(known, incident_id, TERMINAL)
    assert first == again
    assert show_on_terminal.fn(known, incident_id) == [first]
    assert capsys.readouterr().out.startswith("CRITICAL · 98% likely stolen: alice, from Milton, US\n")
    assert show_on_terminal.fn(known, incident_id) == []
    assert capsys.readouterr().out == ""


def test_what_a_crash_kept_from_being_shown_is_shown_before_the_newest(
    known: Settings, incident_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(Path(known.state)) as store:
        older = store.outbox_write(incident_id, 0, TERMINAL, "what an earlier revision said", NOW)
    newest = write_card.fn(known, incident_id, TERMINAL)
    assert show_on_terminal.fn(known, incident_id) == [older, newest]
    shown = capsys.readouterr().out
    assert shown.index("what an earlier revision said") < shown.index("likely stolen")


def test_the_terminal_leaves_other_channels_alone(
    known: Settings, incident_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(Path(known.state)) as store:
        store.outbox_write(incident_id, 1, "pager", "for the pager", NOW)
    assert show_on_terminal.fn(known, incident_id) == []
    assert capsys.readouterr().out == ""


def test_a_card_that_could_not_be_shown_stays_to_be_shown(
    known: Settings, incident_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox_id = write_card.fn(known, incident_id, TERMINAL)
    closed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    with pytest.raises(ValueError, match="closed"):
        show_on_terminal.fn(known, incident_id)
    monkeypatch.undo()
    with Store.read_only(Path(known.state)) as store:
        assert [row.outbox_id for row in store.outbox_pending(incident_id)] == [outbox_id]


def test_a_terminal_without_the_letters_still_shows_the_card(
    known: Settings, incident_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_card.fn(known, incident_id, TERMINAL)
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    show_on_terminal.fn(known, incident_id)
    narrow.seek(0)
    assert narrow.read().startswith("CRITICAL ? 98% likely stolen: alice")


def test_a_card_of_an_unknown_incident_is_not_written(known: Settings) -> None:
    with pytest.raises(StateError, match="no incident inc_none"):
        write_card.fn(known, "inc_none", TERMINAL)
