"""The case store (SQL) and the files it names (Parquet)."""

from prefect_cloudtrail.store.case_store import Store
from prefect_cloudtrail.store.change import EVENT_KEY, LEDGER, OBJECT, Change
from prefect_cloudtrail.store.database import FILE_NAME, Kind
from prefect_cloudtrail.store.files import KINDS, FileEntry, FileKind
from prefect_cloudtrail.store.leases import Lease
from prefect_cloudtrail.store.outbox import OutboxRow

# What a state folder holds: the database with its two companions, and the folders of files.
STATE_FILES = (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", *KINDS)

__all__ = [
    "EVENT_KEY",
    "LEDGER",
    "OBJECT",
    "STATE_FILES",
    "Change",
    "FileEntry",
    "FileKind",
    "Kind",
    "Lease",
    "OutboxRow",
    "Store",
]
