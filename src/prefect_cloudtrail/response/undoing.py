"""Giving back: a plan that undoes receipts, asked like any other."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from prefect_cloudtrail.errors import ResponseError
from prefect_cloudtrail.response.plan import UNDO, Plan, Step
from prefect_cloudtrail.response.receipt import Receipt

# So soon after a containment, a thief who is among the responders would ask for it: two people then.
YOUNG = timedelta(hours=24)


def undoing(receipts: Sequence[Receipt], principal: str, now: datetime) -> Plan:
    """Return the plan that gives back what these receipts of one incident changed, the last first.

    Raises:
        ResponseError: there is nothing to give back: says of the first what became of it.
    """
    back = [each for each in receipts if each.may_hold]
    if not back:
        said = f"{receipts[0].receipt_id} is {receipts[0].outcome}" if receipts else "there is no receipt"
        raise ResponseError(f"nothing to undo: {said}; `prefect-cloudtrail incidents ID` lists what was applied")
    back.sort(key=lambda each: (each.started_at, each.position), reverse=True)
    young = [each for each in back if now - (each.applied_at or each.started_at) < YOUNG]
    return Plan(
        playbook=UNDO,
        incident_id=back[0].incident_id,
        principal=principal,
        steps=tuple(
            Step(each.step.action, each.step.account_id, each.step.target, each.step.arguments, each.receipt_id)
            for each in back
        ),
        approvers=2 if young else 1,
        why_two="It was applied within 24 hours." if young else None,
        does=tuple(f"Gives back what was before: {each.said}" for each in back),
        breaks=("Whoever holds the credential can use it again.",),
    )
