from __future__ import annotations

from pathlib import Path

import pytest

from stadsbeurs import orphans, provision
from stadsbeurs.installation import Installation, project_folder, refuse_production
from stadsbeurs.mistakes import Mistake
from stadsbeurs.postgres import tuned

GIB = 1024**3


def test_the_project_is_the_nearest_folder_with_a_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    deep = tmp_path / "services" / "wallet"
    deep.mkdir(parents=True)
    assert project_folder(deep) == tmp_path


def test_outside_a_project_the_installation_is_where_we_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Installation.at(None).root == tmp_path / ".stadsbeurs"
    assert Installation.at(Path("x")).root == tmp_path / "x"


def test_two_cannot_have_one_installation_in_use(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.make()
    assert installation.holder() is None
    lock = installation.lock()
    with pytest.raises(Mistake, match=r"already runs in .* \(process \d+\); stop it with `stadsbeurs down`"):
        installation.lock()
    assert installation.holder() is not None
    lock.close()
    assert installation.holder() is None
    installation.lock().close()


def test_a_state_that_is_half_there_counts_as_none(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.make()
    installation.state_file.write_text('{"phase": "rea')
    assert installation.state() == {}


@pytest.mark.parametrize("impossible", ["file/below", "/proc/stadsbeurs"])
def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, impossible: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Mistake, match="Cannot create the folder"):
        Installation(tmp_path / impossible).make()


def test_a_number_that_another_process_has_now_is_no_orphan() -> None:
    import os

    from stadsbeurs.processes import start_mark

    ours = {"pid": os.getpid(), "mark": start_mark(os.getpid())}
    assert orphans.living({"processes": {"a": ours}}) == {"a": os.getpid()}
    assert orphans.living({"processes": {"a": {**ours, "mark": "another"}, "b": {"pid": None}}}) == {}


@pytest.mark.parametrize(("environment", "why"), [("production", "local installation only"), ("test", "must be local")])
def test_what_is_local_is_refused_elsewhere(environment: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STADSBEURS_ENVIRONMENT", environment)
    with pytest.raises(Mistake, match=why):
        refuse_production("today")


@pytest.mark.parametrize("url", ["", "elsewhere", "mysql://u@h/d", "postgresql://", "postgresql://h:port/d"])
def test_what_is_no_address_of_a_database_is_a_sentence(url: str) -> None:
    with pytest.raises(Mistake, match="STADSBEURS_DATABASE_URL is not an address such as postgresql://"):
        provision.check_address("STADSBEURS_DATABASE_URL", url, ("postgresql", "postgres"))


def test_the_address_of_a_service_keeps_host_and_options_and_hides_nothing_else() -> None:
    assert provision.address("postgresql://admin:a%40b@db.example:6432/postgres?sslmode=require", "d", "r", "p/w") == (
        "postgresql://r:p%2Fw@db.example:6432/d?sslmode=require"
    )


@pytest.mark.parametrize(("memory", "buffers"), [(1, "128MB"), (4, "256MB"), (8, "512MB"), (64, "512MB")])
def test_postgresql_takes_a_sixteenth_of_the_memory_within_bounds(memory: int, buffers: str) -> None:
    assert tuned(memory * GIB)["shared_buffers"] == buffers


def test_only_what_is_asked_not_to_be_durable_is_not() -> None:
    assert {name: tuned(GIB)[name] for name in ("fsync", "synchronous_commit")} == {
        "fsync": "on",
        "synchronous_commit": "on",
    }
    assert tuned(GIB, durable=False)["fsync"] == "off"
