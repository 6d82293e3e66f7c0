"""Which process works, written so that a later one on the same machine can tell whether it is gone.

Only Linux says it: a process is known by its boot of the machine, its process namespace (a container has its own), its
number, and when it started. Elsewhere nothing is known, and a lease's time decides.
"""

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = "-"
_PROC = Path("/proc")
_WRITTEN = re.compile(r"(?P<owner>.*) \[(?P<host>\S+) (?P<machine>\S+) (?P<pid>\d+) (?P<started>\S+)\]", re.DOTALL)
# Killed, but not yet asked after by its parent; and the last moment of all.
_GONE_STATES = ("Z", "X")


@dataclass(frozen=True)
class Process:
    """One process; `machine` says where its number means it, `started` tells it from a later one of the same number."""

    host: str
    machine: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def is_gone(self) -> bool:
        """Return whether it surely works no more; False where that is not known."""
        if UNKNOWN in {self.machine, self.started} or self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it is another user's; what is asked below may be public all the same
        found = _stat(self.pid)
        return found is not None and (found[0] in _GONE_STATES or found[1] != self.started)


def this_process() -> Process:
    """Return the process that asks."""
    found = _stat(os.getpid())
    host = re.sub(r"\s", "", socket.gethostname())
    return Process(host or UNKNOWN, _machine(), os.getpid(), found[1] if found else UNKNOWN)


def write_owner(owner: str, process: Process) -> str:
    """Return the owner and its process as one text, which `read_owner` takes apart."""
    return f"{owner} [{process.host} {process.machine} {process.pid} {process.started}]"


def read_owner(written: str) -> tuple[str, Process | None]:
    """Return the owner, and its process where one was written."""
    found = _WRITTEN.fullmatch(written)
    if not found:
        return written, None
    return found["owner"], Process(found["host"], found["machine"], int(found["pid"]), found["started"])


def _machine() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return UNKNOWN


def _stat(pid: int) -> tuple[str, str] | None:
    """The process's state, and when it started in ticks since the machine did; None where it cannot be read."""
    try:
        text = (_PROC / f"{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may hold anything; the state is the third field.
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]
