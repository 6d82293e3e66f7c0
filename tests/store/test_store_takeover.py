"""A detector that was killed costs the next one nothing; one that works keeps its lease however long it takes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from store.case_builders import NOW, a_change

from prefect_cloudtrail.errors import LeaseHeldError
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.processes import UNKNOWN, Process, read_owner, this_process, write_owner

BEAT = timedelta(milliseconds=10)
HOLDS = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from prefect_cloudtrail.store import Store
with Store.open(Path(sys.argv[1])) as store, store.lease("detect", "killed", 30, datetime.now(UTC)):
    print("held", flush=True)
    time.sleep(60)
"""


def until(store: Store, now: datetime) -> str:
    """Return until when the lease is held, as whoever asks is told."""
    with pytest.raises(LeaseHeldError) as told, store.lease("detect", "asks", 1, now):
        pytest.fail("two held the lease")
    found = re.search(r"until (\S+Z)", str(told.value))
    assert found
    return found[1]


def is_soon(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells whether a process is gone")
def test_the_lease_of_a_killed_process_is_free_at_once_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with Store.open(tmp_path) as store:
            refused = rf"killed holds it until \S+Z, and longer while process {holder.pid} on \S+ goes on; try again"
            with pytest.raises(LeaseHeldError, match=refused), store.lease("detect", "next", 2, datetime.now(UTC)):
                pytest.fail("two held the lease")

            # Not waited for yet, so it still has its number, as the child of a worker that looks away has.
            os.kill(holder.pid, signal.SIGKILL)
            os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
            with store.lease("detect", "next", 2, datetime.now(UTC)) as lease:
                store.commit(a_change(), lease)
                assert lease.token == 2

            holder.wait()
            assert len(store.runs()) == 1


def test_a_process_is_gone_only_where_that_is_sure() -> None:
    this = this_process()
    assert not this.is_gone()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    linux = this.machine != UNKNOWN
    assert replace(this, pid=ended.pid).is_gone() == linux
    assert replace(this, started="1").is_gone() == linux  # its number was given to a later process
    assert not replace(this, pid=ended.pid, machine="another").is_gone()
    assert not replace(this, pid=ended.pid, machine=UNKNOWN).is_gone()
    assert not replace(this, started=UNKNOWN).is_gone()


@pytest.mark.parametrize("owner", ["detect", "a [b] c", "two\nlines"])
def test_an_owner_is_read_as_it_was_written(owner: str) -> None:
    process = Process("host-a.example.com", "3f0c/4026531836", 17, "4711")
    assert read_owner(write_owner(owner, process)) == (owner, process)
    assert read_owner(owner) == (owner, None)


def test_a_lease_is_kept_while_the_work_goes_on(store: Store) -> None:
    now = datetime.now(UTC)
    with store.lease("detect", "works", 10, now - timedelta(minutes=9)) as lease:
        first = until(store, now)
        with lease.kept(BEAT):
            assert is_soon(lambda: until(store, now) > first)
        store.commit(a_change(), lease)


def test_a_lease_is_not_kept_for_work_that_hangs(store: Store) -> None:
    now = datetime.now(UTC)
    with store.lease("detect", "hangs", 10, now - timedelta(minutes=9)) as lease:
        first = until(store, now)
        with lease.kept(BEAT, patience=timedelta(milliseconds=-1)):
            time.sleep(20 * BEAT.total_seconds())
            assert until(store, now) == first
        with lease.kept(BEAT, patience=timedelta(minutes=1)) as show_life:
            show_life()
            assert is_soon(lambda: until(store, now) > first)


def test_a_lost_lease_is_not_taken_back_by_keeping_it(store: Store) -> None:
    with store.lease("detect", "stalled", 10, NOW) as old, store.lease("detect", "next", 10, NOW + timedelta(hours=1)):
        with old.kept(BEAT):
            time.sleep(10 * BEAT.total_seconds())
        with pytest.raises(LeaseHeldError, match=r"stalled no longer holds .* \(next does\)"):
            store.commit(a_change(), old)
        assert until(store, NOW) == "2026-02-02T11:25:00Z"
