"""Asks people to allow that something is given back: a request like any other, with its row in the audit."""

from collections.abc import Sequence
from datetime import datetime

from prefect_cloudtrail.errors import ResponseError
from prefect_cloudtrail.response.decision import Request
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.undoing import undoing
from prefect_cloudtrail.store import Store


def ask_to_undo(store: Store, receipt_ids: Sequence[str], rules: Rules, now: datetime) -> Request:
    """Return the request that asks whether what these receipts of one incident changed may be given back.

    Raises:
        ResponseError: there is no such receipt, they are of several incidents, or nothing of them is to give back.
    """
    found = [(each, store.responses.receipt(each)) for each in receipt_ids]
    missing = [name for name, receipt in found if receipt is None]
    if missing:
        raise ResponseError(f"no receipt {missing[0]}: `prefect-cloudtrail incidents ID` lists an incident's receipts")
    receipts = [receipt for _, receipt in found if receipt is not None]
    incidents = {each.incident_id for each in receipts}
    if len(incidents) > 1:
        raise ResponseError(f"these receipts are of {len(incidents)} incidents: undo those of one at a time")
    incident = store.incidents(ids=sorted(incidents))[0]
    plan = undoing(receipts, incident.principal, now)
    request = store.responses.ask(plan, now, now + rules.expires_after)
    document = {"request_id": request.request_id, "digest": plan.digest, "undoes": list(receipt_ids)}
    store.responses.audit("asked to undo", incident.incident_id, document, now)
    return request
