"""The faults of the drill: disks, rights, clocks, S3, geo databases, the case store, memory, signals."""

import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench.drills.faults import BY_RUNS, Fault, MissedError, Promise, Site, keys
from bench.drills.processes import Ended, start_forked
from bench.drills.s3_server import Fault as Answer
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.database import BUSY_SECONDS, FILE_NAME, migrations

LISTING, OBJECTS = "/trail", ".json.gz"
FOR_EVER, BRIEFLY = 1_000_000, 3
NO_CAPABILITIES = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
# Longer than any commit takes after its files are there.
COMMIT_SECONDS = 0.1
# About what a run takes; one that is over before its signal is tried again.
RUN_SECONDS = 3.0


# What is needed, and not there everywhere


def _without(*programs: str) -> Callable[[], str | None]:
    def lacks() -> str | None:
        missing = [each for each in programs if shutil.which(each) is None]
        return f"no {' and no '.join(missing)} here" if missing else None

    return lacks


def _no_mounts() -> str | None:
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "this user may not mount" if tried.returncode else None


# Disks and rights


@contextmanager
def _small_disk(site: Site, free_kb: int) -> Iterator[None]:
    """Have the state on a disk of its own, on which so much is free."""
    there = site.folder / "there"
    site.state.rename(there)
    site.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", site.state], check=True)
    try:
        shutil.copytree(there, site.state, dirs_exist_ok=True)
        filled = site.state / "filled"
        room = os.statvfs(site.state)
        filled.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - free_kb * 1024)))
        yield
        filled.unlink()
        shutil.rmtree(there)
        shutil.copytree(site.state, there)
    finally:
        subprocess.run(["umount", site.state], check=True)
        site.state.rmdir()
        there.rename(site.state)


def _disk_full(site: Site, free_kb: int) -> Ended:
    with _small_disk(site, free_kb):
        return site.run()


def _disk_read_only(site: Site) -> Ended:
    with _small_disk(site, 1_000):
        subprocess.run(["mount", "-o", "remount,ro", site.state], check=True)
        try:
            return site.run()
        finally:
            subprocess.run(["mount", "-o", "remount,rw", site.state], check=True)


def _files_limited(site: Site, most_kb: int) -> Ended:
    return site.run(through=["prlimit", f"--fsize={most_kb * 1024}"])


def _read_only(site: Site, names: Callable[[Path], bool]) -> Ended:
    """Take the right to write away, from root, too."""
    paths = [path for path in (site.state, *site.state.rglob("*")) if names(path)]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(modes[path] & ~0o222)
    try:
        return site.run(through=NO_CAPABILITIES if os.geteuid() == 0 else ())
    finally:
        for path in paths:
            path.chmod(modes[path])


# Clocks and memory


def _clock(site: Site, ahead: timedelta, speed: str = "") -> Ended:
    at = site.organisation.steps[1].until + ahead
    return site.run(
        through=["faketime", "-f", f"@{at:%Y-%m-%d %H:%M:%S}{speed}"],
        environment={"TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1"},
        until=False,
    )


def _memory(site: Site, most_mb: int) -> Ended:
    # What an aborted process would leave is of no use to anybody.
    return site.run(through=["prlimit", f"--as={most_mb * 2**20}", "--core=0"])


# S3


def _answers(site: Site, answer: Answer, *, ending: str = OBJECTS, times: int = FOR_EVER, spared: int = 0) -> Ended:
    site.server.fail("GET", ending, answer, times, spared)
    return site.run()


def _newest_answers(site: Site, answer: Answer, times: int = FOR_EVER) -> Ended:
    return _answers(site, answer, ending=keys(site.trail)[-1], times=times)


# Geo databases


def _geo(site: Site, spoil: Callable[[Path], object]) -> Ended:
    """Spoil the city database before the run."""
    spoil(site.city_db)
    try:
        return site.run()
    finally:
        shutil.copy(site.organisation.generated.city_db, site.city_db)


def _geo_meanwhile(site: Site, spoil: Callable[[Path], object]) -> Ended:
    """Spoil the city database as the first log object is asked for: it is open by then, and nothing is placed yet."""
    site.server.fail("GET", OBJECTS, once(partial(spoil, site.city_db)))
    try:
        return site.run()
    finally:
        replaced(site.city_db, site.organisation.generated.city_db)


def once(do: Callable[[], object]) -> Answer:
    """Return the right answer, after something was done before the first of them."""
    done = threading.Lock()

    def after() -> None:
        if done.acquire(blocking=False):
            do()

    return Answer(after=after)


def halve(path: Path) -> None:
    """Cut a file in its middle, in its place."""
    os.truncate(path, path.stat().st_size // 2)


def replaced(path: Path, by: Path) -> None:
    """Move a copy of another file into a file's place, as updates should."""
    beside = path.with_suffix(".new")
    shutil.copy(by, beside)
    beside.rename(path)


# The case store


def _locked(site: Site, seconds: float | None) -> Ended:
    """Have somebody else write to SQLite for so long, or until the run ends, from the moment its files are there."""
    running = site.begin()
    with closing(sqlite3.connect(site.state / FILE_NAME, isolation_level=None)) as other:
        with site.frozen(running, _index_is_there):
            # The run may have begun to write.
            other.execute("PRAGMA busy_timeout = 0")
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                running.kill()
                raise MissedError from error
        if seconds is None:
            return running.wait()
        time.sleep(seconds)
        other.execute("ROLLBACK")
    return running.wait()


def _cut_off(site: Site, *, down: bool) -> Ended:
    """Cut every connection of PostgreSQL as the run's files are there; with `down` it takes no new ones either."""
    url = sa.make_url(site.database or "")
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    running = site.begin()
    with engine.connect() as admin:
        with site.frozen(running, _index_is_there):
            if down:
                admin.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
            admin.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": url.database},
            )
        try:
            return running.wait()
        finally:
            admin.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true"))
            engine.dispose()


def _index_is_there(before: set[str], now: set[str]) -> bool:
    return any(name.startswith("index/") for name in now - before)


# Signals


def _signalled(site: Site, sent: signal.Signals) -> Ended:
    """Signal at any moment of a run's usual time."""
    running = site.begin()
    time.sleep(site.chance.uniform(0, RUN_SECONDS))
    if running.pid is None or running.is_over():
        running.wait()
        raise MissedError
    os.kill(running.pid, sent)
    return running.wait()


def _killed_when(site: Site, shows: Callable[[set[str], set[str]], bool], *, step: int = 1) -> Ended:
    running = site.begin(step=step)
    with site.frozen(running, shows):
        running.kill()
    return running.wait()


def _usual_is_there(before: set[str], now: set[str]) -> bool:
    return any(name.startswith("usual/") for name in now - before)


def _usual_is_replaced(before: set[str], now: set[str]) -> bool:
    return any(name.startswith("usual/") for name in before - now)


def _in_many_commits(site: Site) -> None:
    """Learn the first days in so many commits that the next ones merge their files."""
    ended = start_forked(site.arguments(site.organisation.steps[0]), chunk_bytes=_chunk_bytes(site)).wait()
    if ended.status != 0:
        raise RuntimeError(ended.said)


def _chunk_bytes(site: Site) -> int:
    return sum((site.trail / key).stat().st_size for key in keys(site.trail)) // 80


def _killed_as_it_merges(site: Site) -> Ended:
    running = start_forked(site.arguments(site.organisation.steps[1]), chunk_bytes=_chunk_bytes(site))
    with site.frozen(running, _many_are_gone):
        running.kill()
    return running.wait()


def _many_are_gone(before: set[str], now: set[str]) -> bool:
    return sum(name.startswith(("presences/", "index/")) for name in before - now) > 1


def _of_an_older_version(site: Site) -> None:
    """Make an empty state as the version before the last migration made it."""
    from alembic import command  # noqa: PLC0415 - takes as long as a run

    Store.open(site.state).close()
    path = site.state / FILE_NAME
    path.unlink()
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA journal_mode = WAL")
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.execute(sa.text("INSERT INTO state (number, kind) VALUES (1, 'live')"))
    engine.dispose()


def _killed_as_it_migrates(site: Site) -> Ended:
    """Kill it some time after it has begun to write to the database, which a migration does first of all."""
    log, running = site.state / f"{FILE_NAME}-wal", site.begin(step=0)
    while not log.exists() or not log.stat().st_size:
        if running.is_over():
            running.wait()
            raise MissedError
        time.sleep(0.0002)
    time.sleep(site.chance.uniform(0, COMMIT_SECONDS))
    running.kill()
    return running.wait()


def _reader_killed(site: Site) -> Ended:
    """Kill one of the processes that read."""
    running = start_forked(site.arguments(site.organisation.steps[1]), processes=2)
    while not running.is_over():
        found = [pid for pid in _children(running.pid) if b"prefect_cloudtrail.processes" in _command(pid)]
        if found:
            os.kill(found[-1], signal.SIGKILL)
            return running.wait()
        time.sleep(0.0002)
    running.wait()
    raise MissedError


def _children(pid: int | None) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# All of them


def faults() -> list[Fault]:
    """Return every fault, in the order in which they are tried."""
    return [*_of_disks(), *_of_clocks(), *_of_s3(), *_of_geo(), *_of_the_case_store(), *_of_processes()]


def _of_disks() -> Iterator[Fault]:
    for free_kb in (0, 8, 32, 64, 128, 256, 512):
        full = partial(_disk_full, free_kb=free_kb)
        says = "no room left|has room|there is room"
        yield Fault(f"disk full, {free_kb} KB free", Promise.IN_A_LINE, full, says, lacks=_no_mounts)
    for most_kb in (16, 64, 256):
        limited = partial(_files_limited, most_kb=most_kb)
        yield Fault(f"no file over {most_kb} KB", Promise.IN_A_LINE, limited, lacks=_without("prlimit"))
    yield Fault(
        "state folder read-only",
        Promise.FAILS,
        partial(_read_only, names=lambda path: path.is_dir()),
        "is not writable: give this user the rights",
        lacks=_without("setpriv"),
    )
    yield Fault(
        "case store read-only",
        Promise.FAILS,
        partial(_read_only, names=lambda path: path.name.startswith(FILE_NAME)),
        "is not writable: give this user the rights",
        lacks=_without("setpriv"),
    )
    yield Fault("disk read-only", Promise.FAILS, _disk_read_only, "is not writable", lacks=_no_mounts)


def _of_clocks() -> Iterator[Fault]:
    for name, ahead, speed in (
        ("clock 6 hours back", -timedelta(hours=6), ""),
        ("clock 3 days back", -timedelta(days=3), ""),
        ("clock 6 hours ahead", timedelta(hours=6), ""),
        ("clock a year ahead", timedelta(days=365), ""),
        ("clock runs 1,000 times as fast", timedelta(0), " x1000"),
    ):
        wrong = partial(_clock, ahead=ahead, speed=speed)
        yield Fault(name, Promise.DONE, wrong, left_out=BY_RUNS, lacks=_without("faketime"))


def _of_s3() -> Iterator[Fault]:
    slow_down, broken = Answer(503, "SlowDown"), Answer(500, "InternalError")
    gone, denied = Answer(404, "NoSuchKey"), Answer(403, "AccessDenied")
    for name, promise, disturb, says in (
        ("S3 throttles for a while", Promise.DONE, partial(_answers, answer=slow_down, times=20), ""),
        ("S3 throttles on", Promise.FAILS, partial(_answers, answer=slow_down), "throttled it for too long"),
        (
            "S3 throttles the listing on",
            Promise.FAILS,
            partial(_answers, answer=slow_down, ending=LISTING),
            "throttled",
        ),
        ("S3 fails for a while", Promise.DONE, partial(_answers, answer=broken, times=20), ""),
        ("S3 fails on", Promise.FAILS, partial(_answers, answer=broken), "S3 answered 500"),
        ("S3 is slow", Promise.DONE, partial(_answers, answer=Answer(late=2), times=20), ""),
        ("a body is cut off for a while", Promise.DONE, partial(_answers, answer=Answer(cut=50), times=BRIEFLY), ""),
        ("bodies are cut off", Promise.FAILS, partial(_answers, answer=Answer(cut=50)), "cannot read"),
        ("a body is short, and says so", Promise.IN_PART, partial(_newest_answers, answer=Answer(short=50)), ""),
        ("bodies are short, and say so", Promise.FAILS, partial(_answers, answer=Answer(short=50)), "only 50 of"),
        ("an object is gone", Promise.IN_PART, partial(_newest_answers, answer=gone), ""),
        ("all objects are gone", Promise.FAILS, partial(_answers, answer=gone), "it is there no longer"),
        ("an object is refused", Promise.IN_PART, partial(_newest_answers, answer=denied), ""),
        ("all objects are refused", Promise.FAILS, partial(_answers, answer=denied), "grant s3:GetObject"),
        ("the listing is refused", Promise.FAILS, partial(_answers, answer=denied, ending=LISTING), "s3:ListBucket"),
        (
            "the listing is cut off",
            Promise.FAILS,
            partial(_answers, answer=Answer(cut=400), ending=LISTING),
            "cannot list",
        ),
        (
            "the listing is short",
            Promise.FAILS,
            partial(_answers, answer=Answer(short=400), ending=LISTING),
            "cannot list",
        ),
    ):
        yield Fault(name, promise, disturb, says, in_s3=True, left_out=BY_RUNS if promise is Promise.IN_PART else ())


def _of_geo() -> Iterator[Fault]:
    yield Fault("city database missing", Promise.FAILS, partial(_geo, spoil=Path.unlink), "city.mmdb")
    yield Fault("city database halved", Promise.FAILS, partial(_geo, spoil=halve), "city.mmdb")
    yield Fault(
        "city database empty", Promise.FAILS, partial(_geo, spoil=lambda path: path.write_bytes(b"")), "city.mmdb"
    )
    yield Fault(
        "city database halved meanwhile",
        Promise.STOPS,
        partial(_geo_meanwhile, spoil=halve),
        "was written over while it was read",
        in_s3=True,
    )
    yield Fault("city database deleted meanwhile", Promise.DONE, partial(_geo_meanwhile, spoil=Path.unlink), in_s3=True)


def _of_the_case_store() -> Iterator[Fault]:
    yield Fault("SQLite locked for 3 s", Promise.DONE, partial(_locked, seconds=3))
    yield Fault(
        "SQLite locked for longer",
        Promise.FAILS,
        partial(_locked, seconds=None),
        f"is busy for over {BUSY_SECONDS} s",
        is_slow=True,
    )
    yield Fault("PostgreSQL cuts off", Promise.DONE, partial(_cut_off, down=False), in_postgresql=True)
    yield Fault("PostgreSQL is down", Promise.FAILS, partial(_cut_off, down=True), in_postgresql=True)


def _of_processes() -> Iterator[Fault]:
    for most_mb in (300, 600, 900, 1_200, 1_600, 2_400):
        limited = partial(_memory, most_mb=most_mb)
        yield Fault(f"memory of {most_mb} MB", Promise.EITHER, limited, lacks=_without("prlimit"))
    yield Fault("a process that reads is killed", Promise.FAILS, _reader_killed, "a process that reads ended with -9")
    for number in range(1, 6):
        ended = partial(_signalled, sent=signal.SIGTERM)
        yield Fault(f"SIGTERM at any moment ({number})", Promise.STOPS, ended)
    yield Fault("SIGINT at any moment", Promise.STOPS, partial(_signalled, sent=signal.SIGINT))
    yield Fault("killed as it rolls up", Promise.STOPS, partial(_killed_when, shows=_usual_is_there))
    yield Fault("killed as it has rolled up", Promise.STOPS, partial(_killed_when, shows=_usual_is_replaced))
    yield Fault(
        "killed as it merges files",
        Promise.STOPS,
        _killed_as_it_merges,
        base=_in_many_commits,
        left_out=(*BY_RUNS, "presences", "usual"),
        is_slow=True,
    )
    for number in range(1, 4):
        yield Fault(
            f"killed as it migrates ({number})",
            Promise.STOPS,
            _killed_as_it_migrates,
            step=0,
            base=_of_an_older_version,
        )
    yield Fault("killed as it makes its tables", Promise.STOPS, _killed_as_it_migrates, step=0)
