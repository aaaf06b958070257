"""What the vault keeps nobody reads without its keys, and nothing in it can be moved to somebody else."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from uuid import UUID

import pytest

from wallet.holders.vault import Keys, Sealed, Vault, VaultCannotOpen, VaultKeysInvalid, open_vault

ANNA = UUID("01900000-0000-7000-8000-000000000001")
BRAM = UUID("01900000-0000-7000-8000-000000000002")


def vault(current: str = "2026", index: str = "2026") -> Vault:
    return Vault(
        Keys(current, {"2025": b"a" * 32, "2026": b"b" * 32}),
        Keys(index, {"2025": b"c" * 32, "2026": b"d" * 32}),
    )


def test_what_is_sealed_opens_again_for_the_same_person_and_field() -> None:
    sealed = vault().seal(ANNA, "bsn", "111222333")
    assert vault().open(ANNA, "bsn", sealed) == "111222333"
    assert b"111222333" not in sealed.ciphertext
    assert (len(sealed.nonce), sealed.key_id) == (12, "2026")


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert vault().seal(ANNA, "bsn", "111222333") != vault().seal(ANNA, "bsn", "111222333")


@pytest.mark.parametrize(("owner", "name"), [(BRAM, "bsn"), (ANNA, "iban:1")])
def test_a_ciphertext_moved_to_another_person_or_field_does_not_open(owner: UUID, name: str) -> None:
    sealed = vault().seal(ANNA, "bsn", "111222333")
    with pytest.raises(VaultCannotOpen):
        vault().open(owner, name, sealed)


def test_a_changed_ciphertext_or_key_id_does_not_open() -> None:
    sealed = vault().seal(ANNA, "bsn", "111222333")
    changed = bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:]
    for wrong in (
        Sealed(changed, sealed.nonce, "2026"),
        Sealed(sealed.ciphertext, sealed.nonce, "2025"),
        Sealed(sealed.ciphertext, sealed.nonce, "1999"),
    ):
        with pytest.raises(VaultCannotOpen):
            vault().open(ANNA, "bsn", wrong)


def test_what_an_older_key_sealed_still_opens_after_rotation() -> None:
    sealed = vault(current="2025").seal(ANNA, "bsn", "111222333")
    assert vault(current="2026").open(ANNA, "bsn", sealed) == "111222333"


def test_equal_values_have_equal_indexes_per_field_and_key() -> None:
    index = vault().index("bsn", "111222333")
    assert index == vault().index("bsn", "111222333")
    assert index.value != vault().index("bsn", "123456782").value
    assert index.value != vault().index("iban", "111222333").value
    assert vault(index="2025").index("bsn", "111222333").value in vault().indexes("bsn", "111222333")


def test_keys_and_sealed_values_show_nothing_in_a_traceback() -> None:
    assert "bbb" not in repr(Keys("2026", {"2026": b"b" * 32}))
    with pytest.raises(VaultCannotOpen) as refused:
        vault().open(BRAM, "bsn", vault().seal(ANNA, "bsn", "111222333"))
    assert "111222333" not in str(refused.value)


def key_file(tmp_path: Path, **changes: object) -> Path:
    kind = {"current": "k1", "keys": {"k1": base64.b64encode(b"x" * 32).decode()}}
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"encryption": kind, "index": kind, **changes}))
    return path


def test_the_key_file_is_read_from_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STADSBEURS_VAULT_KEYS_FILE", str(key_file(tmp_path)))
    assert open_vault().open(ANNA, "bsn", open_vault().seal(ANNA, "bsn", "111222333")) == "111222333"


@pytest.mark.parametrize(
    "wrong",
    [
        {"current": "k2", "keys": {"k1": base64.b64encode(b"x" * 32).decode()}},
        {"current": "k1", "keys": {"k1": base64.b64encode(b"x" * 16).decode()}},
        {"current": "k1", "keys": {"k1": "not base64!"}},
        {"current": "k1"},
        [],
    ],
)
def test_a_key_file_that_misses_something_is_refused_without_naming_a_key(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(VaultKeysInvalid) as refused:
        Vault.from_file(key_file(tmp_path, index=wrong))
    assert base64.b64encode(b"x" * 16).decode() not in str(refused.value)


def test_no_key_file_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STADSBEURS_VAULT_KEYS_FILE", raising=False)
    with pytest.raises(VaultKeysInvalid, match="STADSBEURS_VAULT_KEYS_FILE is not set"):
        open_vault()
    monkeypatch.setenv("STADSBEURS_VAULT_KEYS_FILE", str(tmp_path / "absent.json"))
    with pytest.raises(VaultKeysInvalid, match="cannot be read"):
        open_vault()
