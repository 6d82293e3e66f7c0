"""From the playbook to the owner's direct message, and from their answer to the guide; in the local Slack."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from plan_cases import USER
from prefect.logging import disable_run_logger
from store import case_builders

from prefect_cloudtrail import clients, context
from prefect_cloudtrail.demo.slack import LocalSlack, local_slack
from prefect_cloudtrail.demo.slack.team import BOT, ROSA
from prefect_cloudtrail.settings import Settings, settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.contexts import gather_answers
from prefect_cloudtrail.tasks.owners import ask_the_owner


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with local_slack() as served, disable_run_logger():
        yield served


@pytest.fixture
def known(slack: LocalSlack, tmp_path: Path) -> Settings:
    """Return the settings of a state with one incident, whose owner is Rosa."""
    with Store.open(tmp_path / "state") as store:
        incident = case_builders.an_incident("inc_1", case_builders.an_alert(incident_id="inc_1"), principal=USER)
        case_builders.commit(store, case_builders.a_change(incidents=[incident]))
    rules = tmp_path / "rules.toml"
    rules.write_text(f'[owners]\n"{USER}" = "slack:{ROSA.user_id}"\n', encoding="utf-8")
    rules.chmod(0o600)
    return settings(
        state=str(tmp_path / "state"),
        slack_channel=slack.channel,
        slack_token=slack.bot_token,
        slack_url=slack.api_url,
        rules=rules,
    )


def look(known: Settings) -> None:
    with clients.case_store(known) as store:
        teller = clients.teller(known, store)
        assert teller
        teller.look()


def sent_to(slack: LocalSlack, user: str) -> list[dict[str, Any]]:
    direct = [each["id"] for each in slack.workspace.channels_of(user) if each["is_im"]]
    return [message for channel in direct for message in slack.workspace.history(channel)]


def test_the_owner_is_asked_once_in_a_direct_message_and_their_answer_is_in_the_guide(
    slack: LocalSlack, known: Settings
) -> None:
    assert ask_the_owner.fn(known, "inc_1") == f"slack:{ROSA.user_id}"
    look(known)
    assert ask_the_owner.fn(known, "inc_1") == f"slack:{ROSA.user_id}"
    look(known)
    (question,) = sent_to(slack, ROSA.user_id)
    assert question["user"] == BOT.user_id
    assert question["text"] == "Was this you? deploy in AWS"

    with clients.case_store(known) as store:
        asked = store.slack.owner_answers("inc_1", "no", datetime.now(UTC))
    gather_answers.fn(known, "inc_1")
    with clients.existing_store(known) as store:
        guide = context.read(store.responses.context("inc_1") or "")
    assert asked
    assert asked.answered_at
    said = (
        f"Asked slack:{ROSA.user_id} in Slack at {asked.asked_at:%Y-%m-%d %H:%M} UTC; answered at "
        f'{asked.answered_at:%Y-%m-%d %H:%M} UTC: "it was not me". That is their word, and decides nothing.'
    )
    (owner,) = [each for each in guide.answers if each.name == "owner"]
    assert owner.sentences == (f"slack:{ROSA.user_id}, by the rules' owners.", said)
