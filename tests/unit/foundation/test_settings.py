"""Settings: what is missing ends the process with a sentence, what is unsafe is refused in production."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.settings import ServiceSettings, Settings, load
from stadsbeurs import keys

COMPLETE = {
    "STADSBEURS_ENVIRONMENT": "local",
    "STADSBEURS_SIGNING_KEY_FILE": "own.jwk",
    "STADSBEURS_TRUSTED_KEYS_FILE": "trusted.json",
    "STADSBEURS_DATABASE_URL": "postgresql://burgerbudget_service:geheim-woord@db/stadsbeurs_burgerbudget",
    "STADSBEURS_REDIS_URL": "redis://:ander-geheim@broker/0",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Complete settings, whose files are those of the current folder."""
    keys.ensure(tmp_path / "keys", ["own"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.jwk").symlink_to(keys.signing_key_file(tmp_path / "keys", "own"))
    (tmp_path / "trusted.json").symlink_to(keys.trusted_keys_file(tmp_path / "keys"))
    for name in [name for name in os.environ if name.startswith("STADSBEURS_")]:
        monkeypatch.delenv(name)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def refusal_of(kind: type[Settings], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        load(kind)
    assert end.value.code == 2
    return capsys.readouterr().err


def test_complete_settings_are_read(environment: pytest.MonkeyPatch) -> None:
    settings = load(ServiceSettings)
    assert settings.environment == "local"
    assert settings.database_pool_size == 10
    assert settings.business_date_file is None


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_missing_setting_is_named_in_one_sentence(
    name: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv(name)
    assert refusal_of(ServiceSettings, capsys) == f"Setting {name} is not set.\n"


def test_an_empty_setting_is_a_missing_one(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.setenv("STADSBEURS_REDIS_URL", "")
    assert refusal_of(ServiceSettings, capsys) == "Setting STADSBEURS_REDIS_URL is not set.\n"


def test_a_wrong_value_is_named_and_not_shown(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("STADSBEURS_ENVIRONMENT", "geheime-productie")
    said = refusal_of(ServiceSettings, capsys)
    assert said.startswith("Setting STADSBEURS_ENVIRONMENT ")
    assert "geheime-productie" not in said
    assert said.count("\n") == 1


def test_production_refuses_a_business_date_held_still(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("STADSBEURS_BUSINESS_DATE_FILE", "business-date")
    assert load(ServiceSettings).business_date_file == Path("business-date")
    environment.setenv("STADSBEURS_ENVIRONMENT", "production")
    said = refusal_of(ServiceSettings, capsys)
    assert said == "Setting STADSBEURS_BUSINESS_DATE_FILE holds the business date still; production refuses it.\n"


def test_passwords_do_not_show_when_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    settings = load(ServiceSettings)
    assert "geheim" not in f"{settings!r} {settings}"


def test_a_process_without_settings_ends_with_a_sentence_a_line_and_no_traceback() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STADSBEURS_")}
    ended = subprocess.run(
        [sys.executable, "-m", "foundation.serve", "burgerbudget.app:api", "--port", "1"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert "Setting STADSBEURS_DATABASE_URL is not set." in lines
    assert all(line.startswith("Setting STADSBEURS_") for line in lines)
