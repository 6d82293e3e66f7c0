"""What the case store holds of responses: contexts, requests, decisions, receipts, watches, the breaker, the audit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from prefect_cloudtrail.response.audit import AuditRow, wrong
from prefect_cloudtrail.response.decision import BreakerState, Decision, Request, Settlement, SettlementOutcome
from prefect_cloudtrail.response.plan import ManualStep, Plan
from prefect_cloudtrail.response.receipt import Outcome, Receipt, TrackedStep, Watch
from prefect_cloudtrail.store import audit, receipts, requests, work
from prefect_cloudtrail.store.database import Database
from prefect_cloudtrail.store.requests import Settles
from prefect_cloudtrail.store.response_tables import CONTEXTS, HEARTBEATS, REQUESTS
from prefect_cloudtrail.store.slack_tables import SLACK_CARDS
from prefect_cloudtrail.store.statements import insert
from prefect_cloudtrail.versions import VERSION


class Responses:
    """The response's side of a case store; `Store.responses` gives it."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    # Contexts

    def keep_context(self, incident_id: str, revision: int, document: str, now: datetime) -> None:
        """Store what was gathered of an incident at a revision, JSON; gathered again, the newer stays."""
        key = {"incident_id": incident_id, "revision": revision}
        with self._database.writing() as connection:
            statement = insert(connection, CONTEXTS).values(gathered_at=now, document=document, **key)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=list(key),
                    set_={
                        "gathered_at": statement.excluded.gathered_at,
                        "document": statement.excluded.document,
                    },
                )
            )

    def context(self, incident_id: str) -> str | None:
        """Return what was gathered of the incident's newest revision, JSON; None where nothing was."""
        query = (
            sa.select(CONTEXTS.c.document)
            .where(CONTEXTS.c.incident_id == incident_id)
            .order_by(CONTEXTS.c.revision.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            found: str | None = connection.scalar(query)
        return found

    # What is asked, and what people answer

    def ask(self, plan: Plan, now: datetime, expires_at: datetime) -> Request:
        """Return the request for the plan: the open one of the same incident, playbook and digest, or a new one."""
        with self._database.writing() as connection:
            return requests.ask(connection, plan, now, expires_at)

    def request(self, request_id: str) -> Request | None:
        """Return the request; None where there is none."""
        with self._database.reading() as connection:
            return requests.request(connection, request_id)

    def requests(self, incident_id: str) -> list[Request]:
        """Return the incident's requests, oldest first."""
        with self._database.reading() as connection:
            return requests.requests(connection, incident_id)

    def delivered(self, request_id: str, now: datetime, expires_at: datetime) -> Request:
        """Return the request as it is delivered; the first delivery stays, and its end with it.

        Raises:
            ResponseError: there is no such request.
        """
        with self._database.writing() as connection:
            return requests.delivered(connection, request_id, now, expires_at)

    def add_decision(
        self, decision: Decision, settles: SettlementOutcome | Settles | None, now: datetime
    ) -> Settlement | None:
        """Return the settlement, where this decision makes it; stored with its audit row, all or nothing.

        Args:
            decision: signed.
            settles: what it settles; None where it waits for another one; or a function that says which, called with
                all decisions of the request, this one among them, and the approvals of the last hour, while no other
                decision is stored.
            now: when.

        Returns:
            None, too, where nothing was stored: the request was settled already, or the same person had answered it.

        Raises:
            ResponseError: there is no such request.
        """
        with self._database.writing() as connection:
            settled = requests.add_decision(connection, decision, settles, now)
            # Where it is told in Slack, people see it there at once.
            of_request = sa.select(REQUESTS.c.incident_id).where(REQUESTS.c.request_id == decision.request_id)
            connection.execute(
                sa.update(SLACK_CARDS)
                .where(SLACK_CARDS.c.incident_id == of_request.scalar_subquery())
                .values(next_at=now)
            )
            return settled

    def decision(self, decision_id: str) -> Decision | None:
        """Return the decision; None where there is none."""
        with self._database.reading() as connection:
            return requests.decision(connection, decision_id)

    def decisions(self, request_id: str) -> list[Decision]:
        """Return the request's decisions, oldest first."""
        with self._database.reading() as connection:
            return requests.decisions(connection, request_id)

    def settlement(self, request_id: str) -> Settlement | None:
        """Return what settled the request; None while it is open."""
        with self._database.reading() as connection:
            return requests.settlement(connection, request_id)

    def settlement_of(self, decision_id: str) -> Settlement | None:
        """Return the settlement that the decision made; None where it made none."""
        with self._database.reading() as connection:
            return requests.settlement_of(connection, decision_id)

    def contained_since(self, moment: datetime, before: datetime | None = None) -> int:
        """Return how many approvals were settled from a moment on, and before another; those to undo not counted."""
        with self._database.reading() as connection:
            return requests.approvals(connection, moment, before)

    # What was done

    def begin_receipt(self, receipt: Receipt) -> Receipt:
        """Return the receipt, stored; where the decision's step has one already, that one, with its snapshot."""
        with self._database.writing() as connection:
            return receipts.begin(connection, receipt)

    def update_receipt(
        self,
        receipt_id: str,
        *,
        outcome: Outcome,
        said: str,
        after: Mapping[str, Any] | None = None,
        applied_at: datetime | None = None,
        verified_at: datetime | None = None,
        undone_by: str | None = None,
    ) -> Receipt:
        """Return the receipt as it goes on; what is not given stays, and so does the first `applied_at`.

        Raises:
            StateError: there is no such receipt.
        """
        given = {"applied_at": applied_at, "verified_at": verified_at, "undone_by": undone_by}
        with self._database.writing() as connection:
            return receipts.update(connection, receipt_id, after=after, outcome=outcome.value, said=said, **given)

    def receipt(self, receipt_id: str) -> Receipt | None:
        """Return the receipt; None where there is none."""
        with self._database.reading() as connection:
            return receipts.receipt(connection, receipt_id)

    def receipts(self, incident_id: str | None = None, decision_id: str | None = None) -> list[Receipt]:
        """Return the receipts of an incident, a decision, or all, in the order in which they were begun."""
        with self._database.reading() as connection:
            return receipts.receipts(connection, incident_id, decision_id)

    def add_manual_steps(self, decision_id: str, incident_id: str, steps: Sequence[ManualStep]) -> None:
        """Store what people have to do; what is there already stays as it is."""
        with self._database.writing() as connection:
            receipts.add_manual_steps(connection, decision_id, incident_id, steps)

    def manual_steps(self, incident_id: str | None = None) -> list[TrackedStep]:
        """Return the steps by hand of an incident, or of all, by decision and name."""
        with self._database.reading() as connection:
            return receipts.manual_steps(connection, incident_id)

    def finish_manual_step(self, decision_id: str, name: str, by: str, why: str, now: datetime) -> TrackedStep:
        """Return the step, done; its audit row is stored with it.

        Raises:
            ResponseError: there is no such step, or somebody has done it before.
        """
        with self._database.writing() as connection:
            return receipts.finish_manual_step(connection, decision_id, name, by=by, why=why, now=now)

    def start_watch(self, decision_id: str, incident_id: str, applied_at: datetime, next_at: datetime) -> None:
        """Store that a decision's quiet is watched; what is there already stays."""
        with self._database.writing() as connection:
            receipts.start_watch(connection, decision_id, incident_id, applied_at=applied_at, next_at=next_at)

    def update_watch(
        self, decision_id: str, *, state: str, said: str, next_at: datetime | None, contained_at: datetime | None = None
    ) -> Watch:
        """Return the watch as it goes on; the first `contained_at` stays.

        Raises:
            StateError: nothing of the decision is watched.
        """
        with self._database.writing() as connection:
            return receipts.update_watch(
                connection, decision_id, state=state, said=said, next_at=next_at, contained_at=contained_at
            )

    def watches(self, due_before: datetime | None = None, or_after: datetime | None = None) -> list[Watch]:
        """Return the watches, the first applied first; all, or those whose next look is due.

        Args:
            due_before: by when.
            or_after: or so far ahead, as no look ever is.
        """
        with self._database.reading() as connection:
            return receipts.watches(connection, due_before, or_after)

    # The responder's work

    def to_carry_out(self) -> list[str]:
        """Return the decisions that approved a plan which nobody has carried out to its end, oldest first."""
        with self._database.reading() as connection:
            return work.to_carry_out(connection)

    def to_show(self, since: datetime) -> list[str]:
        """Return the decisions carried out since a moment that Prefect has not been told of, oldest first."""
        with self._database.reading() as connection:
            return work.to_show(connection, since)

    def shown(self, decision_id: str, now: datetime) -> None:
        """Record that Prefect was told what came of a decision; the first time stays."""
        with self._database.writing() as connection:
            work.shown(connection, decision_id, now)

    def end(self, decision_id: str, incident_id: str, state: str, said: str, now: datetime) -> None:
        """Record that there is nothing more to do under a decision; how it first ended stays."""
        with self._database.writing() as connection:
            work.end(connection, decision_id, incident_id, state, said, now)

    def delivered_until(self, account_id: str, since: datetime) -> datetime | None:
        """Return when the newest object of the account that was read was delivered; None where none was since then."""
        with self._database.reading() as connection:
            return work.delivered_until(connection, account_id, since)

    # The breaker and the audit

    def breaker(self) -> BreakerState:
        """Return how the breaker stands."""
        with self._database.reading() as connection:
            return audit.breaker(connection)

    def set_breaker(self, tripped: bool, by: str, why: str, now: datetime) -> BreakerState:
        """Return how the breaker stands, tripped or reset; its audit row is stored with it."""
        with self._database.writing() as connection:
            audit.set_breaker(connection, tripped=tripped, by=by, why=why, now=now)
            return audit.breaker(connection)

    def audit(self, kind: str, incident_id: str | None, document: Mapping[str, Any], now: datetime) -> AuditRow:
        """Return the row, stored at the end of the chain."""
        with self._database.writing() as connection:
            return audit.add(connection, kind, incident_id, document, now)

    def audit_rows(self, incident_id: str | None = None) -> list[AuditRow]:
        """Return the audit's rows of an incident, or all, oldest first."""
        with self._database.reading() as connection:
            return audit.rows(connection, incident_id)

    def audit_row(self, number: int) -> AuditRow | None:
        """Return the audit's row of a number; None where there is none."""
        with self._database.reading() as connection:
            return audit.row(connection, number)

    def newest_audit_row(self) -> AuditRow | None:
        """Return the audit's last row; None where there is none."""
        with self._database.reading() as connection:
            return audit.newest(connection)

    def verify_audit(self) -> list[str]:
        """Return what is wrong with the audit's chain, in sentences; empty where nothing is."""
        return list(wrong(self.audit_rows()))

    # Who is alive

    def beat(self, name: str, now: datetime) -> None:
        """Record that a part of the responder works, and in which version."""
        with self._database.writing() as connection:
            statement = insert(connection, HEARTBEATS)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"at": statement.excluded.at}),
                [{"name": name, "at": now}, {"name": f"{name} {VERSION}", "at": now}],
            )

    def version(self, name: str) -> str | None:
        """Return the version in which a part of the responder last worked; None where it never did."""
        query = sa.select(HEARTBEATS.c.name).where(HEARTBEATS.c.name.startswith(f"{name} ", autoescape=True))
        with self._database.reading() as connection:
            found: str | None = connection.scalar(query.order_by(HEARTBEATS.c.at.desc()).limit(1))
        return found.removeprefix(f"{name} ") if found else None

    def last_beat(self, name: str) -> datetime | None:
        """Return when a part of the responder last worked; None where it never did."""
        with self._database.reading() as connection:
            found: datetime | None = connection.scalar(sa.select(HEARTBEATS.c.at).where(HEARTBEATS.c.name == name))
        return found
