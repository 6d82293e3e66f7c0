"""A state's files in S3."""

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import obstore
import polars as pl
from obstore.exceptions import BaseError
from obstore.store import S3Store

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store.files import KINDS, SUFFIX, FileEntry, encode, require_own
from prefect_cloudtrail.store.statements import batches

# Files are few and small; more at once would not be faster.
FETCHED_AT_ONCE = 8
# Written and deleted to see that both are allowed; not a name that the manifest could hold.
PROBE = "writable"

# By S3's error code; what is not here may pass.
TO_DO = {
    "AccessDenied": "allow {action} on it",
    "NoSuchKey": "the case store names it: restore it",
    "NoSuchBucket": "create the bucket, or correct --state",
    "PermanentRedirect": "set the bucket's own region",
    "AuthorizationHeaderMalformed": "set the bucket's own region",
    "ExpiredToken": "renew the credentials",
    "InvalidAccessKeyId": "correct the credentials",
    "SignatureDoesNotMatch": "correct the credentials",
}
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")


class BucketHome:
    """The files below one prefix of a bucket, copied to a folder of their own while they are read.

    A copy serves until `close`: the files never change, and what is looked up in them is read more than once.
    """

    def __init__(self, store: S3Store, bucket: str, prefix: str = "") -> None:
        """Take where the files lie; nothing is asked yet.

        Args:
            store: the whole bucket, with its own retries and limits on waiting.
            bucket: its name.
            prefix: the folder of the bucket, which is the state's alone.
        """
        self._store = store
        self._root = f"s3://{bucket}/"
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._copies: TemporaryDirectory[str] | None = None

    @property
    def where(self) -> str:
        """The prefix as a URL."""
        return f"{self._root}{self._prefix}".rstrip("/")

    def prepare(self) -> None:
        """Make sure that files can be written and deleted.

        Raises:
            StateError: says what is not allowed, or that there is no such bucket.
        """
        key = f"{self._prefix}{PROBE}"
        with self._asking("s3:PutObject", key):
            obstore.put(self._store, key, b"")
        with self._asking("s3:DeleteObject", key):
            obstore.delete(self._store, key)

    def write(self, name: str, frame: pl.LazyFrame) -> int:
        """Return the size of a new object with the frame's rows, stored whole before this returns.

        Raises:
            StateError: it cannot be stored.
        """
        copy, key = self._copy(name), f"{self._prefix}{name}"
        try:
            with copy.open("xb") as file:
                encode(frame, file)
            # In one request: of several, a kill could leave parts that cost and that no listing shows.
            with self._asking("s3:PutObject", key):
                obstore.put(self._store, key, copy, use_multipart=False)
            return copy.stat().st_size
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StateError(f"cannot write {copy}: {error}; see that there is room, then try again") from error

    def put(self, name: str, path: Path) -> None:
        """Store a copy of a file under a name, whole before this returns.

        Raises:
            StateError: it cannot be stored.
        """
        key = f"{self._prefix}{name}"
        with self._asking("s3:PutObject", key):
            obstore.put(self._store, key, path, use_multipart=False)

    def paths(self, entries: Sequence[FileEntry]) -> list[Path]:
        """Return where the files' copies lie.

        Raises:
            StateError: one is missing, or not as long as it was written.
        """
        require_own(entry.name for entry in entries)
        missing = [entry for entry in entries if not self._copy(entry.name).exists()]
        with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
            fetching = [pool.submit(self._fetch, entry) for entry in missing]
            try:
                for each in fetching:
                    each.result()
            finally:
                # Where one fails, nobody waits for the rest.
                pool.shutdown(cancel_futures=True)
        return [self._copy(entry.name) for entry in entries]

    def found(self) -> dict[str, datetime]:
        """Return the files that are there, and when each was written.

        Raises:
            StateError: they cannot be listed.
        """
        found = {}
        for kind in KINDS:
            prefix = f"{self._prefix}{kind}/"
            with self._asking("s3:ListBucket", prefix):
                for page in obstore.list(self._store, prefix):
                    for each in page:
                        if each["path"].endswith(SUFFIX):
                            found[each["path"].removeprefix(self._prefix)] = each["last_modified"]
        return found

    def remove(self, names: Iterable[str]) -> None:
        """Delete the files; those that are gone are fine.

        Raises:
            StateError: one cannot be deleted.
        """
        for batch in batches(require_own(names)):
            with self._asking("s3:DeleteObject", f"{self._prefix}{batch[0]}"):
                obstore.delete(self._store, [f"{self._prefix}{name}" for name in batch])
            if self._copies:
                for name in batch:
                    self._copy(name).unlink(missing_ok=True)

    def close(self) -> None:
        """Delete the copies."""
        if self._copies:
            self._copies.cleanup()
            self._copies = None

    def _copy(self, name: str) -> Path:
        """Where the file's copy lies or will lie."""
        if self._copies is None:
            try:
                self._copies = TemporaryDirectory(prefix="prefect-cloudtrail-")
                for kind in KINDS:
                    (Path(self._copies.name) / kind).mkdir()
            except OSError as error:
                raise StateError(f"cannot make a folder for copies: {error}; set TMPDIR to one with room") from error
        return Path(self._copies.name) / name

    def _fetch(self, entry: FileEntry) -> None:
        """Copy one file, whole or not at all."""
        key, copy = f"{self._prefix}{entry.name}", self._copy(entry.name)
        with self._asking("s3:GetObject", key):
            body = obstore.get(self._store, key).bytes()
        if len(body) != entry.bytes:
            raise StateError(
                f"{self._root}{key} has {len(body)} bytes, not the {entry.bytes} it was written with: restore it"
            )
        part = copy.with_suffix(".part")
        try:
            part.write_bytes(body)
            part.replace(copy)
        except OSError as error:
            raise StateError(f"cannot write {copy}: {error}; see that there is room, then try again") from error

    @contextmanager
    def _asking(self, action: str, key: str) -> Iterator[None]:
        """Say in one line what S3, or the way to it, complains of."""
        try:
            yield
        # What is not there comes as FileNotFoundError, a key that cannot be as ValueError.
        except (BaseError, OSError, ValueError) as error:
            raise StateError(f"{action} on {self._root}{key} failed: {_complaint(error, action)}") from error


def _complaint(error: Exception, action: str) -> str:
    text = str(error)
    code, message = _CODE.search(text), _MESSAGE.search(text)
    if not code:
        # The first line: below it, everything is repeated in Rust's notation.
        said = text.strip().partition("\n")[0][:300]
        return f"{said}; check the network, the endpoint and the credentials, or try again"
    words = f"{message[1]} ({code[1]})" if message else code[1]
    return f"{words}; {TO_DO.get(code[1], 'try again').format(action=action)}"
