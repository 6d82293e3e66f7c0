"""When the owner is asked, and who that is; what they are shown and may answer is tried in tests/slack."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from plan_cases import USER, an_incident
from prefect.logging import disable_run_logger
from store import case_builders

from prefect_cloudtrail import playbooks
from prefect_cloudtrail.errors import SettingsError, StateError
from prefect_cloudtrail.playbooks.ask_owner import PLAYBOOK, ask_owner
from prefect_cloudtrail.playbooks.gather_context import PLAYBOOK as GATHERS
from prefect_cloudtrail.settings import Settings, settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.owners import ask_the_owner

OWNED = f'[owners]\n"{USER}" = "slack:UOWNER"\n'


@pytest.fixture(autouse=True)
def _no_run_to_log_to() -> Iterator[None]:
    with disable_run_logger():
        yield


def rules(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    """Return the settings of a state with one incident, told in Slack, whose owner is known."""
    with Store.open(tmp_path / "state") as store:
        incident = case_builders.an_incident("inc_1", case_builders.an_alert(incident_id="inc_1"), principal=USER)
        case_builders.commit(store, case_builders.a_change(incidents=[incident]))
    return settings(state=str(tmp_path / "state"), slack_channel="C1", rules=rules(tmp_path, OWNED))


@pytest.mark.parametrize(("risk", "channel", "asked"), [(0.2, "C1", True), (0.1999, "C1", False), (1.0, None, False)])
def test_the_owner_is_asked_about_what_is_told_in_slack(
    risk: float, channel: str | None, asked: bool, tmp_path: Path
) -> None:
    chosen = settings(slack_channel=channel, rules=rules(tmp_path, OWNED))
    assert (PLAYBOOK in playbooks.routed(an_incident("iam_user", USER, risk=risk), chosen)) is asked


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("iam_user", ""),
        ("iam_user", f'[owners]\n"{USER}" = "system:ana"\n'),
        ("iam_user", f'[owners]\n"{USER}" = "slack:UONE"\n"user deploy" = "slack:UTWO"\n'),
        ("role_session", '[owners]\n"user deploy" = "slack:UONE"\n'),  # whoever assumes a role chooses that name
    ],
)
def test_nobody_is_asked_where_no_trusted_mapping_names_one_member(kind: str, text: str, tmp_path: Path) -> None:
    chosen = settings(slack_channel="C1", rules=rules(tmp_path, text))
    assert PLAYBOOK not in playbooks.routed(an_incident(kind, USER, risk=1.0), chosen)


def test_rules_that_cannot_be_read_keep_nobody_from_being_told_and_are_said(known: Settings, tmp_path: Path) -> None:
    rules(tmp_path, "owners = 1")
    assert PLAYBOOK in playbooks.routed(an_incident("iam_user", USER, risk=1.0), known)
    with pytest.raises(SettingsError, match=r"rules.toml do not fit"):
        ask_the_owner.fn(known, "inc_1")


def test_who_is_asked_is_stored_once_and_delivered_at_once(known: Settings, tmp_path: Path) -> None:
    began = datetime.now(UTC)
    assert ask_the_owner.fn(known, "inc_1") == "slack:UOWNER"
    with Store.read_only(tmp_path / "state") as store:
        first = store.slack.owner("inc_1")
        assert store.slack.due(datetime.now(UTC)) == ["inc_1"]
    assert first
    assert (first.member, first.answer) == ("slack:UOWNER", None)
    assert began <= first.asked_at <= datetime.now(UTC)

    rules(tmp_path, OWNED.replace("UOWNER", "UOTHER"))
    assert ask_the_owner.fn(known, "inc_1") == "slack:UOWNER"
    with Store.read_only(tmp_path / "state") as store:
        assert store.slack.owner("inc_1") == first


def test_where_nobody_is_the_owner_nothing_is_stored(known: Settings, tmp_path: Path) -> None:
    rules(tmp_path, "")
    assert ask_the_owner.fn(known, "inc_1") is None
    with Store.read_only(tmp_path / "state") as store:
        assert store.slack.owner("inc_1") is None
        assert store.slack.due(datetime.now(UTC) + timedelta(days=1)) == []


def test_an_incident_that_is_not_there_is_an_error(known: Settings) -> None:
    with pytest.raises(StateError, match="no incident inc_2"):
        ask_the_owner.fn(known, "inc_2")


def test_without_slack_it_says_what_to_set(known: Settings) -> None:
    with pytest.raises(SettingsError, match="no Slack to ask the owner in: set PREFECT_CLOUDTRAIL_SLACK_CHANNEL"):
        ask_owner.fn("inc_1", state=known.state)


def test_it_is_found_by_its_folder_needs_nobodys_word_and_comes_before_the_guide_is_answered() -> None:
    found = playbooks.playbooks()
    assert (PLAYBOOK.name, PLAYBOOK.needs_approval, PLAYBOOK.tells, PLAYBOOK.run) == (
        "ask_owner",
        False,
        False,
        ask_owner,
    )
    assert found.index(PLAYBOOK) < found.index(GATHERS)
    assert ask_owner.name == PLAYBOOK.name
