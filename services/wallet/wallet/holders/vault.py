"""The vault: BSN and IBAN encrypted at rest, with a keyed index to find them again.

AES-256-GCM with the holder, the field and the key id as associated data: a ciphertext that is moved to another
person, another field or another key does not open. The index is HMAC-SHA-256 with a key of its own: nine digits
are guessed in seconds where a plain hash or the key itself lies beside them, so neither key is in the database.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEYS_FILE_SETTING = "STADSBEURS_VAULT_KEYS_FILE"
KEY_BYTES = 32
NONCE_BYTES = 12


class VaultKeysInvalid(Exception):
    """The file with the vault's keys is missing or does not hold what it must; names no key."""


class VaultCannotOpen(Exception):
    """A value in the vault does not open: wrong key, wrong person, or changed. Names no content."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted value as it is stored."""

    ciphertext: bytes
    nonce: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class Index:
    """The keyed hash under which a value is found, and which key made it."""

    value: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of one kind: those that still open or find, and the one that new values get."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)


class Vault:
    """Encrypts, decrypts and indexes personal data; knows no table."""

    def __init__(self, encryption: Keys, index: Keys) -> None:
        self._encryption = encryption
        self._index = index
        self._ciphers = {key_id: AESGCM(key) for key_id, key in encryption.keys.items()}

    @classmethod
    def from_file(cls, path: Path) -> Vault:
        """Read the keys from a JSON file; raises `VaultKeysInvalid` with what is wrong, never with a key.

        Shape: `{"encryption": {"current": id, "keys": {id: base64 of 32 bytes}}, "index": {…the same…}}`.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise VaultKeysInvalid(f"The vault's key file {path} cannot be read: {type(error).__name__}.") from None
        return cls(_keys(content, "encryption"), _keys(content, "index"))

    def seal(self, owner: UUID, name: str, value: str | bytes) -> Sealed:
        """Encrypt one field of one owner under the current key."""
        key_id = self._encryption.current
        nonce = os.urandom(NONCE_BYTES)
        plain = value.encode() if isinstance(value, str) else value
        return Sealed(self._ciphers[key_id].encrypt(nonce, plain, _bound_to(owner, name, key_id)), nonce, key_id)

    def open(self, owner: UUID, name: str, sealed: Sealed) -> str:
        """Decrypt one field of one owner; raises `VaultCannotOpen`."""
        return self.open_bytes(owner, name, sealed).decode()

    def open_bytes(self, owner: UUID, name: str, sealed: Sealed) -> bytes:
        """Decrypt one field that is no text; raises `VaultCannotOpen`."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise VaultCannotOpen(f"The vault has no key {sealed.key_id!r} any more.")
        try:
            return cipher.decrypt(sealed.nonce, sealed.ciphertext, _bound_to(owner, name, sealed.key_id))
        except InvalidTag:
            raise VaultCannotOpen(f"Field {name!r} of {owner} does not open with key {sealed.key_id!r}.") from None

    def index(self, name: str, value: str) -> Index:
        """Give the index of a value under the current key: equal values of one field have equal indexes."""
        return Index(self._hash(self._index.current, name, value), self._index.current)

    def indexes(self, name: str, value: str) -> list[bytes]:
        """Give the index of a value under every key there is, to find also what an older key indexed."""
        return [self._hash(key_id, name, value) for key_id in self._index.keys]

    def _hash(self, key_id: str, name: str, value: str) -> bytes:
        return hmac.new(self._index.keys[key_id], f"{name}\x1f{value}".encode(), hashlib.sha256).digest()


def _bound_to(owner: UUID, name: str, key_id: str) -> bytes:
    return f"{owner}\x1f{name}\x1f{key_id}".encode()


def _keys(content: Any, kind: str) -> Keys:
    part = content.get(kind) if isinstance(content, dict) else None
    named = part.get("keys") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(named, dict) or part.get("current") not in named:
        raise VaultKeysInvalid(f"The vault's key file needs {kind!r} with 'keys' and a 'current' that is one of them.")
    keys: dict[str, bytes] = {}
    for key_id, encoded in named.items():
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, TypeError, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise VaultKeysInvalid(
                f"Key {key_id!r} of {kind!r} in the vault's file is not {KEY_BYTES} bytes of base64."
            )
        keys[key_id] = key
    return Keys(part["current"], keys)


@lru_cache(maxsize=4)
def _vault_at(path: Path, _modified_ns: int) -> Vault:
    return Vault.from_file(path)


def open_vault() -> Vault:
    """Give the vault of this process, with the keys of the file that the settings name; read again when it changes."""
    name = os.environ.get(KEYS_FILE_SETTING)
    if not name:
        raise VaultKeysInvalid(f"{KEYS_FILE_SETTING} is not set: name the file with the vault's keys.")
    path = Path(name)
    try:
        modified = path.stat().st_mtime_ns
    except OSError:
        raise VaultKeysInvalid(f"The vault's key file {path} cannot be read.") from None
    return _vault_at(path, modified)
