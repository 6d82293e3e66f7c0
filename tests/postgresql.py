"""A PostgreSQL server of the tests' own, in a temporary folder."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import psycopg
import pytest

USER, PASSWORD = "postgres", "example-password"  # of a server that lives as long as the tests
# Nothing here has to outlive a power cut.
QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")
WAIT_SECONDS = 60


def programs() -> Path | None:
    """Return the folder of PostgreSQL's own programs, the newest where there are several; Debian's are not on PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(debian, key=lambda folder: int(folder.parent.name), default=None)


@dataclass
class Server:
    """One server; `start` and `stop` may be called again and again."""

    programs: Path
    folder: Path
    port: int
    user: dict[str, Any]
    process: subprocess.Popen[Any] | None = field(default=None, init=False)

    def url(self, database: str = "postgres", *, password: str = PASSWORD, user: str = USER) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def make(self) -> None:
        """Make the server's files."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        options = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--username={USER}", f"--pwfile={secret}"]
        self._call("initdb", f"--pgdata={self.folder / 'files'}", "--encoding=UTF8", "--no-sync", *options)

    def start(self) -> None:
        settings = [f"-c{each}" for each in (*QUICK, "listen_addresses=127.0.0.1")]
        # Tests that are killed take the server with them, where the system can do that.
        setpriv = shutil.which("setpriv")
        command = [
            *([setpriv, "--pdeathsig", "INT"] if setpriv else []),
            str(self.programs / "postgres"),
            f"-D{self.folder / 'files'}",
            f"-k{self.folder}",
            f"-p{self.port}",
            *settings,
        ]
        log = self.folder / "log"
        with log.open("ab") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, cwd=self.folder, **self.user)
        self.process = process
        deadline = time.monotonic() + WAIT_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {log.read_text()[-2_000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it at once: what is connected is cut off."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(WAIT_SECONDS)
            self.process = None

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, options: str = "") -> Iterator[str]:
        """Give the URL of an empty database, which is dropped at the end."""
        name = f"cases_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} {options}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            check=False,
            **self.user,
        )
        assert done.returncode == 0, done.stdout


@contextmanager
def server() -> Iterator[Server]:
    """Give a running server; without PostgreSQL the tests that need it are skipped, in CI they fail."""
    found = programs()
    if found is None:
        reason = "no PostgreSQL here: install Debian's package postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    # Not pytest's own folder: that one is closed to others, and its name too long for a socket.
    folder = Path(mkdtemp(prefix="pg-"))
    user = _unprivileged(folder)
    started = Server(found, folder, _free_port(), user)
    try:
        started.make()
        started.start()
        yield started
    finally:
        started.stop()
        shutil.rmtree(folder)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Whom to start the programs as: they refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
