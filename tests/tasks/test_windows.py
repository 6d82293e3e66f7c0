from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Failed
from stolen_key import END, Trail

from prefect_cloudtrail.errors import (
    CloudTrailResponseError,
    FeedbackError,
    GeoError,
    LeaseHeldError,
    ResponseError,
    SettingsError,
    SlackError,
    SourceError,
    StateError,
)
from prefect_cloudtrail.pipeline import Options
from prefect_cloudtrail.settings import Settings, settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.repeating import is_worth_repeating
from prefect_cloudtrail.tasks.windows import SKIPPED, run_window

LAST = Options(until=END)


def test_a_window_is_read_judged_and_stored(known: Settings) -> None:
    summary = run_window.fn(known, LAST, "tests")
    assert isinstance(summary, dict)
    assert (summary["events"], summary["incidents"]) == (60, 1)
    with Store.read_only(Path(known.state)) as store:
        assert len(store.to_tell()) == 1


def test_a_second_run_finds_nothing_new(known: Settings) -> None:
    run_window.fn(known, LAST, "tests")
    again = run_window.fn(known, LAST, "tests")
    assert isinstance(again, dict)
    assert (again["events"], again["incidents"]) == (0, 0)


def test_while_another_is_at_work_a_run_fails_or_is_skipped_where_it_may_be(known: Settings) -> None:
    with Store.open(Path(known.state)) as store, store.lease("detect", "somebody else", 5, datetime.now(UTC)):
        with pytest.raises(LeaseHeldError, match="somebody else"):
            run_window.fn(known, LAST, "tests")
        skipped = run_window.fn(known, LAST, "tests", may_skip=True)
    assert isinstance(skipped, State)
    assert (skipped.name, skipped.is_completed()) == (SKIPPED, True)
    assert "somebody else" in str(skipped.message)


def test_a_missing_city_database_fails_before_a_state_is_made(trail: Trail, tmp_path: Path) -> None:
    chosen = settings(**trail.given(tmp_path / "new") | {"city_db": tmp_path / "none.mmdb"})
    with pytest.raises(GeoError, match=r"no such city database: .*none\.mmdb"):
        run_window.fn(chosen, LAST, "tests")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("error", "repeated"),
    [
        (SourceError("listing failed"), True),
        (ConnectionError("gone"), True),
        (SettingsError("no source"), False),
        (GeoError("no such database"), False),
        (FeedbackError("about everybody"), False),
        (ResponseError("not ours"), False),
        (SlackError("it asks to wait"), True),
        (StateError("damaged"), False),
        (LeaseHeldError("busy"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_may_pass_by_itself_is_repeated(error: Exception, repeated: bool) -> None:
    assert is_worth_repeating(run_window, None, Failed(data=error)) is repeated  # type: ignore[arg-type]


def test_every_error_of_the_tree_is_decided_on() -> None:
    # A new branch must be asked whether it passes by itself.
    assert {branch.__name__ for branch in CloudTrailResponseError.__subclasses__()} == {
        "SettingsError",
        "SourceError",
        "GeoError",
        "FeedbackError",
        "ResponseError",
        "SlackError",
        "StateError",
    }
