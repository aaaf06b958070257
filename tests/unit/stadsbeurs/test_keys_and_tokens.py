from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from foundation.access import Role, TokenSigner, TokenVerifier, read_trusted_keys
from stadsbeurs import keys, tokens
from stadsbeurs.mistakes import Mistake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys.ensure(tmp_path / "keys", ["gateway", "wallet"])
    return tmp_path / "keys"


def claims_of(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(found, dict)
    return found


def test_every_file_of_keys_is_for_its_owner_only(folder: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    names = ("gateway.jwk", "wallet.jwk", "stadsbeurs-stand-in.jwk", "seal.jwk", "trusted-keys.json", "vault-keys.json")
    assert modes == dict.fromkeys(names, 0o600)


def test_the_trusted_keys_hold_no_private_part_and_not_the_stand_in(folder: Path) -> None:
    published = json.loads(keys.trusted_keys_file(folder).read_text())["keys"]
    assert [(key["kid"], sorted(key)) for key in published] == [
        ("gateway", ["crv", "kid", "kty", "x"]),
        ("wallet", ["crv", "kid", "kty", "x"]),
    ]


def test_a_second_start_keeps_every_key(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    keys.ensure(folder, ["gateway", "wallet"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_new_service_gets_a_key_and_the_others_keep_theirs(folder: Path) -> None:
    before = read_trusted_keys(keys.trusted_keys_file(folder))
    keys.ensure(folder, ["gateway", "wallet", "belkosten"])
    after = read_trusted_keys(keys.trusted_keys_file(folder))
    assert list(after) == ["gateway", "wallet", "belkosten"]
    assert after["wallet"].as_dict() == before["wallet"].as_dict()


def test_a_key_that_cannot_be_read_is_a_sentence_and_is_not_replaced(folder: Path) -> None:
    keys.signing_key_file(folder, "wallet").write_text("{")
    with pytest.raises(Mistake, match="cannot be read; put it back"):
        keys.ensure(folder, ["gateway", "wallet"])
    assert keys.signing_key_file(folder, "wallet").read_text() == "{"


def test_the_vault_gets_an_encryption_key_and_an_index_key_of_32_bytes(folder: Path) -> None:
    content = json.loads(keys.vault_keys_file(folder).read_text())
    found = {kind: base64.b64decode(content[kind]["keys"][content[kind]["current"]]) for kind in content}
    assert {kind: len(key) for kind, key in found.items()} == {"encryption": 32, "index": 32}
    assert found["encryption"] != found["index"]


def test_a_service_trusts_what_another_signs_with_these_keys(folder: Path) -> None:
    signer = TokenSigner.from_file("wallet", keys.signing_key_file(folder, "wallet"))
    verifier = TokenVerifier.from_file("burgerbudget", keys.trusted_keys_file(folder))
    assert verifier.caller(signer.token("burgerbudget", "wallet", {Role.SERVICE})).service == "wallet"


def test_the_roles_are_those_of_the_services() -> None:
    assert tuple(role.value for role in Role) == tokens.ROLES


def test_a_token_holds_what_was_asked_and_lives_one_hour(folder: Path) -> None:
    token = tokens.sign_in(folder, "pass-holder", "anna", "h-1", "o-1", now=1_800_000_000.9)
    claims = claims_of(token)
    assert claims.pop("jti")
    assert claims == {
        "iss": "stadsbeurs-stand-in",
        "aud": "stadsbeurs",
        "sub": "anna",
        "roles": ["pass-holder"],
        "holder_id": "h-1",
        "organisation_id": "o-1",
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
    }


def test_the_subject_defaults_to_the_role_and_what_was_not_asked_is_not_there(folder: Path) -> None:
    claims = claims_of(tokens.sign_in(folder, "auditor"))
    assert claims["sub"] == "auditor"
    assert not {"holder_id", "organisation_id"} & claims.keys()


def test_a_library_for_tokens_accepts_the_signature(folder: Path) -> None:
    from foundation.access import read_key

    stand_in = read_key(keys.signing_key_file(folder, keys.STAND_IN_ISSUER))
    verifier = TokenVerifier("stadsbeurs", {keys.STAND_IN_ISSUER: stand_in})
    assert verifier.claims(tokens.sign_in(folder, "admin"))["roles"] == ["admin"]


def test_an_unknown_role_is_refused_with_the_roles_there_are(folder: Path) -> None:
    with pytest.raises(Mistake, match=r"There is no role 'king'; choose one of pass-holder, .*, service"):
        tokens.sign_in(folder, "king")
