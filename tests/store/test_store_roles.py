"""The two planes' PostgreSQL roles: each does its own work, and the detect plane cannot decide."""

from collections.abc import Callable
from pathlib import Path

import postgresql
import pytest
from response_cases import END, MINUTE, RULES, a_plan
from store.case_builders import NOW, a_change, an_alert, an_incident, commit, rejected, seen

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.feedback import Answer
from prefect_cloudtrail.response.deciding import Member, approved, decide
from prefect_cloudtrail.response.decision import Choice
from prefect_cloudtrail.response.plan import ManualStep
from prefect_cloudtrail.response.receipt import Outcome, Receipt
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.response_tables import OF_THE_RESPONDER
from prefect_cloudtrail.store.roles import DETECT, RESPONDER, statements

FILE = Path(__file__).parents[2] / "deploy" / "database" / "roles.sql"


def user_of(server: postgresql.Server, url: str, role: str) -> str:
    """Return the URL of the database for a user who has this role alone."""
    user = f"{role}_user"
    server.execute(f"DROP ROLE IF EXISTS {user}")
    server.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{postgresql.PASSWORD}' IN ROLE {role}")
    return server.url(url.rpartition("/")[2], user=user)


@pytest.fixture
def planes(postgres: postgresql.Server, with_tables: str) -> tuple[str, str]:
    """The URLs of one database as the detect plane and the responder open it."""
    postgres.execute(FILE.read_text(), with_tables.rpartition("/")[2])
    return user_of(postgres, with_tables, DETECT), user_of(postgres, with_tables, RESPONDER)


def test_the_file_is_what_the_tables_say() -> None:
    assert FILE.read_text() == statements()


def test_each_plane_does_its_own_work(planes: tuple[str, str], state: Path, tmp_path: Path) -> None:
    detect, responder = planes
    keys = Keys.make(tmp_path / "keys")
    with Store.open(state, detect) as store:
        change = a_change(
            incidents=[an_incident("incident-1", an_alert())],
            seen=seen("e"),
            rejected=rejected(["bad_json"]),
            tell=[("incident-1", 1)],
        )
        commit(store, change)
        store.add_verdict("incident-1", Answer.COMPROMISED, by="maria", why="her key", at=NOW)
        store.responses.keep_context("incident-1", 1, "{}", NOW)
        request = store.responses.ask(a_plan(), NOW, END)
    with Store.open(state, responder) as store:
        store.responses.delivered(request.request_id, NOW, END)
        given = (request.request_id, request.plan.digest, Choice.APPROVE, Member("slack:UANA"), "slack", "seen")
        decision_id = decide(store, *given, rules=RULES, keys=keys, now=NOW + MINUTE).decision_id or ""
        assert approved(store, decision_id, RULES, keys, NOW + MINUTE) == request.plan
        step = request.plan.steps[0]
        receipt = Receipt("r-1", decision_id, "incident-1", 0, step, {}, None, Outcome.STARTED, "", NOW)
        store.responses.begin_receipt(receipt)
        store.responses.update_receipt("r-1", outcome=Outcome.APPLIED, said="It is off.", applied_at=NOW)
        store.responses.add_manual_steps(decision_id, "incident-1", [ManualStep("end_session", "End it.")])
        store.responses.finish_manual_step(decision_id, "end_session", "system:cleo", "ended", NOW)
        store.responses.start_watch(decision_id, "incident-1", NOW, NOW + MINUTE)
        store.responses.update_watch(decision_id, state="contained", said="Quiet.", next_at=None, contained_at=NOW)
        store.responses.set_breaker(tripped=True, by="system:cleo", why="stop", now=NOW)
        store.responses.beat("listener", NOW)
        store.add_verdict("incident-1", Answer.EXPECTED, by="slack:UANA", why="hers", at=NOW)
        assert store.responses.verify_audit() == []
    with Store.open(state, detect) as store:
        assert [each.outcome for each in store.responses.receipts("incident-1")] == [Outcome.APPLIED]


WRITES: dict[str, Callable[[Store], object]] = {
    "audit": lambda store: store.responses.audit("decided", "incident-1", {}, NOW),
    "breaker": lambda store: store.responses.set_breaker(tripped=False, by="eve", why="open up", now=NOW),
    "heartbeats": lambda store: store.responses.beat("listener", NOW),
}


@pytest.mark.parametrize("write", WRITES)
def test_the_detect_plane_is_refused_what_is_the_responders(planes: tuple[str, str], state: Path, write: str) -> None:
    with Store.open(state, planes[0]) as store, pytest.raises(StateError, match="permission denied"):
        WRITES[write](store)


@pytest.mark.parametrize("table", [table.name for table in OF_THE_RESPONDER])
def test_the_detect_plane_writes_no_row_of_the_responders(
    postgres: postgresql.Server, planes: tuple[str, str], table: str
) -> None:
    name = planes[0].rpartition("/")[2]
    allowed = postgres.execute(
        f"SELECT privilege_type FROM information_schema.role_table_grants "  # noqa: S608
        f"WHERE table_name = '{table}' AND grantee IN ('{DETECT}', 'PUBLIC')",
        name,
    )
    assert allowed == [("SELECT",)]


def test_the_responder_takes_no_decision_back(planes: tuple[str, str], postgres: postgresql.Server) -> None:
    name = planes[1].rpartition("/")[2]
    allowed = postgres.execute(
        f"SELECT DISTINCT privilege_type FROM information_schema.role_table_grants WHERE grantee = '{RESPONDER}' "  # noqa: S608
        "AND table_name IN ('decisions', 'settlements', 'breaker', 'audit') ORDER BY 1",
        name,
    )
    assert allowed == [("INSERT",), ("SELECT",)]
