"""How far the audit went, kept on the responder's host, where nobody who writes to the case store can change it.

A chain of hashes shows a row that was changed. That its end was cut off, or that all of it was written anew, only
somebody sees who knows how it ended.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from prefect_cloudtrail.errors import SettingsError, TamperedError
from prefect_cloudtrail.response.audit import AuditRow
from prefect_cloudtrail.response.signing import write
from prefect_cloudtrail.store import Store


@dataclass(frozen=True)
class Head:
    """The file that says how the audit of one case store ended; beside the keys, and as guarded as they are."""

    path: Path

    @classmethod
    def of(cls, keys: Path, state: str, database: str | None) -> "Head":
        """Return the file for a case store, told apart from others by where it is, whoever opens it."""
        if database:
            url = sa.make_url(database)
            where = f"{url.get_backend_name()}://{url.host}:{url.port}/{url.database}"
        else:
            where = str(Path(state).expanduser().resolve())
        return cls(keys / f"audit-{hashlib.sha256(where.encode()).hexdigest()[:16]}.head")

    def require(self, store: Store) -> None:
        """Make sure that the audit holds what it held, and take note of how it ends now.

        Raises:
            TamperedError: the row that was its last is gone, or is another.
            SettingsError: the file cannot be read or written.
        """
        known, newest = self.check(store), store.responses.newest_audit_row()
        if newest is not None and _end(newest) != known:
            write(self.path, _end(newest).encode())

    def check(self, store: Store) -> str | None:
        """Return how the audit ended when it was last looked at, once it is sure that it holds that row still.

        Raises:
            TamperedError: the row is gone, or is another.
            SettingsError: the file cannot be read.
        """
        known = self._known()
        if known is None:
            return None
        number = int(known.partition(" ")[0])
        if _end(store.responses.audit_row(number)) != known:
            raise TamperedError(
                f"audit row {number}, which this host has seen, is gone or another one: somebody rewrote the case "
                f"store. Where that was you, as after a restore, delete {self.path}, and reset the breaker"
            )
        return known

    def _known(self) -> str | None:
        try:
            found = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.path} cannot be read: {error}; act as the responder's user") from error
        if not found.partition(" ")[0].isdecimal():
            raise SettingsError(f"{self.path} does not say how the audit ended: restore it, or delete it")
        return found


def _end(row: AuditRow | None) -> str:
    return f"{row.number} {row.hash}" if row else ""
