"""Keys: made, kept to oneself, rotated; and signatures that hold for one decision alone."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from store.case_builders import NOW

from prefect_cloudtrail.errors import RefusedError, SettingsError, TamperedError
from prefect_cloudtrail.response.decision import Choice, Decision
from prefect_cloudtrail.response.signing import OVERLAP, Keys

FIELDS: dict[str, Any] = {
    "decision_id": "d-1",
    "request_id": "req_1",
    "digest": "sha256:1",
    "choice": Choice.APPROVE,
    "by": "slack:UANA",
    "via": "slack",
    "decided_at": NOW,
    "why": "seen",
}


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.make(tmp_path / "keys")


def signed(keys: Keys, **other: Any) -> Decision:
    return keys.sign(**(FIELDS | other))


def test_what_was_signed_is_verified_by_whoever_opens_the_folder(keys: Keys) -> None:
    Keys.open(keys.folder).verify(signed(keys))


@pytest.mark.parametrize(
    "other",
    [{name: "other"} for name in ("decision_id", "request_id", "digest", "by", "via", "why")]
    + [{"choice": Choice.LEAVE}, {"decided_at": NOW + timedelta(microseconds=1)}],
    ids=lambda other: str(*other),
)
def test_every_field_is_signed(keys: Keys, other: dict[str, Any]) -> None:
    with pytest.raises(TamperedError, match=r"is not what .* signed"):
        keys.verify(replace(signed(keys), **other))


def test_fields_do_not_run_into_one_another(keys: Keys) -> None:
    decision = signed(keys, by="slack:UANA", via="slack")
    with pytest.raises(TamperedError):
        keys.verify(replace(decision, by="slack:UANAs", via="lack"))


def test_a_signature_has_one_spelling(keys: Keys) -> None:
    decision = signed(keys)
    last = decision.signature[-3]
    other = next(letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef" if letter != last)
    for spelling in (f"{decision.signature}\n", f"{decision.signature[:-3]}{other}==", decision.signature[:-2], ""):
        with pytest.raises(TamperedError):
            keys.verify(replace(decision, signature=spelling))


def test_a_key_of_somebody_elses_is_none_of_ours(keys: Keys, tmp_path: Path) -> None:
    theirs = signed(Keys.make(tmp_path / "theirs"))
    with pytest.raises(TamperedError, match="which is no key of ours"):
        keys.verify(theirs)
    with pytest.raises(TamperedError, match=r"is not what .* signed"):
        keys.verify(replace(theirs, key_id=signed(keys).key_id))


def test_two_keys_verify_until_the_old_one_stops(keys: Keys) -> None:
    old = signed(keys)
    new, replaced = keys.rotate(NOW)
    assert (new.stops_at, replaced.key_id, replaced.stops_at) == (None, old.key_id, NOW + OVERLAP)
    fresh = signed(keys)
    assert fresh.key_id == new.key_id != old.key_id
    for each in (old, fresh):
        keys.verify(each, NOW + OVERLAP - timedelta(microseconds=1))
    keys.verify(fresh, NOW + OVERLAP)
    with pytest.raises(RefusedError, match=f"key {old.key_id}, which signed decision d-1, stopped at 2026-02-06 10:15"):
        keys.verify(old, NOW + OVERLAP)


def test_nothing_is_left_to_sign_with_of_a_replaced_key(keys: Keys) -> None:
    (private,) = keys.folder.glob("*.pem")
    secret = private.read_text()
    keys.rotate(NOW)
    assert [secret in file.read_text() for file in keys.folder.iterdir()] == [False, False]
    assert {file.stat().st_mode & 0o777 for file in keys.folder.iterdir()} == {0o600}


def test_keys_that_others_can_read_are_refused(keys: Keys) -> None:
    (private,) = keys.folder.glob("*.pem")
    private.chmod(0o640)
    with pytest.raises(SettingsError, match=f"can be read by others: chmod go-rwx {private}"):
        signed(keys)
    private.chmod(0o600)
    keys.folder.chmod(0o770)
    with pytest.raises(SettingsError, match=f"can be read by others: chmod go-rwx {keys.folder}"):
        Keys.open(keys.folder)


def test_keys_are_made_once_and_missed_where_there_are_none(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds a signing key already"):
        Keys.make(keys.folder)
    with pytest.raises(SettingsError, match="make one with `prefect-cloudtrail keys make`"):
        Keys.open(tmp_path / "none")


def test_a_file_that_is_no_key_is_named(keys: Keys) -> None:
    (private,) = keys.folder.glob("*.pem")
    private.write_text("damaged")
    with pytest.raises(SettingsError, match=f"{private} is no private key in PEM"):
        Keys.open(keys.folder)
