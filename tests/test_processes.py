import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefect_cloudtrail.errors import CloudTrailResponseError, SettingsError
from prefect_cloudtrail.networks import Networks
from prefect_cloudtrail.processes import Processes


def test_work_is_done_in_other_processes_and_answered_in_order() -> None:
    with Processes(2) as processes:
        futures = [processes.submit(pow, number, 2) for number in range(20)]
        others = {processes.submit(os.getpid).result() for _ in range(20)}
    assert [future.result() for future in futures] == [number**2 for number in range(20)]
    assert os.getpid() not in others
    assert len(others) <= 2


def test_what_is_printed_there_comes_not_between_the_answers(capfd: pytest.CaptureFixture[str]) -> None:
    with Processes(1) as processes:
        assert processes.submit(print, "here").result() is None
        assert processes.submit(abs, -1).result() == 1
    assert capfd.readouterr() == ("", "here\n")


def test_an_error_there_is_raised_here_and_the_process_goes_on() -> None:
    with Processes(1) as processes:
        reading = processes.submit(Networks.read, Path("nowhere.csv"))
        with pytest.raises(SettingsError, match=r"^cannot read the list of networks nowhere\.csv"):
            reading.result()
        assert processes.submit(abs, -1).result() == 1


@pytest.mark.parametrize("asked_first", [True, False])
def test_a_process_that_was_killed_is_said_and_not_waited_for(asked_first: bool) -> None:
    with Processes(1) as processes:
        pid = processes.submit(os.getpid).result()
        waiting = processes.submit(time.sleep, 60) if asked_first else None
        os.kill(pid, signal.SIGKILL)
        while _lives(pid):
            time.sleep(0.01)
        waiting = waiting or processes.submit(time.sleep, 0)
        with pytest.raises(CloudTrailResponseError, match=r"ended with -9, .* PREFECT_CLOUDTRAIL_PROCESSES to fewer"):
            waiting.result()


def test_processes_end_with_the_one_that_started_them() -> None:
    # given a program that shows the process it has started
    program = (
        "import os, time\n"
        "from prefect_cloudtrail.processes import Processes\n"
        "with Processes(1) as processes:\n"
        "    print(processes.submit(os.getpid).result(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        pid = int(started.stdout.readline())
        # when it is killed
        started.kill()
    # then the other one ends by itself
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _lives(pid):
        time.sleep(0.05)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - what a process is, not a file
            return stat.read().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second where it ends between the two
        return False
