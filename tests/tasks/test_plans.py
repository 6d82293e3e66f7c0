"""What is asked of people against the thief's incident, from CloudTrail alone, and with AWS's own word."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from prefect_cloudtrail.response.decision import Choice, Decision, SettlementOutcome
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.tasks.plans import propose, show_requests

ALICE = "arn:aws:iam::111122223333:user/alice"


def test_an_open_request_is_the_same_one_and_is_shown_once(
    known: Settings, incident_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (first,) = propose.fn(known, incident_id, "disable_access_keys")
    assert propose.fn(known, incident_id, "disable_access_keys") == [first]
    assert show_requests.fn(known, [first]) == [first]
    shown = capsys.readouterr().out
    assert shown.startswith("ASKED · disable_access_keys against alice, by 2 different people\n")
    assert f"prefect-cloudtrail decide {first} approve" in shown
    assert show_requests.fn(known, [first]) == []
    assert capsys.readouterr().out == ""


def test_who_is_at_work_in_london_is_fenced_and_the_plan_says_what_nobody_looked_up(
    known: Settings, incident_id: str
) -> None:
    (asked,) = propose.fn(known, incident_id, "fence_principal")
    with Store.read_only(Path(known.state)) as store:
        request = store.responses.request(asked)
    assert request is not None
    (fence,) = [step for step in request.plan.steps if step.action == "fence_principal"]
    assert (fence.target, fence.arguments["networks"]) == (ALICE, ["81.2.69.0/24"])
    why = "no reader role is set (PREFECT_CLOUDTRAIL_READER_ROLE)"
    assert f"Not known: access keys, since {why}." in request.plan.breaks


def test_a_source_that_is_not_set_is_said_and_the_plan_made_all_the_same(known: Settings, incident_id: str) -> None:
    (asked,) = propose.fn(known.model_copy(update={"source": None}), incident_id, "disable_access_keys")
    with Store.read_only(Path(known.state)) as store:
        request = store.responses.request(asked)
    assert request is not None
    assert any("no source: pass --source" in sentence for sentence in request.plan.survives)


def test_a_delivered_request_is_open_from_then_on(known: Settings, incident_id: str) -> None:
    (asked,) = propose.fn(known, incident_id, "disable_access_keys")
    show_requests.fn(known, [asked])
    with Store.read_only(Path(known.state)) as store:
        request = store.responses.request(asked)
    assert request is not None
    assert request.delivered_at is not None
    assert request.expires_at - request.delivered_at == timedelta(hours=4)


def test_what_people_answered_is_not_asked_again(known: Settings, incident_id: str) -> None:
    (asked,) = propose.fn(known, incident_id, "disable_access_keys")
    now = datetime.now(UTC)
    with Store.open(Path(known.state)) as store:
        request = store.responses.request(asked)
        assert request is not None
        decision = Decision(
            "dec_1", asked, request.plan.digest, Choice.LEAVE, "system:maria", "terminal", now, "", "key", "signature"
        )
        assert store.responses.add_decision(decision, SettlementOutcome.LEFT_ON, now)
    assert propose.fn(known, incident_id, "disable_access_keys") == []
    assert len(propose.fn(known, incident_id, "fence_principal")) == 1


def test_what_people_allowed_and_could_not_be_carried_out_is_asked_anew(known: Settings, incident_id: str) -> None:
    (asked,) = propose.fn(known, incident_id, "disable_access_keys")
    now = datetime.now(UTC)
    with Store.open(Path(known.state)) as store:
        request = store.responses.request(asked)
        assert request is not None
        decision = Decision(
            "dec_1", asked, request.plan.digest, Choice.APPROVE, "system:maria", "terminal", now, "", "key", "signature"
        )
        assert store.responses.add_decision(decision, SettlementOutcome.APPROVED, now)
    assert propose.fn(known, incident_id, "disable_access_keys") == []
    with Store.open(Path(known.state)) as store:
        store.responses.end("dec_1", incident_id, "refused", "The approval was not begun in its time.", now)
    (again,) = propose.fn(known, incident_id, "disable_access_keys")
    assert again != asked


def test_what_the_rules_refuse_is_not_asked(known: Settings, incident_id: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(f'never = ["{ALICE}"]\n', encoding="utf-8")
    path.chmod(0o600)
    assert propose.fn(known.model_copy(update={"rules": path}), incident_id, "disable_access_keys") == []


def test_a_playbook_that_is_no_answer_to_the_incident_asks_nothing(known: Settings, incident_id: str) -> None:
    assert propose.fn(known, incident_id, "revoke_sessions") == []
