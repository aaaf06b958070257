"""A file that a setting names and that cannot be used ends the real process with one sentence, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from burgerbudget.settings import BurgerbudgetSettings
from foundation.settings import Settings, files_of, load
from gateway.settings import GatewaySettings
from stadsbeurs import house, keys
from wallet.settings import WalletSettings

SERVE = ("foundation.serve", "--port", "1")
WORK = ("foundation.work", "--queues", "none", "--port", "1")
PROCESSES = {
    "gateway.app:api": (SERVE, GatewaySettings),
    "wallet.app:api": (SERVE, WalletSettings),
    "wallet.tasks:worker": (WORK, WalletSettings),
    "burgerbudget.app:api": (SERVE, BurgerbudgetSettings),
    "burgerbudget.tasks:worker": (WORK, BurgerbudgetSettings),
}
CONTENT = {
    "signing_key_file": "a private Ed25519 key (JWK)",
    "trusted_keys_file": "public Ed25519 keys that each have a kid (JWKS)",
    "business_date_file": "a date such as 2026-10-01",
    "stand_in_identity_key_file": "an Ed25519 key (JWK)",
    "vault_keys_file": "the vault's keys for encryption and index (JSON)",
    "seal_key_file": "a private Ed25519 key (JWK)",
    "anchor_file": "the anchors of earlier blocks, a line each",
}
MADE_LATER = {"business_date_file", "anchor_file"}
EACH = [(factory, name) for factory, (_, kind) in PROCESSES.items() for name in files_of(kind)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a good file for every setting, and settings that name them."""
    keys.ensure(tmp_path / "keys", ["own"])
    made = {
        "signing_key_file": keys.signing_key_file(tmp_path / "keys", "own"),
        "trusted_keys_file": keys.trusted_keys_file(tmp_path / "keys"),
        "stand_in_identity_key_file": keys.signing_key_file(tmp_path / "keys", keys.STAND_IN_ISSUER),
        "vault_keys_file": keys.vault_keys_file(tmp_path / "keys"),
        "seal_key_file": keys.seal_key_file(tmp_path / "keys"),
    }
    for name in [name for name in os.environ if name.startswith("STADSBEURS_")]:
        monkeypatch.delenv(name)
    files = tmp_path / "files"
    files.mkdir()
    for name in CONTENT:
        if name in made:
            (files / name).write_bytes(made[name].read_bytes())
        monkeypatch.setenv(f"STADSBEURS_{name.upper()}", str(files / name))
    for name, value in {
        "ENVIRONMENT": "local",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        **{f"{service.package.upper()}_URL": "http://127.0.0.1:1" for service in house.SERVICES},
    }.items():
        monkeypatch.setenv(f"STADSBEURS_{name}", value)
    return files


@pytest.mark.parametrize("kind", [GatewaySettings, WalletSettings, BurgerbudgetSettings])
def test_good_files_are_accepted_also_those_that_are_made_later(kind: type[Settings], folder: Path) -> None:
    settings = load(kind)
    assert {name: getattr(settings, name) for name in files_of(kind)} == {
        name: folder / name for name in files_of(kind)
    }
    assert not (folder / "business_date_file").exists()


def take_away(file: Path) -> str:
    """Make a file be missing: where a process makes it itself, its folder."""
    if file.name in MADE_LATER:
        missing = file.with_name("nowhere") / file.name
        os.environ[f"STADSBEURS_{file.name.upper()}"] = str(missing)
        return (
            f"names {missing}, but {missing.parent} is not there; put {CONTENT[file.name]} there or name another file"
        )
    file.unlink()
    return f"names {file}, but {file} is not there; put {CONTENT[file.name]} there or name another file"


def make_unreadable(file: Path) -> str:
    """Put a folder in the place of a file, which not even root can read."""
    file.unlink(missing_ok=True)
    file.mkdir()
    return f"names {file}, but {file} cannot be read (Is a directory); make it readable or name another file"


def malform(content: bytes) -> Callable[[Path], str]:
    def spoil(file: Path) -> str:
        file.write_bytes(content)
        return f"names {file}, which does not hold {CONTENT[file.name]}; put that there or name another file"

    return spoil


FAULTS = {
    "missing": take_away,
    "unreadable": make_unreadable,
    "no JSON": malform(b"geheim\n"),
    "other JSON": malform(b'{"geheim": 1}\n'),
    "no text": malform(b"\xff\xfe\x00geheim\n"),
}


def sentence(name: str, fault: str) -> str:
    return f"Setting STADSBEURS_{name.upper()} {fault}."


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("factory", "name"), EACH, ids=lambda value: str(value))
def test_a_file_that_cannot_be_used_ends_the_start_with_its_sentence(
    factory: str, name: str, fault: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = FAULTS[fault](folder / name)
    module, _, function = factory.partition(":")
    with pytest.raises(SystemExit) as end:
        getattr(import_module(module), function)()
    assert end.value.code == 2
    assert capsys.readouterr().err == sentence(name, said) + "\n"


@pytest.mark.parametrize("factory", PROCESSES)
def test_the_process_itself_says_a_sentence_for_each_file_and_no_traceback(factory: str, folder: Path) -> None:
    options, kind = PROCESSES[factory]
    expected = [sentence(name, take_away(folder / name)) for name in files_of(kind)]
    ended = subprocess.run(
        [sys.executable, "-m", options[0], factory, *options[1:]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == expected


@pytest.mark.parametrize("name", ["signing_key_file", "seal_key_file"])
def test_a_key_that_cannot_sign_is_found_before_anything_is_to_be_signed(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = json.loads((folder / name).read_text())
    for spoilt in ({part: value for part, value in key.items() if part != "d"}, {**key, "crv": "X25519"}):
        (folder / name).write_text(json.dumps(spoilt))
        with pytest.raises(SystemExit):
            import_module("wallet.tasks").worker()
        assert f"which does not hold {CONTENT[name]}" in capsys.readouterr().err


def test_a_vault_key_of_the_wrong_length_is_found_at_the_start_and_not_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "vault_keys_file"
    content = json.loads(file.read_text())
    content["index"]["keys"] = {content["index"]["current"]: "Z2VoZWlt"}
    file.write_text(json.dumps(content))
    with pytest.raises(SystemExit):
        import_module("wallet.app").api()
    said = capsys.readouterr().err
    assert said.startswith(f"Setting STADSBEURS_VAULT_KEYS_FILE names {file}, which does not hold ")
    assert "Z2VoZWlt" not in said


@pytest.mark.parametrize("kind", [GatewaySettings, WalletSettings, BurgerbudgetSettings])
def test_every_setting_that_names_a_file_says_how_it_is_read(kind: type[Settings]) -> None:
    named = {name for name in kind.model_fields if name.endswith("_file")}
    assert named == set(files_of(kind)) <= set(CONTENT)
    assert {name for name, mark in files_of(kind).items() if mark.made_later} <= MADE_LATER
