"""The keys of one installation, made at its first start and never shown."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stadsbeurs.accounts import private_folder, secret_in, write_private
from stadsbeurs.mistakes import Mistake

STAND_IN_ISSUER = "stadsbeurs-stand-in"


def signing_key_file(folder: Path, issuer: str) -> Path:
    """Where the private key of `issuer` is."""
    return folder / f"{issuer}.jwk"


def trusted_keys_file(folder: Path) -> Path:
    """Where the public keys are of all who sign tokens for services."""
    return folder / "trusted-keys.json"


def vault_keys_file(folder: Path) -> Path:
    return folder / "vault-keys.json"


def seal_key_file(folder: Path) -> Path:
    return folder / "seal.jwk"


def database_password(folder: Path, role: str) -> str:
    """The password of one database role, made at first use."""
    private_folder(folder / "database")
    return secret_in(folder / "database" / role)


def stripe_secret(folder: Path, kind: str) -> str:
    """A secret shared with the stand-in of Stripe, made at first use; `kind` begins it as Stripe's own do."""
    private_folder(folder / "stripe")
    return f"{kind}_{secret_in(folder / 'stripe' / kind)}"


def ensure(folder: Path, issuers: Sequence[str]) -> None:
    """Make every key that is not there yet; `issuers` sign tokens for services and are trusted by them."""
    private_folder(folder)
    public = [_public(_ensure_signing_key(signing_key_file(folder, issuer), issuer)) for issuer in issuers]
    write_private(trusted_keys_file(folder), json.dumps({"keys": public}) + "\n")
    _ensure_signing_key(signing_key_file(folder, STAND_IN_ISSUER), STAND_IN_ISSUER)
    _ensure_signing_key(seal_key_file(folder), None)
    if not vault_keys_file(folder).exists():
        write_private(
            vault_keys_file(folder),
            json.dumps({"encryption": _new_keys("aes"), "index": _new_keys("hmac")}) + "\n",
        )


def _ensure_signing_key(path: Path, name: str | None) -> dict[str, str]:
    """The private JWK in `path`; without a `name` the key is named after its own thumbprint."""
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        if not isinstance(found, dict) or not {"kty", "crv", "x", "d", "kid"} <= found.keys():
            raise Mistake(f"The key in {path} cannot be read; put it back, or remove the installation and start anew.")
        return found
    private = Ed25519PrivateKey.generate()
    x = encoded(private.public_key().public_bytes_raw())
    thumbprint = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).hexdigest()  # RFC 7638
    key = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": x,
        "d": encoded(private.private_bytes_raw()),
        "kid": name or f"seal-{thumbprint[:12]}",
    }
    write_private(path, json.dumps(key) + "\n")
    return key


def _public(key: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in key.items() if name != "d"}


def _new_keys(kind: str) -> dict[str, Any]:
    """A set of keys with one key of 32 bytes, which is the current one; a later key gets the next number."""
    return {"current": f"{kind}-1", "keys": {f"{kind}-1": base64.b64encode(os.urandom(32)).decode()}}


def encoded(data: bytes) -> str:
    """Base64 as JSON web keys and tokens write it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
