"""Somebody who writes to the case store as its owner does: all tables are theirs, the responder's host is not."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from responding import Site

from prefect_cloudtrail.checks import Check
from prefect_cloudtrail.doctor.responder import look_at_audit
from prefect_cloudtrail.errors import TamperedError
from prefect_cloudtrail.response.audit import row_after
from prefect_cloudtrail.response.responder import Responder
from prefect_cloudtrail.store.database import FILE_NAME, connect
from prefect_cloudtrail.store.response_tables import AUDIT, BREAKER


def sql(site: Site, *statements: sa.Executable) -> None:
    opened = connect(site.robbery.folder / "state" / FILE_NAME)
    with opened.writing() as connection:
        for statement in statements:
            connection.execute(statement)
    opened.close()


def cut_off(site: Site) -> None:
    sql(site, sa.delete(AUDIT).where(AUDIT.c.number > 1))


def emptied(site: Site) -> None:
    sql(site, sa.delete(AUDIT))


def written_anew(site: Site) -> None:
    """A whole chain, as long as the true one, in which nobody decided anything."""
    last, rows = None, []
    for each in site.store.responses.audit_rows():
        last = row_after(last, "refused", each.incident_id, {"said": "nothing happened"}, each.at)
        rows.append(vars(last))
    sql(site, sa.delete(AUDIT), sa.insert(AUDIT).values(rows))


REWRITES: dict[str, Callable[[Site], None]] = {"cut off": cut_off, "emptied": emptied, "written anew": written_anew}


@pytest.fixture
def seen(site: Site) -> Site:
    """A site whose responder has looked since two people decided."""
    site.approve()
    Responder(site.plane).look()
    return site


@pytest.mark.parametrize("name", REWRITES)
def test_an_audit_that_was_cut_off_or_written_anew_is_seen_on_the_responder_s_host(seen: Site, name: str) -> None:
    REWRITES[name](seen)
    (said,) = Responder(seen.plane).look()
    assert "which this host has seen, is gone or another one: somebody rewrote the case store" in said
    (found,) = look_at_audit(seen.store, seen.plane.head)
    assert (found.status, found.name) == ("fail", "audit")
    assert seen.store.responses.breaker().tripped


@pytest.mark.parametrize("name", REWRITES)
def test_nothing_is_carried_out_while_the_audit_is_not_what_it_was(site: Site, name: str) -> None:
    site.approve()
    Responder(site.plane).keep_watch()
    site.plane.require_audit()
    REWRITES[name](site)
    responder = Responder(site.plane)
    assert len(responder.look()) == 1
    # Told once, though it looks each second; and a breaker that they reset, too, helps them no further.
    assert responder.look() == []
    reset = {"tripped": False, "given_by": "system:one", "why": "all is well", "at": site.clock()}
    sql(site, sa.insert(BREAKER).values(reset))
    responder.look()
    (waiting,) = site.store.responses.to_carry_out()
    with pytest.raises(TamperedError, match="somebody rewrote the case store"):
        site.plane.contain(waiting)
    assert site.robbery.key_status() == "Active"


def test_an_audit_that_only_grew_is_what_it_was(seen: Site) -> None:
    seen.store.responses.audit("refused", None, {"said": "no"}, seen.clock())
    assert Responder(seen.plane).look() == []
    (found,) = look_at_audit(seen.store, seen.plane.head)
    rows = len(seen.store.responses.audit_rows())
    assert found == Check("audit", "ok", f"{rows} rows, a whole chain, and holds all that this host saw")


def test_after_a_restore_a_person_says_so_by_deleting_the_file(seen: Site) -> None:
    cut_off(seen)
    assert Responder(seen.plane).look()
    seen.plane.head.path.unlink()
    assert Responder(seen.plane).look() == []


def test_a_head_that_says_nothing_is_no_reason_to_go_on(seen: Site) -> None:
    seen.plane.head.path.write_text("all is well")
    (said,) = Responder(seen.plane).look()
    assert said.endswith("does not say how the audit ended: restore it, or delete it.")


def test_one_host_tells_two_case_stores_apart_and_no_password_matters(seen: Site) -> None:
    head = seen.plane.head
    urls = ("postgresql://a:old@db/cases", "postgresql://b:new@db/cases", "postgresql://a:old@db/others")
    one, same, other = (type(head).of(head.path.parent, "unused", url).path for url in urls)
    assert one == same != other
    assert replace(head, path=one) != head


def test_a_changed_row_in_the_middle_breaks_the_chain(seen: Site) -> None:
    sql(seen, sa.update(AUDIT).where(AUDIT.c.number == 1).values(document="{}"))
    (found,) = look_at_audit(seen.store, None)
    assert (found.status, found.said) == ("fail", "audit row 1 was changed after it was written")
