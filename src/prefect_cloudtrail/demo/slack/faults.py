"""What a test or a drill may make of the local Slack: down, slow, rate limited, ambiguous, dropping its sockets."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, RLock

EVERY = "*"
# The one part of Slack that is no method of the Web API: where sockets are opened.
LINK = "link"


@dataclass
class Fault:
    """What happens to the next calls of a method instead of, or around, what it does.

    `calls` counts down to 0; None is for ever.
    """

    method: str
    calls: int | None
    down: bool = False
    status: int | None = None
    seconds: float = 0
    retry_after: int | None = None
    error: str | None = None
    ambiguous: bool = False
    until: Event | None = None


@dataclass
class Sockets:
    """What befalls Socket Mode.

    Args:
        drop_every: seconds after which each connection is closed; None is never.
        times: how often each envelope is delivered.
        redeliver_after: seconds without acknowledgement after which an envelope is delivered once more; None is never.
        ignore_acks: acknowledgements do not count.
    """

    drop_every: float | None = None
    times: int = 1
    redeliver_after: float | None = None
    ignore_acks: bool = False


@dataclass
class Faults:
    """The faults that are on, and how often each method was called; from any thread."""

    sockets: Sockets = field(default_factory=Sockets)
    _on: list[Fault] = field(default_factory=list)
    _calls: Counter[str] = field(default_factory=Counter)
    _lock: RLock = field(default_factory=RLock)

    def down(self, method: str = EVERY, *, calls: int | None = None, status: int | None = None) -> None:
        """Close the connection of each call without doing its work, or answer it with this status (503)."""
        self._add(Fault(method, calls, down=True, status=status))

    def slow(self, seconds: float, method: str = EVERY, *, calls: int | None = None) -> None:
        """Do each call's work only after so many seconds."""
        self._add(Fault(method, calls, seconds=seconds))

    @contextmanager
    def held(self, method: str = EVERY, *, calls: int | None = None) -> Iterator[None]:
        """Do each call's work only once the block is over."""
        until = Event()
        self._add(Fault(method, calls, until=until))
        try:
            yield
        finally:
            until.set()

    def rate_limited(self, retry_after: int, method: str = EVERY, *, calls: int | None = 1) -> None:
        """Answer the next calls with 429 and `Retry-After`, in seconds."""
        self._add(Fault(method, calls, retry_after=retry_after))

    def ambiguous(self, method: str = EVERY, *, calls: int | None = 1) -> None:
        """Do the next calls' work, and close the connection before the answer."""
        self._add(Fault(method, calls, ambiguous=True))

    def error(self, error: str, method: str = EVERY, *, calls: int | None = 1) -> None:
        """Answer the next calls with this error, and do nothing."""
        self._add(Fault(method, calls, error=error))

    def clear(self) -> None:
        """Switch every fault off; the counts stay."""
        with self._lock:
            self._on.clear()
            self.sockets = Sockets()

    def calls(self, method: str) -> int:
        """Return how often a method was called, whatever came of it."""
        with self._lock:
            return self._calls[method]

    def counts(self) -> dict[str, int]:
        """Return how often each method was called."""
        with self._lock:
            return dict(self._calls)

    def of(self, method: str) -> list[Fault]:
        """Count one call of a method, and return the faults that befall it."""
        with self._lock:
            self._calls[method] += 1
            # Signing in and opening sockets are told apart, so that one can go on without the other.
            met = [each for each in self._on if each.method in {EVERY, method}]
            for each in met:
                if each.calls is not None:
                    each.calls -= 1
            self._on = [each for each in self._on if each.calls != 0]
            return met

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._on.append(fault)
