"""Work that goes on beside other work, in a thread of its own, until the end."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from prefect_cloudtrail.errors import CloudTrailResponseError

_log = logging.getLogger(__name__)
ENDS_WITHIN_SECONDS = 30.0


@contextmanager
def repeated(
    name: str, work: Callable[[], Sequence[str]], say: Callable[[str], None], every_seconds: float
) -> Iterator[None]:
    """Do the work again and again, and say its lines; what goes wrong is said, and it goes on.

    Args:
        name: the thread's.
        work: one round.
        say: told each line.
        every_seconds: how long it rests between two rounds.
    """
    stop = Event()

    def go_on() -> None:
        while not stop.is_set():
            try:
                for line in work():
                    say(line)
            except CloudTrailResponseError as error:
                _log.error("%s: %s", name, error)
                say(f"{name}: {error}")
            except Exception:  # noqa: BLE001 - a thread that ended would be missed by nobody
                _log.exception("%s failed; it goes on", name)
            stop.wait(every_seconds)

    thread = Thread(target=go_on, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(ENDS_WITHIN_SECONDS)
