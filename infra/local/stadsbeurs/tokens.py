"""Tokens of the stand-in identity provider: for people and programs that try a local installation out."""

from __future__ import annotations

import base64
import json
import time
import uuid
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stadsbeurs import keys
from stadsbeurs.mistakes import Mistake

AUDIENCE = "stadsbeurs"
LIFETIME_S = 3600
# The same as foundation.access.Role, which would bring a whole web framework along; a test compares the two.
ROLES = (
    "pass-holder",
    "organisation",
    "provider",
    "helper",
    "caseworker",
    "finance-maker",
    "finance-checker",
    "auditor",
    "admin",
    "service",
)


def sign_in(
    folder: Path,
    role: str,
    subject: str | None = None,
    holder: str | None = None,
    organisation: str | None = None,
    now: float | None = None,
) -> str:
    """A bearer token good for one hour of real time (RFC 7519, signed with Ed25519 as in RFC 9864).

    `folder` holds the keys of the installation; `subject` defaults to the role's name.
    """
    if role not in ROLES:
        raise Mistake(f"There is no role {role!r}; choose one of {', '.join(ROLES)}.")
    try:
        key = json.loads(keys.signing_key_file(folder, keys.STAND_IN_ISSUER).read_text(encoding="utf-8"))
        private = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(key["d"] + "=="))
    except (OSError, ValueError, KeyError) as error:
        raise Mistake(f"The key of the stand-in identity provider in {folder} cannot be read: {error}.") from error
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": keys.STAND_IN_ISSUER,
        "aud": AUDIENCE,
        "sub": subject or role,
        "roles": [role],
        "holder_id": holder,
        "organisation_id": organisation,
        "iat": issued,
        "exp": issued + LIFETIME_S,
        "jti": str(uuid.uuid4()),
    }
    header = {"alg": "Ed25519", "kid": keys.STAND_IN_ISSUER, "typ": "JWT"}
    signed = ".".join(_part({k: v for k, v in part.items() if v is not None}) for part in (header, claims))
    return f"{signed}.{keys.encoded(private.sign(signed.encode()))}"


def _part(content: dict[str, object]) -> str:
    return keys.encoded(json.dumps(content, separators=(",", ":")).encode())
