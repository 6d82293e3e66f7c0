"""What people do on a card, in its thread and in dialogs, and what comes of it: clicked, over a socket, in AWS."""

import json
import logging
import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st
from slack_desk import JONASS, MAYAS, ROSAS, WAITING, Desk, later

from prefect_cloudtrail import feedback
from prefect_cloudtrail.demo.slack.team import DORA, GUS, LENA, OTTO, STEN
from prefect_cloudtrail.errors import SettingsError, StateError
from prefect_cloudtrail.response.decision import Choice, SettlementOutcome
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Outcome
from prefect_cloudtrail.slack.listener import Listener

APPROVE = "approve.disable_access_keys"


def outcome(desk: Desk, request_id: str) -> SettlementOutcome | None:
    settled = desk.store.responses.settlement(request_id)
    return settled.outcome if settled else None


def said(read: str) -> str:
    """Return what a dialog says below its title."""
    return read.partition("\n")[2]


# --- approving --------------------------------------------------------------------------------------------------------


def test_who_approves_sees_it_as_it_is_now_and_what_they_decide_is_carried_out(desk: Desk) -> None:
    request = desk.ask()
    user, key = desk.robbery.user_name, desk.robbery.access_key_id
    read = desk.opens(MAYAS, APPROVE)
    assert read.startswith(f"Disable this key?\n*{user}* in account 123456789012\nAs it is <!date^")
    assert f"1. Denies the user {user} everything.\n2. Sets the access key {key} of {user} Inactive." in read
    assert "Live (not a dry run) · 0 of 5 approved this hour · one person decides · request ends <!date^" in read
    assert desk.submits(MAYAS, reason="not her, called her") == "Approved\nApproved; it is carried out now."
    (decision,) = desk.store.responses.decisions(request.request_id)
    assert (decision.by, decision.via, decision.why) == ("slack:U0MAYA00001", "slack", "not her, called her")
    desk.plane.contain(decision.decision_id)
    assert desk.robbery.key_status() == "Inactive"
    assert desk.store.slack.due(desk.clock()) == [desk.incident_id]


def test_in_a_dry_run_the_dialog_and_the_answer_say_so(desk: Desk) -> None:
    desk.rules("dry_run = true")
    desk.ask()
    assert "*Dry run: nothing is changed*" in desk.opens(MAYAS, APPROVE)
    assert desk.submits(MAYAS) == "Approved\nApproved. This is a dry run: everything is done but the change."


def test_where_nobody_knows_whom_it_concerns_the_second_person_settles_it(desk: Desk) -> None:
    desk.rules(owner=None)
    request = desk.ask()
    why = "Who is concerned is not known for sure: two people must allow it."
    assert f"2 people must approve: {why}" in desk.opens(MAYAS, APPROVE)
    assert desk.submits(MAYAS) == (f"One more must approve\nYour approval counts; another person's is needed. {why}")
    assert said(desk.opens(MAYAS, APPROVE)).startswith("You approved it at ")
    desk.opens(JONASS, APPROVE)
    assert desk.submits(JONASS) == "Approved\nApproved; it is carried out now."
    assert outcome(desk, request.request_id) is SettlementOutcome.APPROVED


def test_where_a_service_would_stop_it_takes_a_tick_also_from_whoever_sends_no_form(desk: Desk) -> None:
    request = desk.ask(stops_service=True)
    assert "This is in use by a service" in desk.opens(MAYAS, APPROVE)
    assert desk.sends(MAYAS).errors == {"ack_outage": "Please complete this required field."}
    view = desk.slack.people.view(MAYAS)
    assert view is not None
    forged = {"type": "view_submission", "user": {"id": MAYAS}, "view": {**view, "state": {"values": {}}}}
    errors = {"ack_outage": "Tick that you accept it, or cancel."}
    assert desk.listener.acknowledge(forged) == {"response_action": "errors", "errors": errors}
    desk.listener.handle(forged)
    desk.listener.handle({**forged, "view": {**view, "blocks": [], "state": {"values": {}}}})
    assert outcome(desk, request.request_id) is None
    assert desk.reads(MAYAS) == "Nothing was done\nNothing was done: tick that you accept that what uses it stops."
    desk.opens(MAYAS, APPROVE)
    assert desk.submits(MAYAS, ack=["accept"]) == "Approved\nApproved; it is carried out now."


def test_a_plan_that_grew_meanwhile_is_carried_out_as_it_was_shown_and_the_answer_says_what_is_new(desk: Desk) -> None:
    request = desk.ask(does=("The key is disabled.",))
    desk.opens(MAYAS, APPROVE)
    plan = desk.robbery.plan
    more = Step("deny_principal", "123456789012", plan.principal, {"kind": "user", "name": "another"})
    desk.clock.move(seconds=10)
    desk.ask(steps=(*plan.steps, more), does=("The key is disabled.", "Another user is denied everything."))
    assert desk.submits(MAYAS) == (
        "Approved\nApproved; it is carried out now.\nIt is as you saw it. Since then the plan grew: "
        "Another user is denied everything. A new button asks for that."
    )
    assert outcome(desk, request.request_id) is SettlementOutcome.APPROVED


def test_an_older_button_of_a_plan_that_grew_still_opens_its_own_plan(desk: Desk) -> None:
    older = desk.ask(does=("The key is disabled.",))
    card = desk.card
    desk.clock.move(seconds=10)
    more = Step("deny_principal", "123456789012", desk.robbery.plan.principal, {"kind": "user", "name": "another"})
    desk.ask(steps=(*desk.robbery.plan.steps, more))
    desk.listener.handle(click_payload(desk, MAYAS, APPROVE, f"v1.{older.request_id}"))
    assert card["blocks"] != desk.card["blocks"]
    assert "1. The key is disabled." in desk.reads(MAYAS)


def test_what_is_there_no_more_is_said_and_there_is_nothing_to_submit(desk: Desk) -> None:
    desk.ask()
    desk.robbery.iam.delete_access_key(UserName=desk.robbery.user_name, AccessKeyId=desk.robbery.access_key_id)
    desk.robbery.iam.delete_user(UserName=desk.robbery.user_name)
    read = desk.opens(MAYAS, APPROVE)
    assert "it is there no more (" in read
    view = desk.slack.people.view(MAYAS)
    assert view is not None
    assert view["submit"] is None


def test_where_aws_refuses_to_say_how_it_is_that_is_said(desk: Desk) -> None:
    request = desk.ask()

    class Denied:
        def client(self, *_: object) -> Any:
            return self

        def __getattr__(self, name: str) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)

    desk.listener.plane = replace(desk.listener.plane, aws=Denied())
    assert "AccessDenied, no; allow it to the responder's role" in desk.opens(MAYAS, APPROVE)
    assert outcome(desk, request.request_id) is None


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "why"),
    [
        (OTTO.user_id, "you are not among those who may decide"),
        (GUS.user_id, "you are a guest in this workspace, and guests may not decide"),
        (DORA.user_id, "your account in Slack is deactivated"),
        (STEN.user_id, "you are of another organisation, whose members may not decide"),
        (ROSAS, "this incident is about you: somebody else must decide"),
    ],
)
def test_who_may_not_decide_is_told_why_and_sees_nothing_of_it(desk: Desk, user: str, why: str) -> None:
    desk.rules(approvers=("slack-group:S0RESPOND01", f"slack:{ROSAS}"))
    request = desk.ask()
    assert desk.opens(user, APPROVE) == f"Nothing was done\nNothing was done: {why}."
    assert desk.opens(user, "decide.expected") == f"Nothing was done\nNothing was done: {why}."
    assert (outcome(desk, request.request_id), desk.audited()) == (None, ["refused", "refused"])


def test_without_anybody_who_may_decide_nobody_does(desk: Desk) -> None:
    desk.rules(approvers=())
    desk.ask()
    read = desk.opens(MAYAS, APPROVE)
    assert said(read) == "Nothing was done: the rules name no approvers, so nobody may decide."


@pytest.mark.parametrize("method", ["users.info", "usergroups.users.list"])
def test_a_slack_that_does_not_say_who_it_is_refuses(desk: Desk, method: str) -> None:
    request = desk.ask()
    desk.slack.faults.error("missing_scope", method, calls=2)
    assert "Slack could not be asked who you are (" in desk.opens(MAYAS, APPROVE)
    assert "install the app anew" in desk.opens(MAYAS, APPROVE)
    desk.opens(MAYAS, APPROVE)
    desk.slack.faults.rate_limited(30, method)
    assert "Slack asks to wait 30 s" in desk.submits(MAYAS)
    assert outcome(desk, request.request_id) is None


def test_who_is_taken_from_the_group_while_the_dialog_is_open_decides_nothing(desk: Desk) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)
    desk.slack.workspace.set_group("S0RESPOND01", [JONASS])
    assert desk.submits(MAYAS) == "Nothing was done\nNothing was done: you are not among those who may decide."
    assert outcome(desk, request.request_id) is None


def test_a_dialog_that_another_person_opened_is_refused(desk: Desk) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)
    view = desk.slack.people.view(MAYAS)
    desk.listener.handle({"type": "view_submission", "user": {"id": JONASS}, "view": view})
    assert desk.reads(MAYAS) == (
        "Nothing was done\nNothing was done: another person opened this dialog: open your own."
    )
    assert (outcome(desk, request.request_id), desk.audited()) == (None, ["refused"])


# --- what comes too late, or too early --------------------------------------------------------------------------------


def test_a_plan_that_was_not_shown_is_not_decided(desk: Desk) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)
    view = desk.slack.people.view(MAYAS)
    assert view is not None
    carried = json.loads(view["private_metadata"]) | {"digest": "sha256:0"}
    changed = {**view, "private_metadata": json.dumps(carried)}
    desk.listener.handle({"type": "view_submission", "user": {"id": MAYAS}, "view": changed})
    assert desk.reads(MAYAS) == (
        "The plan changed\nThe plan changed since you saw it: nothing was done. Look at it again."
    )
    assert outcome(desk, request.request_id) is None


def test_who_comes_second_is_told_who_was_first(desk: Desk) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)
    assert desk.decide(JONASS, Choice.LEAVE, request).outcome == "left_on"
    read = desk.submits(MAYAS)
    assert read.startswith("Settled already\nslack:U0JONAS0001 left it on at ")
    assert read.endswith(": your answer changed nothing.")
    assert desk.opens(JONASS, APPROVE).endswith(": it was not done again.")


def test_an_expired_request_is_said_to_be_and_can_be_asked_again(desk: Desk) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)
    desk.clock.move(hours=5)
    read = desk.submits(MAYAS)
    assert read.startswith("Expired\nThis request took answers until ")
    assert read.endswith(": ask again. Nothing was done.")
    desk.deliver()
    desk.click(MAYAS, "ask.again")
    assert desk.whispered(MAYAS) == "Asked again: the card has new buttons."
    again = desk.store.responses.requests(desk.incident_id)[-1]
    assert (again.plan.digest, again.request_id != request.request_id) == (request.plan.digest, True)
    desk.click(JONASS, "ask.again")
    assert desk.whispered(JONASS) == "There is nothing to ask again."
    later(desk, seconds=10)
    desk.opens(MAYAS, APPROVE)
    assert desk.submits(MAYAS) == "Approved\nApproved; it is carried out now."


def test_who_may_not_decide_does_not_ask_again_either(desk: Desk) -> None:
    desk.ask()
    later(desk, hours=5)
    desk.click(OTTO.user_id, "ask.again")
    assert desk.whispered(OTTO.user_id) == "Nothing was done: you are not among those who may decide."
    assert len(desk.store.responses.requests(desk.incident_id)) == 1


def test_a_plan_that_a_larger_one_includes_is_not_needed_any_more(desk: Desk) -> None:
    desk.ask(replace(desk.robbery.plan, playbook="fence_principal", steps=desk.robbery.plan.steps[:1]))
    larger = desk.ask()
    desk.opens(MAYAS, "approve.fence_principal")
    desk.clock.move(seconds=1)
    assert desk.decide(JONASS, Choice.APPROVE, larger).outcome == "approved"
    read = desk.submits(MAYAS)
    assert read.startswith("Not needed any more\ndisable_access_keys, approved at ")
    assert read.endswith(", does all of this. Nothing was done.")


def test_an_unknown_request_is_refused(desk: Desk) -> None:
    desk.ask()
    desk.listener.handle(click_payload(desk, MAYAS, APPROVE, "v1.req_none"))
    assert desk.reads(MAYAS) == "Nothing was done\nNothing was done: there is no such request."


def test_a_tripped_breaker_stops_it_and_says_whose_it_is(desk: Desk) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)
    desk.store.responses.set_breaker(tripped=True, by="system:cleo", why="other hands", now=desk.clock())
    assert desk.submits(MAYAS) == (
        "Nothing was done\nNothing was done: the breaker is tripped, by system:cleo: other hands."
    )
    assert said(desk.opens(MAYAS, APPROVE)) == "Nothing was done: the breaker is tripped, by system:cleo: other hands."
    assert outcome(desk, request.request_id) is None


def test_past_so_many_an_hour_the_dialog_says_that_it_takes_two(desk: Desk) -> None:
    desk.rules("dry_run = false", "containments_an_hour = 0")
    desk.ask()
    why = "0 containments were approved within an hour: each further one takes two people."
    assert f"0 of 0 approved this hour · 2 people must approve: {why}" in desk.opens(MAYAS, APPROVE)


# --- where something fails --------------------------------------------------------------------------------------------


def test_keys_that_cannot_be_read_are_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)

    def unreadable(*_: object, **__: object) -> None:
        raise SettingsError("the signing keys cannot be read: give them to this user")

    monkeypatch.setattr(type(desk.plane.keys), "sign", unreadable)
    assert desk.submits(MAYAS) == (
        "Could not be recorded\nIt could not be recorded: the signing keys cannot be read: give them to this user. "
        "Look at the card before you try again."
    )
    assert outcome(desk, request.request_id) is None


def test_rules_that_do_not_fit_refuse_everything(desk: Desk) -> None:
    desk.ask()
    (desk.robbery.folder / "rules.toml").write_text("approvers = 1")
    assert "It could not be recorded: the rules " in desk.opens(MAYAS, APPROVE)


def test_a_store_that_is_busy_is_said_and_nothing_is_decided(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)

    def busy(*_: object, **__: object) -> None:
        raise StateError("the case store is locked: try again")

    monkeypatch.setattr(type(desk.store.responses), "add_decision", busy)
    assert desk.submits(MAYAS) == (
        "Could not be recorded\nIt could not be recorded: the case store is locked: try again. "
        "Look at the card before you try again."
    )
    assert outcome(desk, request.request_id) is None


def test_a_yes_that_is_recorded_is_a_yes_whatever_fails_after_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    request = desk.ask()
    desk.opens(MAYAS, APPROVE)

    def busy(*_: object, **__: object) -> None:
        raise StateError("the case store is locked: try again")

    monkeypatch.setattr(type(desk.store.slack), "look_at", busy)
    monkeypatch.setattr(type(desk.store.slack), "touch", busy, raising=False)
    assert desk.submits(MAYAS) == "Approved\nApproved; it is carried out now."
    assert outcome(desk, request.request_id) is SettlementOutcome.APPROVED


def test_a_fault_of_our_own_is_said_and_logged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk.ask()

    def broken(*_: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(Listener, "told", broken)
    assert said(desk.opens(MAYAS, APPROVE)) == (
        "Something failed on the responder's host. Look at the card before you try again."
    )
    assert "a click of U0MAYA00001 on approve.disable_access_keys failed" in caplog.text


def test_a_trigger_that_is_too_old_is_said_beside_the_card(quiet_desk: Desk) -> None:
    quiet_desk.ask()
    trigger = quiet_desk.slack.workspace.trigger(MAYAS)
    payload = click_payload(quiet_desk, MAYAS, APPROVE, "v1.req_none") | {"trigger_id": trigger}
    quiet_desk.listener.slack.views_open(trigger_id=trigger, view=quiet_view())
    quiet_desk.listener.handle(payload)
    assert quiet_desk.whispered(MAYAS) == (
        "That took too long, so no dialog could be opened: click again. Nothing was done."
    )
    assert quiet_desk.audited() == []


def test_a_dialog_that_cannot_be_opened_is_said_beside_the_card(desk: Desk) -> None:
    desk.ask()
    desk.slack.faults.error("internal_error", "views.open")
    desk.click(MAYAS, APPROVE)
    assert desk.whispered(MAYAS) == "No dialog could be opened: click again. Nothing was done."


def test_a_dialog_that_is_closed_meanwhile_does_not_swallow_the_answer(desk: Desk) -> None:
    request = desk.ask()
    for user in (MAYAS, OTTO.user_id):
        with desk.slack.faults.held("users.info", calls=1):
            desk.click(user, APPROVE)
            desk.slack.people.wait_for(partial(desk.slack.people.view, user))
            desk.slack.people.close(user)
    assert desk.whispered(MAYAS) == "The dialog could not be filled: click again. Nothing was done."
    assert desk.whispered(OTTO.user_id) == "Nothing was done: you are not among those who may decide."
    desk.opens(JONASS, APPROVE)
    with desk.slack.faults.held("users.info", calls=1):
        desk.sends(JONASS)
        desk.slack.people.close(JONASS)
    assert desk.whispered(JONASS) == "*Approved.* Approved; it is carried out now."
    assert outcome(desk, request.request_id) is SettlementOutcome.APPROVED


# --- leaving it on, and what is expected ------------------------------------------------------------------------------


def test_leaving_it_on_answers_everything_that_is_asked(desk: Desk) -> None:
    one = desk.ask()
    two = desk.ask(replace(desk.robbery.plan, playbook="quarantine_principal"))
    assert "is left on: nothing is changed" in desk.opens(LENA.user_id, "more", f"leave.{desk.incident_id}")
    assert desk.submits(LENA.user_id, reason="a test of ours") == "Left on\nIt is left on; nothing is changed."
    left = [outcome(desk, each.request_id) for each in (one, two)]
    assert left == [SettlementOutcome.LEFT_ON, SettlementOutcome.LEFT_ON]


def test_what_is_expected_needs_a_reason_and_closes_the_incident(desk: Desk) -> None:
    request = desk.ask()
    desk.opens(MAYAS, "decide.expected")
    assert desk.sends(MAYAS, reason="  ").errors == {"reason": "Say why: it teaches what is usual."}
    assert desk.submits(MAYAS, reason="moved to Kyiv") == (
        "It was expected\nThe incident is closed as expected; nothing is changed."
    )
    (verdict,) = desk.store.feedback().verdicts
    assert (verdict.by, verdict.why, verdict.verdict) == ("slack:U0MAYA00001", "moved to Kyiv", "expected")
    assert outcome(desk, request.request_id) is SettlementOutcome.EXPECTED
    assert desk.store.feedback().entries == ()


def test_what_is_expected_before_anything_is_asked_is_a_verdict(desk: Desk) -> None:
    desk.deliver()
    desk.opens(MAYAS, "decide.expected")
    assert said(desk.submits(MAYAS, reason="a trip")) == "The incident is closed as expected; nothing is changed."
    assert desk.store.incidents(ids=[desk.incident_id])[0].status == "expected"


@pytest.mark.parametrize(
    ("scope", "words", "given"),
    [
        ("place", "user {} in Kyiv, UA", {"place": "Kyiv, UA"}),
        ("country", "user {} anywhere in UA", {"country": "UA"}),
        ("network", "user {} from 91.198.36.0/24", {"network": "91.198.36.0/24"}),
    ],
)
def test_what_is_expected_may_be_kept_quiet_for_a_while(
    desk: Desk, scope: str, words: str, given: dict[str, str]
) -> None:
    desk.ask()
    desk.opens(MAYAS, "decide.expected")
    read = said(desk.submits(MAYAS, reason="moved", quiet=["quiet"], scope=scope, days="30"))
    (entry,) = desk.store.feedback().entries
    assert isinstance(entry, feedback.Suppression)
    assert entry.scope.given == {"person": f"user {desk.robbery.user_name}", **given}
    assert (entry.by, entry.why, (entry.until - entry.since).days) == ("slack:U0MAYA00001", "moved", 30)
    assert read == (
        "The incident is closed as expected; nothing is changed. "
        f"Alerts about {words.format(desk.robbery.user_name)} are kept quiet until {entry.until:%Y-%m-%d}."
    )


def test_that_nothing_could_be_kept_quiet_is_told_apart_from_the_verdict(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ask()
    desk.opens(MAYAS, "decide.expected")

    def busy(*_: object) -> None:
        raise StateError("the case store is locked")

    monkeypatch.setattr(type(desk.store), "add_entries", busy)
    assert said(desk.submits(MAYAS, reason="moved", quiet=["quiet"], scope="place", days="7")) == (
        "The incident is closed as expected; nothing is changed. But nothing is kept quiet: the case store is locked."
    )
    assert desk.store.incidents(ids=[desk.incident_id])[0].status == "expected"


# --- evidence, giving back, the owner ---------------------------------------------------------------------------------


def test_who_may_decide_sees_all_the_evidence(desk: Desk) -> None:
    desk.ask()
    assert desk.opens(MAYAS, "more", f"details.{desk.incident_id}").startswith("Evidence\n*97.0%* likely.")
    assert said(desk.opens(OTTO.user_id, "more", f"details.{desk.incident_id}")) == (
        "Nothing was done: you are not among those who may decide."
    )


def test_a_plan_without_a_button_of_its_own_is_approved_from_the_menu(desk: Desk) -> None:
    plan = desk.robbery.plan
    for playbook in ("fence_principal", "revoke_sessions"):
        desk.ask(replace(plan, playbook=playbook))
    request = desk.ask(replace(plan, playbook="quarantine_principal"))
    desk.opens(MAYAS, "more", f"approve.{request.request_id}")
    assert desk.submits(MAYAS) == "Approved\nApproved; it is carried out now."
    assert outcome(desk, request.request_id) is SettlementOutcome.APPROVED


def test_two_people_give_back_what_was_done_within_a_day(desk: Desk) -> None:
    desk.ask()
    desk.opens(MAYAS, APPROVE)
    desk.submits(MAYAS)
    desk.plane.contain(desk.store.responses.to_carry_out()[0])
    desk.plane.watch(desk.store.responses.watches()[0].decision_id)
    later(desk, seconds=10)
    assert (
        said(desk.opens_beside(OTTO.user_id, "undo.request"))
        == "Nothing was done: you are not among those who may decide."
    )
    read = desk.opens_beside(MAYAS, "undo.request")
    assert read.startswith("Give it back?\n")
    assert "2 people must approve: It was applied within 24 hours." in read
    assert desk.submits(MAYAS) == (
        "One more must approve\nYour approval counts; another person's is needed. It was applied within 24 hours."
    )
    desk.opens_beside(JONASS, "undo.request")
    assert desk.submits(JONASS) == "Approved\nApproved; it is carried out now."
    desk.plane.contain(desk.store.responses.to_carry_out()[0])
    assert (desk.robbery.key_status(), desk.robbery.policies()) == ("Active", [])
    undone = [each.outcome for each in desk.store.responses.receipts() if not each.step.undoes]
    assert undone == [Outcome.UNDONE, Outcome.UNDONE]
    desk.listener.handle(
        click_payload(desk, MAYAS, "undo.request", f"v1.{desk.store.responses.receipts()[0].decision_id}")
    )
    assert said(desk.reads(MAYAS)) == "Nothing was done: there is nothing left to undo."


def test_only_the_owner_answers_whether_it_was_them_and_the_first_answer_stands(desk: Desk) -> None:
    desk.store.slack.ask_owner(desk.incident_id, f"slack:{ROSAS}", desk.clock())
    request = desk.ask()
    desk.listener.handle(click_payload(desk, MAYAS, "owner.yes", f"v1.{desk.incident_id}"))
    assert desk.whispered(MAYAS) == "This question is for somebody else, so your answer was not kept."
    desk.click_beside(ROSAS, "owner.no")
    desk.slack.people.wait_for(lambda: "owner answered" in desk.audited())
    desk.click_beside(ROSAS, "owner.yes")
    assert desk.whispered(ROSAS) == (
        "You answered before, and that stands. Tell your security team where it was wrong."
    )
    answered = desk.store.slack.owner(desk.incident_id)
    assert answered is not None
    assert (answered.answer, outcome(desk, request.request_id)) == ("no", None)


# --- the same again, and what is nothing of ours ----------------------------------------------------------------------


def test_what_is_delivered_again_is_acknowledged_and_not_done_again(desk: Desk) -> None:
    desk.ask()
    desk.slack.faults.sockets.times = 3
    desk.opens(MAYAS, APPROVE)
    assert desk.submits(MAYAS) == "Approved\nApproved; it is carried out now."
    time.sleep(0.3)  # for what must not come
    assert desk.audited() == ["decided"]
    assert desk.reads(MAYAS) == "Approved\nApproved; it is carried out now."
    assert desk.slack.faults.calls("views.open") == 1


def test_after_a_restart_the_same_answer_is_settled_already(quiet_desk: Desk) -> None:
    quiet_desk.ask()
    payload = click_payload(quiet_desk, MAYAS, APPROVE, value_of(quiet_desk, APPROVE))
    quiet_desk.listener.handle(payload)
    view = quiet_desk.slack.people.view(MAYAS)
    sent = {"type": "view_submission", "user": {"id": MAYAS}, "view": view}
    quiet_desk.listener.handle(sent)
    assert quiet_desk.reads(MAYAS) == "Approved\nApproved; it is carried out now."
    Listener(quiet_desk.plane, quiet_desk.listener.slack, quiet_desk.slack.channel).handle(sent)
    assert quiet_desk.reads(MAYAS).endswith(": it was not done again.")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("type", "user", "actions", "view", "trigger_id", "channel", "message", "container", "private_metadata"),
        *("state", "values", "id", "action_id", "value", "selected_option", "blocks", "callback_id", "hash"),
    ]
)
VALUES = st.sampled_from(
    ["block_actions", "view_submission", "confirm", "expected", "v1.", "v1.inc_1", "U1", "overflow"]
)
PAYLOADS = st.recursive(
    VALUES | JSON,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=30,
)


@tried(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rest=PAYLOADS, kind=st.sampled_from(["block_actions", "view_submission", "view_closed", "shortcut"]))
def test_whatever_shape_a_payload_has_it_is_acknowledged_and_changes_nothing(
    quiet_desk: Desk, rest: object, kind: str
) -> None:
    logging.getLogger("prefect_cloudtrail.slack").setLevel(logging.CRITICAL)
    for payload in (rest, {**(rest if isinstance(rest, dict) else {}), "type": kind}):
        answer = quiet_desk.listener.acknowledge(payload)
        assert answer is None or answer["response_action"] in {"errors", "update"}
        quiet_desk.listener.handle(payload)
    assert quiet_desk.store.responses.requests(quiet_desk.incident_id) == []
    assert quiet_desk.store.feedback() == feedback.Feedback()


# --- how a test clicks what is no more on the card --------------------------------------------------------------------


def click_payload(desk: Desk, user: str, action: str, value: str) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": user},
        "trigger_id": desk.slack.workspace.trigger(user),
        "channel": {"id": desk.slack.channel},
        "actions": [{"type": "button", "action_id": action, "value": value}],
    }


def value_of(desk: Desk, action: str) -> str:
    found = [
        each for block in desk.card["blocks"] for each in block.get("elements", ()) if each.get("action_id") == action
    ]
    return str(found[0]["value"])


def quiet_view() -> dict[str, Any]:
    text = {"type": "plain_text", "text": min(WAITING)}
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "One"},
        "blocks": [{"type": "section", "text": text}],
    }
