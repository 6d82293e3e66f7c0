from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from responding import Site

from bench.drills.robbery import ACCOUNT
from prefect_cloudtrail.errors import LeaseHeldError, RefusedError
from prefect_cloudtrail.response.containing import Ending, receipt_id
from prefect_cloudtrail.response.receipt import Outcome
from prefect_cloudtrail.response.requesting import ask_to_undo


def test_what_two_people_approved_is_applied_read_back_and_has_a_receipt_a_step(site: Site) -> None:
    done = site.contain()
    assert (done.ending, site.robbery.key_status()) == (Ending.APPLIED, "Inactive")
    denied, disabled = done.receipts
    assert site.robbery.policies() == [f"prefect-cloudtrail-{denied.receipt_id}"]
    assert (denied.outcome, disabled.outcome) == (Outcome.APPLIED, Outcome.APPLIED)
    assert disabled.before["status"] == "Active"
    assert disabled.after is not None
    assert disabled.after["status"] == "Inactive"
    assert disabled.said == f"The access key {site.robbery.access_key_id} of {site.robbery.user_name} is Inactive."


def test_carried_out_again_it_changes_nothing_and_says_the_same(site: Site) -> None:
    decision_id = site.approve()
    first = site.plane.contain(decision_id)
    site.robbery.iam.update_access_key(
        UserName=site.robbery.user_name, AccessKeyId=site.robbery.access_key_id, Status="Active"
    )
    assert site.plane.contain(decision_id) == first
    # A person turned it on again meanwhile: carrying out once more is no reason to turn it off.
    assert site.robbery.key_status() == "Active"


def test_a_dry_run_does_everything_but_the_change_and_says_so(site: Site) -> None:
    site.rule("")
    rules = site.robbery.folder / "rules.toml"
    rules.write_text(rules.read_text().replace("dry_run = false", "dry_run = true"))
    done = site.contain()
    assert (done.ending, site.robbery.key_status(), site.robbery.policies()) == (Ending.DRY_RUN, "Active", [])
    assert done.receipts[1].said.startswith("Dry run, nothing was changed: Sets the access key ")
    assert done.receipts[1].before["status"] == "Active"
    assert site.store.responses.watches(due_before=site.clock() + timedelta(days=2)) == []


def test_a_run_without_a_decision_is_refused_and_leaves_an_audit_row(site: Site) -> None:
    with pytest.raises(RefusedError, match="there is no decision dec_made_up"):
        site.plane.contain("dec_made_up")
    assert site.robbery.key_status() == "Active"
    assert [row.kind for row in site.store.responses.audit_rows()] == ["contain_refused"]


def test_a_step_that_fails_leaves_the_others_to_be_done(site: Site) -> None:
    plan = site.robbery.plan
    gone = replace(
        plan.steps[0], target=f"arn:aws:iam::{ACCOUNT}:user/nobody", arguments={"kind": "user", "name": "nobody"}
    )
    done = site.contain(replace(plan, steps=(gone, plan.steps[1])))
    assert [each.outcome for each in done.receipts] == [Outcome.GONE, Outcome.APPLIED]
    assert (done.ending, site.robbery.key_status()) == (Ending.APPLIED, "Inactive")


def test_a_step_that_aws_refuses_is_partly_applied(site: Site) -> None:
    plan = site.robbery.plan
    theirs = {**plan.steps[1].arguments, "user_name": "somebody-else"}
    other = replace(plan.steps[1], target=f"arn:aws:iam::{ACCOUNT}:user/somebody-else", arguments=theirs)
    done = site.contain(replace(plan, steps=(plan.steps[0], other)))
    assert [each.outcome for each in done.receipts] == [Outcome.APPLIED, Outcome.FAILED]
    assert done.ending == Ending.PARTLY_APPLIED
    assert f"it belongs to {site.robbery.user_name}" in done.receipts[1].said


def test_while_another_carries_it_out_the_second_gives_way(site: Site) -> None:
    decision_id = site.approve()
    with (
        site.store.lease(f"contain {decision_id}", "another", 2, datetime.now(UTC)),
        pytest.raises(LeaseHeldError, match=rf"^another process is at it \(contain {decision_id}\): another holds it"),
    ):
        site.plane.contain(decision_id)
    assert site.robbery.key_status() == "Active"


def test_a_snapshot_that_is_stored_is_not_taken_again(site: Site) -> None:
    decision_id = site.approve()
    site.plane.contain(decision_id)
    taken = site.store.responses.receipt(receipt_id(decision_id, 1))
    assert taken is not None
    again = site.store.responses.begin_receipt(replace(taken, before={"status": "Inactive"}))
    assert again.before["status"] == "Active"


def test_undo_gives_back_what_was_and_marks_the_receipts(site: Site) -> None:
    done = site.contain()
    ids = [each.receipt_id for each in done.receipts]
    request = ask_to_undo(site.store, ids, site.plane.rules(), site.clock())
    assert (request.plan.approvers, request.plan.why_two) == (2, "It was applied within 24 hours.")
    undone = site.plane.contain(str(site.robbery.approve(site.store, request).decision_id))
    assert (undone.ending, site.robbery.key_status(), site.robbery.policies()) == (Ending.UNDONE, "Active", [])
    # The last step is given back first.
    assert [each.step.undoes for each in undone.receipts] == ids[::-1]
    assert {each.outcome for each in site.store.responses.receipts(decision_id=done.decision_id)} == {Outcome.UNDONE}


def test_undo_leaves_what_a_later_receipt_holds(site: Site) -> None:
    plan = site.robbery.plan
    quarantine = replace(plan.steps[0], action="quarantine_principal")
    first = site.contain()
    site.clock.move(seconds=1)
    second = site.contain(replace(plan, steps=(plan.steps[1], quarantine)))
    request = ask_to_undo(site.store, [first.receipts[1].receipt_id], site.plane.rules(), site.clock())
    undone = site.plane.contain(str(site.robbery.approve(site.store, request).decision_id))
    later = second.receipts[0]
    assert (undone.ending, site.robbery.key_status()) == (Ending.FAILED, "Inactive")
    assert undone.said == (
        f"It stays: {later.receipt_id}, of {later.incident_id}, set the same later; undo that one first."
    )
