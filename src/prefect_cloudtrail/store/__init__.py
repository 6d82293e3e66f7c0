"""The case store (SQL) and the files it names (Parquet)."""

from prefect_cloudtrail.store.backup import Backup
from prefect_cloudtrail.store.bucket import BucketHome
from prefect_cloudtrail.store.case_store import Store
from prefect_cloudtrail.store.change import LEDGER, OBJECT, Change
from prefect_cloudtrail.store.database import FILE_NAME, Kind
from prefect_cloudtrail.store.files import KINDS, FileEntry, FileHome, FileKind
from prefect_cloudtrail.store.folder import FolderHome
from prefect_cloudtrail.store.leases import Lease
from prefect_cloudtrail.store.merging import MERGED_ROWS, compaction
from prefect_cloudtrail.store.outbox import OutboxRow
from prefect_cloudtrail.store.replacement import Replacement
from prefect_cloudtrail.store.responses import Responses

# What a state folder holds: the database with its two companions, and the folders of files.
STATE_FILES = (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", *KINDS)

__all__ = [
    "LEDGER",
    "MERGED_ROWS",
    "OBJECT",
    "STATE_FILES",
    "Backup",
    "BucketHome",
    "Change",
    "FileEntry",
    "FileHome",
    "FileKind",
    "FolderHome",
    "Kind",
    "Lease",
    "OutboxRow",
    "Replacement",
    "Responses",
    "Store",
    "compaction",
]
