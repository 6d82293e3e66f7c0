"""Signed decisions: Ed25519 keys in a folder of the responder's own, two of them while one takes over from the other.

`ID.pem` is the private key that signs. `ID.pub` is what is left of a key that was replaced: until when it counts, and
its public half. An id is the fingerprint of the public key.
"""

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from prefect_cloudtrail.errors import RefusedError, SettingsError, TamperedError
from prefect_cloudtrail.response.decision import Choice, Decision
from prefect_cloudtrail.response.plan import canonical
from prefect_cloudtrail.response.rules import require_own

# So that a signature of this key over anything else is never one of a decision.
PURPOSE = b"prefect-cloudtrail decision 1\n"
# Longer than any request takes answers, so that a first approval still counts when the second comes.
OVERLAP = timedelta(days=4)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
READABLE = "be read by others: chmod go-rwx"


@dataclass(frozen=True)
class KeyFile:
    """One key of the folder; `stops_at` is None while it signs."""

    key_id: str
    stops_at: datetime | None = None


@dataclass(frozen=True)
class Keys:
    """The keys of a folder, read again each time, so that a rotation needs no restart."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> "Keys":
        """Return the keys of a folder, once it is sure that one of them signs and that they are this user's own.

        Raises:
            SettingsError: there is none, this user cannot read it, or others can.
        """
        keys = cls(folder)
        if not folder.is_dir():
            raise SettingsError(f"no signing keys in {folder}: make one with `prefect-cloudtrail keys make`")
        keys._signing()
        return keys

    @classmethod
    def make(cls, folder: Path) -> "Keys":
        """Return the keys of a folder that had none: one new key.

        Raises:
            SettingsError: it holds keys already, or cannot be written.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"the keys {folder} cannot be written: {error.strerror}") from error
        require_own(folder, "keys", OTHERS, READABLE)
        if any(folder.glob("*.p*")):
            raise SettingsError(f"{folder} holds a signing key already: `prefect-cloudtrail keys rotate` replaces it")
        keys = cls(folder)
        keys._write_new()
        return keys

    def listed(self) -> list[KeyFile]:
        """Return the folder's keys: the one that signs first, then those that it replaced, the last to stop first.

        Raises:
            SettingsError: a file is no key, or others can read it.
        """
        require_own(self.folder, "keys", OTHERS, READABLE)
        signing = [KeyFile(_fingerprint(_private(path).public_key())) for path in self._files("pem")]
        known = {each.key_id for each in signing}
        replaced = [_replaced(path) for path in self._files("pub") if path.stem not in known]
        stopping = sorted(replaced, key=lambda each: each[1], reverse=True)
        return signing + [KeyFile(_fingerprint(key), stops_at) for key, stops_at in stopping]

    def sign(
        self,
        *,
        decision_id: str,
        request_id: str,
        digest: str,
        choice: Choice,
        by: str,
        via: str,
        decided_at: datetime,
        why: str,
    ) -> Decision:
        """Return the decision, signed by the folder's key.

        Raises:
            SettingsError: there is no key to sign with.
        """
        key_id, key = self._signing()
        unsigned = Decision(
            decision_id, request_id, digest, choice, by, via, decided_at.astimezone(UTC), why, key_id, signature=""
        )
        signature = base64.b64encode(key.sign(_signed(unsigned))).decode()
        return Decision(**{**vars(unsigned), "signature": signature})

    def verify(self, decision: Decision, now: datetime | None = None) -> None:
        """Return where the decision is what one of these keys signed.

        Args:
            decision: as it is stored.
            now: the moment by which a replaced key may have stopped; of what is long over, when it was decided.

        Raises:
            TamperedError: it is not: says what is wrong.
            RefusedError: the key that signed it has stopped since.
            SettingsError: the keys cannot be read.
        """
        require_own(self.folder, "keys", OTHERS, READABLE)
        key, stops_at = self._verifying(decision)
        try:
            signature = base64.b64decode(decision.signature, validate=True)
            # Base64 has spare bits at its end: one signature is to have one spelling.
            if base64.b64encode(signature).decode() != decision.signature:
                raise TamperedError(f"the signature of decision {decision.decision_id} was changed")
            key.verify(signature, _signed(decision))
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise TamperedError(f"decision {decision.decision_id} is not what {decision.key_id} signed") from error
        if stops_at is not None and (now or datetime.now(UTC)) >= stops_at:
            raise RefusedError(
                f"key {decision.key_id}, which signed decision {decision.decision_id}, stopped at "
                f"{stops_at:%Y-%m-%d %H:%M} UTC: decide anew"
            )

    def rotate(self, now: datetime | None = None, overlap: timedelta = OVERLAP) -> list[KeyFile]:
        """Return the folder's keys after a new one took over; of the old one only its public half stays.

        Args:
            now: when; by default the clock's.
            overlap: how long what the old key signed still counts.

        Raises:
            SettingsError: there is no key to replace, or the folder cannot be written.
        """
        self._signing()
        stops_at = (now or datetime.now(UTC)).astimezone(UTC) + overlap
        old = list(self._files("pem"))
        # In this order: killed in between, two keys sign, and the next rotation replaces both.
        self._write_new()
        for path in old:
            public = _private(path).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            write(path.with_suffix(".pub"), f"stops {stops_at.isoformat()}\n".encode() + public)
            path.unlink()
        return self.listed()

    def _files(self, suffix: str) -> Iterator[Path]:
        for path in sorted(self.folder.glob(f"*.{suffix}")):
            require_own(path, "keys", OTHERS, READABLE)
            yield path

    def _signing(self) -> tuple[str, Ed25519PrivateKey]:
        require_own(self.folder, "keys", OTHERS, READABLE)
        for path in self._files("pem"):
            key = _private(path)
            return _fingerprint(key.public_key()), key
        raise SettingsError(f"no signing key in {self.folder}: make one with `prefect-cloudtrail keys make`")

    def _verifying(self, decision: Decision) -> tuple[Ed25519PublicKey, datetime | None]:
        for path in self._files("pem"):
            public = _private(path).public_key()
            if _fingerprint(public) == decision.key_id:
                return public, None
        for path in self._files("pub"):
            public, stops_at = _replaced(path)
            if _fingerprint(public) == decision.key_id:
                return public, stops_at
        raise TamperedError(f"decision {decision.decision_id} is signed by {decision.key_id}, which is no key of ours")

    def _write_new(self) -> None:
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write(self.folder / f"{_fingerprint(key.public_key())}.pem", pem)


def _signed(decision: Decision) -> bytes:
    """Every field but the signature, as bytes."""
    fields = {name: value for name, value in vars(decision).items() if name != "signature"}
    return PURPOSE + canonical(fields | {"decided_at": decision.decided_at.astimezone(UTC).isoformat()})


def _fingerprint(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:32]


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"{path} is no private key in PEM: restore it, or move it away") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path} is no Ed25519 key: move it away")
    return key


def _replaced(path: Path) -> tuple[Ed25519PublicKey, datetime]:
    first, _, pem = _read(path).partition(b"\n")
    try:
        stops_at = datetime.fromisoformat(first.decode().removeprefix("stops "))
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"{path} is no replaced key: restore it, or move it away") from error
    if not isinstance(key, Ed25519PublicKey) or stops_at.tzinfo is None:
        raise SettingsError(f"{path} is no replaced key: restore it, or move it away")
    return key, stops_at


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"the key {path} cannot be read: {error.strerror}; act as the responder's user") from error


def write(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Left by one that was killed; in a container, the next has the same number.
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        raise SettingsError(f"the key {path} cannot be written: {error.strerror}") from error
