"""The guide answered for the thief's incident, stored, shown on the command line and as Markdown."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from prefect_cloudtrail import context
from prefect_cloudtrail.cli import main
from prefect_cloudtrail.context.questions import questions
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.contexts import gather_answers


def shown(known: Settings, *arguments: str) -> str:
    answered = CliRunner().invoke(main, ["incidents", *arguments, "--state", known.state])
    assert answered.exit_code == 0, answered.output
    return answered.output


def test_the_guide_is_answered_from_the_trail_and_kept(known: Settings, incident_id: str) -> None:
    assert shown(known, incident_id).endswith("No context was gathered of it yet.\n")
    assert "context" not in json.loads(shown(known, incident_id, "--json"))
    answered = gather_answers.fn(known, incident_id)
    with Store.read_only(Path(known.state)) as store:
        document = store.responses.context(incident_id)
    assert document
    found = context.read(document)
    assert answered == sum(answer.undetermined is None for answer in found.answers) >= 11
    assert [answer.name for answer in found.answers] == list(questions())
    assert [each.command for each in found.made] == ["iam:CreateUser", "iam:CreateAccessKey", "iam:AttachUserPolicy"]
    assert found.usual_networks == ("81.2.69.0/24",)
    assert found.incomplete is None
    assert "  Were new users, keys, logins, trusts or policies made?\n    iam:CreateUser " in shown(known, incident_id)
    assert json.loads(shown(known, incident_id, "--json"))["context"] == json.loads(document)


@pytest.mark.parametrize("source", [None, "elsewhere"])
def test_without_the_log_objects_the_rest_is_answered_and_that_is_said(
    known: Settings, incident_id: str, source: str | None, tmp_path: Path
) -> None:
    lost = str(tmp_path / source) if source else None
    gather_answers.fn(known.model_copy(update={"source": lost}), incident_id)
    with Store.read_only(Path(known.state)) as store:
        found = context.read(store.responses.context(incident_id) or "")
    assert found.records == 0
    assert found.incomplete
    assert "could not be read" in found.incomplete
    assert found.calls > 0
