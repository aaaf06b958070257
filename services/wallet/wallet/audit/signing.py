"""The key under the seals: it lives outside the database, so that who writes the database cannot sign for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.jwk import OKPKey


class UnusableKeyError(Exception):
    """A key file that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """A private Ed25519 key with the id that its blocks carry."""

    key_id: str
    _private: Ed25519PrivateKey

    def sign(self, header: bytes) -> bytes:
        """Sign a block header."""
        return self._private.sign(header)


@lru_cache(maxsize=4)
def seal_key(path: Path) -> SealKey:
    """Read the private key (JWK) that signs new blocks; read once, a new key needs a restart."""
    key = _read(path, _content(path))
    private = key.private_key
    if not isinstance(private, Ed25519PrivateKey):
        raise UnusableKeyError(f"{path} holds no private Ed25519 key")
    return SealKey(key_id(key), private)


class SealKeys:
    """The public keys whose signatures under blocks are believed."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def read(cls, *paths: Path) -> SealKeys:
        """Read the public parts of JWK and JWKS files: the present key, and those of earlier years."""
        keys: dict[str, Ed25519PublicKey] = {}
        for path in paths:
            content = _content(path)
            for one in content["keys"] if isinstance(content, dict) and "keys" in content else [content]:
                key = _read(path, one)
                public = key.public_key
                if not isinstance(public, Ed25519PublicKey):
                    raise UnusableKeyError(f"{path} holds a key that is not Ed25519")
                keys[key_id(key)] = public
        return cls(keys)

    def fault(self, key_id: str, header: bytes, signature: bytes) -> str | None:
        """Say what is wrong with a signature, or nothing."""
        key = self._keys.get(key_id)
        if key is None:
            return f"it is signed with key {key_id!r}, which is not one of ours"
        try:
            key.verify(signature, header)
        except InvalidSignature:
            return f"its signature is not that of key {key_id!r}"
        return None


def key_id(key: OKPKey) -> str:
    """Give the key's own name, or its thumbprint (RFC 7638) where it has none."""
    return str(key.get("kid") or key.thumbprint())


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableKeyError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise UnusableKeyError(f"{path} is no JSON") from error


def _read(path: Path, content: object) -> OKPKey:
    try:
        return OKPKey.import_key(content)  # type: ignore[arg-type]
    except Exception as error:
        raise UnusableKeyError(f"{path} is no Ed25519 key in JWK form") from error
