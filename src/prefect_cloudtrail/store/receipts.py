"""What was done: receipts, the steps that people do, and the watches, in and out of SQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from prefect_cloudtrail.errors import ResponseError, StateError
from prefect_cloudtrail.response.plan import ManualStep, Step, canonical
from prefect_cloudtrail.response.receipt import Outcome, Receipt, TrackedStep, Watch
from prefect_cloudtrail.store import audit
from prefect_cloudtrail.store.response_tables import MANUAL_STEPS, RECEIPTS, WATCHES
from prefect_cloudtrail.store.statements import insert, insert_or_ignore

WATCHING = "watching"


def begin(connection: sa.Connection, begun: Receipt) -> Receipt:
    """Return the receipt, stored; where the decision's step has one already, that one, with its snapshot."""
    connection.execute(
        insert(connection, RECEIPTS)
        .values(
            receipt_id=begun.receipt_id,
            decision_id=begun.decision_id,
            incident_id=begun.incident_id,
            position=begun.position,
            step=canonical(begun.step).decode(),
            before=canonical(begun.before).decode(),
            after=None if begun.after is None else canonical(begun.after).decode(),
            outcome=begun.outcome.value,
            said=begun.said,
            started_at=begun.started_at,
            applied_at=begun.applied_at,
            verified_at=begun.verified_at,
            undone_by=begun.undone_by,
        )
        .on_conflict_do_nothing(index_elements=["decision_id", "position"])
    )
    query = sa.select(RECEIPTS).where(
        RECEIPTS.c.decision_id == begun.decision_id, RECEIPTS.c.position == begun.position
    )
    return _receipt(connection.execute(query).mappings().one())


def update(connection: sa.Connection, receipt_id: str, *, after: Mapping[str, Any] | None, **given: object) -> Receipt:
    """Return the receipt as it goes on; what is None stays, and so does the first `applied_at`.

    Raises:
        StateError: there is no such receipt.
    """
    values = {name: value for name, value in given.items() if value is not None}
    if after is not None:
        values["after"] = canonical(after).decode()
    if "applied_at" in values:
        first = sa.literal(values["applied_at"], RECEIPTS.c.applied_at.type)
        values["applied_at"] = sa.func.coalesce(RECEIPTS.c.applied_at, first)
    row = (
        connection.execute(
            sa.update(RECEIPTS).where(RECEIPTS.c.receipt_id == receipt_id).values(values).returning(*RECEIPTS.columns)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise StateError(f"no receipt {receipt_id} here")
    return _receipt(row)


def receipt(connection: sa.Connection, receipt_id: str) -> Receipt | None:
    """Return the receipt; None where there is none."""
    row = connection.execute(sa.select(RECEIPTS).where(RECEIPTS.c.receipt_id == receipt_id)).mappings().one_or_none()
    return None if row is None else _receipt(row)


def receipts(connection: sa.Connection, incident_id: str | None, decision_id: str | None) -> list[Receipt]:
    """Return the receipts of an incident, a decision, or all, in the order in which they were begun."""
    query = sa.select(RECEIPTS).order_by(RECEIPTS.c.started_at, RECEIPTS.c.position, RECEIPTS.c.receipt_id)
    if incident_id is not None:
        query = query.where(RECEIPTS.c.incident_id == incident_id)
    if decision_id is not None:
        query = query.where(RECEIPTS.c.decision_id == decision_id)
    return [_receipt(row) for row in connection.execute(query).mappings()]


def add_manual_steps(
    connection: sa.Connection, decision_id: str, incident_id: str, steps: Sequence[ManualStep]
) -> None:
    """Store what people have to do; what is there already stays as it is."""
    same = {"decision_id": decision_id, "incident_id": incident_id}
    insert_or_ignore(connection, MANUAL_STEPS, [same | {"name": step.name, "text": step.text} for step in steps])


def manual_steps(connection: sa.Connection, incident_id: str | None) -> list[TrackedStep]:
    """Return the steps by hand of an incident, or of all, by decision and name."""
    query = sa.select(MANUAL_STEPS).order_by(MANUAL_STEPS.c.decision_id, MANUAL_STEPS.c.name)
    if incident_id is not None:
        query = query.where(MANUAL_STEPS.c.incident_id == incident_id)
    return [TrackedStep(**row) for row in connection.execute(query).mappings()]


def finish_manual_step(
    connection: sa.Connection, decision_id: str, name: str, *, by: str, why: str, now: datetime
) -> TrackedStep:
    """Return the step, done; its audit row is stored with it.

    Raises:
        ResponseError: there is no such step, or somebody has done it before.
    """
    here = (MANUAL_STEPS.c.decision_id == decision_id, MANUAL_STEPS.c.name == name)
    row = (
        connection.execute(
            sa.update(MANUAL_STEPS)
            .where(*here, MANUAL_STEPS.c.done_at.is_(None))
            .values(done_at=now, done_by=by, why=why)
            .returning(*MANUAL_STEPS.columns)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        done_by = connection.scalar(sa.select(MANUAL_STEPS.c.done_by).where(*here))
        raise ResponseError(f"{name} was done before, by {done_by}" if done_by else f"{decision_id} has no step {name}")
    done = TrackedStep(**row)
    audit.add(connection, "manual_step", done.incident_id, done, now)
    return done


def start_watch(
    connection: sa.Connection, decision_id: str, incident_id: str, *, applied_at: datetime, next_at: datetime
) -> None:
    """Store that a decision's quiet is watched; what is there already stays."""
    row = {"decision_id": decision_id, "incident_id": incident_id, "state": WATCHING, "said": ""}
    insert_or_ignore(connection, WATCHES, [row | {"applied_at": applied_at, "next_at": next_at}])


def update_watch(connection: sa.Connection, decision_id: str, **given: object) -> Watch:
    """Return the watch as it goes on; the first `contained_at` stays.

    Raises:
        StateError: nothing of the decision is watched.
    """
    first = sa.literal(given.pop("contained_at"), WATCHES.c.contained_at.type)
    row = (
        connection.execute(
            sa.update(WATCHES)
            .where(WATCHES.c.decision_id == decision_id)
            .values(contained_at=sa.func.coalesce(WATCHES.c.contained_at, first), **given)
            .returning(*WATCHES.columns)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise StateError(f"nothing of decision {decision_id} is watched")
    return Watch(**row)


def watches(connection: sa.Connection, due_before: datetime | None, or_after: datetime | None) -> list[Watch]:
    """Return the watches that are due by a moment, or after one; or all; the first applied first."""
    query = sa.select(WATCHES).order_by(WATCHES.c.applied_at, WATCHES.c.decision_id)
    if due_before is not None:
        late = [WATCHES.c.next_at > or_after] if or_after else []
        query = query.where(sa.or_(WATCHES.c.next_at <= due_before, *late))
    return [Watch(**row) for row in connection.execute(query).mappings()]


def _receipt(row: sa.RowMapping) -> Receipt:
    try:
        return Receipt(
            **{
                **row,
                "step": msgspec.json.decode(row["step"], type=Step),
                "before": msgspec.json.decode(row["before"]),
                "after": None if row["after"] is None else msgspec.json.decode(row["after"]),
                "outcome": Outcome(row["outcome"]),
            }
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise StateError(f"receipt {row['receipt_id']} in the case store cannot be read: {error}") from error
