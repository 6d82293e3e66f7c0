"""One detector works at a time, and one that stalled past its time cannot commit."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from store.backends import Backend
from store.case_builders import NOW, a_change, objects, presences

from prefect_cloudtrail.errors import LeaseHeldError
from prefect_cloudtrail.store import Store

# Nothing here asks where the files are.
pytestmark = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)

TESTS = Path(__file__).parents[1]
MINUTE = timedelta(minutes=1)


def test_a_held_lease_says_who_and_until_when(store: Store) -> None:
    with (
        store.lease("detect", "host-a:17", minutes=10, now=NOW),
        pytest.raises(LeaseHeldError, match="host-a:17 holds it until 2026-02-02T10:25:00Z"),
        store.lease("detect", "host-b:4", minutes=10, now=NOW + 9 * MINUTE),
    ):
        pytest.fail("two held the lease")


def test_leases_of_other_names_are_free(store: Store) -> None:
    with store.lease("detect", "a", 10, NOW) as one, store.lease("respond", "b", 10, NOW) as other:
        assert (one.name, other.name) == ("detect", "respond")


def test_a_lease_is_given_back_at_the_end_and_on_an_error(store: Store) -> None:
    with store.lease("detect", "a", 10, NOW):
        pass
    with pytest.raises(ZeroDivisionError), store.lease("detect", "b", 10, NOW):
        raise ZeroDivisionError
    with store.lease("detect", "c", 10, NOW) as lease:
        assert lease.token == 3


@pytest.mark.parametrize(("minutes", "free"), [(9, False), (10, True)])
def test_a_lease_past_its_time_can_be_taken_over(store: Store, minutes: int, free: bool) -> None:
    with store.lease("detect", "stalled", 10, NOW):
        try:
            with store.lease("detect", "next", 10, NOW + minutes * MINUTE):
                taken = True
        except LeaseHeldError:
            taken = False
    assert taken == free


def test_who_stalled_past_the_lease_cannot_commit(store: Store, backend: Backend) -> None:
    with store.lease("detect", "stalled", 10, NOW) as old, store.lease("detect", "next", 10, NOW + 11 * MINUTE) as new:
        with pytest.raises(LeaseHeldError, match=r"stalled no longer holds .* \(next does\)"):
            store.commit(a_change("run-1", objects=objects("a.json"), presences=presences("ana")), old)
        store.commit(a_change("run-2", objects=objects("b.json")), new)
    assert store.ledger()["log.file.path"].to_list() == ["b.json"]
    assert backend.files() == set()


def test_who_lost_the_lease_does_not_give_back_that_of_another(store: Store) -> None:
    with store.lease("detect", "stalled", 10, NOW):
        taken_over = store.lease("detect", "next", 10, NOW + 11 * MINUTE)
        new = taken_over.__enter__()
    store.commit(a_change(), new)
    taken_over.__exit__(None, None, None)
    assert len(store.runs()) == 1


def test_a_lease_given_back_commits_no_more(store: Store) -> None:
    with store.lease("detect", "a", 10, NOW) as lease:
        pass
    with pytest.raises(LeaseHeldError, match="nobody"):
        store.commit(a_change(), lease)


def test_a_renewed_lease_holds_for_its_minutes_more(store: Store) -> None:
    with store.lease("detect", "a", 10, NOW) as lease:
        lease.renew(NOW + 8 * MINUTE)
        with pytest.raises(LeaseHeldError, match="10:33:00Z"), store.lease("detect", "b", 10, NOW + 17 * MINUTE):
            pytest.fail("two held the lease")


def test_a_lost_lease_cannot_be_renewed(store: Store) -> None:
    with store.lease("detect", "a", 10, NOW) as old, store.lease("detect", "b", 10, NOW + 11 * MINUTE) as new:
        with pytest.raises(LeaseHeldError) as told:
            old.renew(NOW + 12 * MINUTE)
        assert re.sub(r"holds \S+ ", "holds it ", str(told.value)) == (
            "a no longer holds it (b does): what it stored before stays, and the next run goes on from there"
        )
        new.renew(NOW + 12 * MINUTE)


def test_processes_that_open_and_take_turns_never_meet(backend: Backend, tmp_path: Path) -> None:
    number = tmp_path / "number"
    number.write_text("0")
    jobs = ["count", *backend.words(), str(number)] * 3
    ended = subprocess.run(
        [sys.executable, "-m", "store.worker", *jobs],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.split() == ["0", "0", "0"]
    assert number.read_text() == "30"
