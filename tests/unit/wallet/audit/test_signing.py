"""Key files that cannot be used are named, and nothing of them is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from wallet.audit.signing import SealKeys, UnusableKeyError, seal_key


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"geheim", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b'{"kty": "geheim"}', "is no Ed25519 key in JWK form"),
        (b'["geheim"]', "is no Ed25519 key in JWK form"),
    ],
    ids=["missing", "no JSON", "no text", "other key", "no key"],
)
def test_a_file_that_holds_no_key_is_named(content: bytes | None, why: str, tmp_path: Path) -> None:
    path = tmp_path / "seal.jwk"
    if content is not None:
        path.write_bytes(content)
    for read in (seal_key, SealKeys.read):
        with pytest.raises(UnusableKeyError) as refused:
            read(path)
        assert str(refused.value).startswith(f"{path} {why}")
        assert "geheim" not in str(refused.value)
