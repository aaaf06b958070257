"""The `stadsbeurs` command, with the real PostgreSQL and Valkey and trivial services."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from stadsbeurs import house, ports, provision
from stadsbeurs.installation import Installation
from stadsbeurs.processes import wait_until

TRIVIAL_HOUSE = Path(__file__).with_name("trivial_house")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STADSBEURS_")}
    return {**kept, "PYTHONPATH": str(TRIVIAL_HOUSE), **more}


def stadsbeurs(*arguments: str, folder: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "stadsbeurs", *arguments],
        capture_output=True,
        text=True,
        env=environment(**more),
        cwd=folder,
        timeout=60,
        check=False,
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode != 0
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.endswith(".\n")
    for word in words:
        assert word in result.stderr


def processes_of(root: Path) -> list[psutil.Process]:
    """Every process that stands in this installation or names it, except what the test itself runs."""
    found = []
    for process in psutil.process_iter():
        try:
            named = any(str(root) in argument for argument in process.cmdline())
            inside = process.cwd().startswith(str(root)) or str(root) in process.environ().get(
                "STADSBEURS_TRUSTED_KEYS_FILE", ""
            )
            if (named or inside) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def ask(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        content = json.load(answer)
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """An installation that was started once; a test that needs it running starts it."""
    private = Path(tempfile.mkdtemp(prefix="private-", dir="/var/tmp"))
    yield private / "house"
    stadsbeurs("down", "--data", str(private / "house"))
    shutil.rmtree(private, ignore_errors=True)


@pytest.fixture(scope="module")
def port() -> int:
    return ports.pick()


@pytest.fixture
def running(root: Path, port: int) -> Installation:
    installation = Installation(root)
    if installation.holder() is None:
        result = stadsbeurs("up", "--detach", "--empty", "--port", str(port), "--data", str(root))
        assert result.returncode == 0, result.stderr
        assert f"Stadsbeurs is ready: http://127.0.0.1:{port}" in result.stdout
        assert "caseworker" in result.stdout
    return installation


def test_detached_it_answers_at_once_and_holds_no_stream_of_the_caller_open(running: Installation, port: int) -> None:
    assert ask(port)["settings"]["STADSBEURS_ENVIRONMENT"] == "local"
    holder = running.holder()
    assert holder is not None
    streams = [os.readlink(f"/proc/{holder}/fd/{number}") for number in (0, 1, 2)]
    assert streams == ["/dev/null", str(running.log("supervisor")), str(running.log("supervisor"))]
    for process in processes_of(running.root):
        for entry in Path(f"/proc/{process.pid}/fd").iterdir():
            assert not os.path.realpath(entry).startswith("/dev/pts"), process.cmdline()


def test_a_script_that_reads_all_output_of_a_detached_start_is_not_kept_waiting(
    tmp_path: Path, private_folder: Path
) -> None:
    other = ports.pick()
    command = f"{sys.executable} -P -m stadsbeurs up --detach --empty --port {other} --data {private_folder}"
    shell = subprocess.run(
        ["sh", "-c", f"exec 7>{tmp_path / 'seven'}; {command} 2>&1 | cat"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=True,
    )
    assert "Stadsbeurs is ready" in shell.stdout
    for process in processes_of(private_folder):
        held = [os.path.realpath(entry) for entry in Path(f"/proc/{process.pid}/fd").iterdir()]
        assert str(tmp_path / "seven") not in held
    assert stadsbeurs("down", "--data", str(private_folder)).returncode == 0
    assert processes_of(private_folder) == []


def test_status_shows_each_process_and_is_content_when_all_are_ready(running: Installation) -> None:
    result = stadsbeurs("status", "--data", str(running.root))
    assert result.returncode == 0, result.stdout + result.stderr
    words = [line.split() for line in result.stdout.splitlines()]
    shown = {line[0]: line[1] for line in words if len(line) > 1 and line[1] in ("ready", "done", "starting", "down")}
    once = ["databases", "migrations"]
    staying = [f"{service.name}-api" for service in house.SERVICES]
    workers = [worker.name for service in house.SERVICES for worker in service.workers]
    expected = dict.fromkeys(once, "done") | dict.fromkeys(
        ["postgres", "valkey", *staying, *workers, "gateway"], "ready"
    )
    assert shown == expected | dict.fromkeys(["stripe-stand-in", "telecom-stand-in"], "ready")


def test_a_second_start_in_the_same_folder_is_refused(running: Installation) -> None:
    result = stadsbeurs("up", "--empty", "--port", str(ports.pick()), "--data", str(running.root))
    assert_one_sentence(result, "already runs in", str(running.root), "stadsbeurs down")
    detached = stadsbeurs("up", "--detach", "--empty", "--port", str(ports.pick()), "--data", str(running.root))
    assert_one_sentence(detached, "already runs in")


def test_the_date_is_shown_and_set_and_every_process_is_told_where_it_stands(running: Installation, port: int) -> None:
    assert stadsbeurs("today", "2027-01-01", "--data", str(running.root)).stdout == "2027-01-01\n"
    file = Path(ask(port)["settings"]["STADSBEURS_BUSINESS_DATE_FILE"])
    assert file.read_text() == "2027-01-01\n"
    assert stadsbeurs("--data", str(running.root), "today").stdout == "2027-01-01\n"


def test_a_token_is_printed_alone_on_its_line(running: Installation) -> None:
    result = stadsbeurs("token", "--role", "provider", "--organisation", "o-1", "--data", str(running.root))
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 1
    assert result.stdout.count(".") == 2


def test_a_service_role_may_enter_only_its_own_database_and_make_nothing(running: Installation) -> None:
    plan = house.Plan.of(running.plan())
    wallet, burgerbudget = house.SERVICES[0], house.SERVICES[1]
    with psycopg.connect(house.service_url(running, plan, wallet)) as db:
        assert db.execute("SELECT current_user, current_database()").fetchone() == (
            "wallet_service",
            "stadsbeurs_wallet",
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("CREATE TABLE forbidden (a int)")
    elsewhere = house.service_url(running, plan, wallet).replace(
        provision.database_of("wallet"), provision.database_of("burgerbudget")
    )
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(elsewhere)
    with psycopg.connect(house.owner_url(running, plan, burgerbudget)) as db:
        assert db.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'migrated'").fetchone() == (
            "burgerbudget_owner",
        )


def test_after_a_kill_of_the_supervisor_nothing_is_left_and_the_next_start_works(
    running: Installation, port: int
) -> None:
    plan = running.plan()
    holder = running.holder()
    assert holder is not None
    assert len(processes_of(running.root)) >= 9
    os.kill(holder, signal.SIGKILL)
    assert wait_until(lambda: not processes_of(running.root), 2.0), [p.cmdline() for p in processes_of(running.root)]
    assert_one_sentence(stadsbeurs("status", "--data", str(running.root)), "does not run in")
    again = stadsbeurs("up", "--detach", "--empty", "--port", str(port), "--data", str(running.root))
    assert again.returncode == 0, again.stderr
    assert running.plan()["ports"] == plan["ports"]
    assert ask(port)["pid"] > 0


def test_down_returns_when_all_processes_are_gone_and_the_data_stay(running: Installation, port: int) -> None:
    result = stadsbeurs("down", "--data", str(running.root))
    assert (result.returncode, result.stdout) == (0, "Stopped.\n")
    assert processes_of(running.root) == []
    assert ports.is_free(port)
    assert (running.root / "postgres" / "data" / "PG_VERSION").exists()
    assert_one_sentence(stadsbeurs("down", "--data", str(running.root)), "does not run in")
    for command in (["verify"], ["proof", "1-1"]):
        assert_one_sentence(stadsbeurs(*command, "--data", str(running.root)), "does not run in", "stadsbeurs up")


def test_a_taken_port_is_one_sentence_also_when_detached(private_folder: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", ports.pick()))
        listener.listen()
        taken = listener.getsockname()[1]
        for detach in ([], ["--detach"]):
            result = stadsbeurs("up", *detach, "--empty", "--port", str(taken), "--data", str(private_folder))
            assert_one_sentence(result, f"Port {taken} is already in use", "--port")
    assert processes_of(private_folder) == []


@pytest.mark.parametrize("detach", [[], ["--detach"]])
@pytest.mark.parametrize("impossible", ["file/house", "/proc/house"])
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, impossible: str, detach: list[str]) -> None:
    (tmp_path / "file").touch()
    result = stadsbeurs("up", *detach, "--empty", "--data", str(tmp_path / impossible))
    assert_one_sentence(result, "Cannot create the folder")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--today", "1-10-2026"], ["'1-10-2026' is not a date", "2026-10-01"]),
        (["up", "--port", "0"], ["Port 0 does not exist"]),
        (["up", "--port", "many"], ["--port"]),
        (["up", "--nonsense"], ["--nonsense"]),
        (["nonsense"], ["nonsense", "status"]),
        (["token"], ["--role"]),
        (["today", "tomorrow"], ["'tomorrow' is not a date"]),
        (["today"], ["There is no Stadsbeurs in", "stadsbeurs up"]),
        (["token", "--role", "auditor"], ["There is no Stadsbeurs in"]),
        (["status"], ["There is no Stadsbeurs in"]),
        (["verify"], ["There is no Stadsbeurs in"]),
        (["verify", "--from-block", "one"], ["--from-block"]),
        (["proof", "1-1"], ["There is no Stadsbeurs in"]),
        (["proof"], ["TRANSFER"]),
        (["down"], ["There is no Stadsbeurs in"]),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], words: list[str], tmp_path: Path) -> None:
    assert_one_sentence(stadsbeurs(*arguments, folder=tmp_path), *words)


def test_an_unknown_role_is_one_sentence(root: Path, running: Installation) -> None:
    result = stadsbeurs("token", "--role", "king", "--data", str(root))
    assert_one_sentence(result, "There is no role 'king'", "caseworker")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("STADSBEURS_DATABASE_URL", "mysql://elsewhere"),
        ("STADSBEURS_REDIS_URL", "elsewhere"),
        ("STADSBEURS_ENVIRONMENT", "production"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(setting: str, value: str, private_folder: Path) -> None:
    result = stadsbeurs(
        "up", "--empty", "--data", str(private_folder), "--port", str(ports.pick()), folder=None, **{setting: value}
    )
    assert_one_sentence(result, setting)


def test_the_date_and_tokens_are_refused_in_production(root: Path, running: Installation) -> None:
    for command in (["today"], ["today", "2026-10-01"], ["token", "--role", "auditor"]):
        result = stadsbeurs(*command, "--data", str(root), STADSBEURS_ENVIRONMENT="production")
        assert_one_sentence(result, "local installation only")


def test_servers_named_in_the_environment_are_used_and_none_of_ours_start(
    running: Installation, private_folder: Path
) -> None:
    servers = running.plan()
    other = ports.pick()
    result = stadsbeurs(
        *("up", "--detach", "--empty", "--port", str(other), "--data", str(private_folder)),
        STADSBEURS_DATABASE_URL=servers["admin_url"],
        STADSBEURS_REDIS_URL=servers["redis_url"],
    )
    assert result.returncode == 0, result.stderr
    try:
        state = Installation(private_folder).state()
        assert not {"postgres", "valkey"} & state["processes"].keys()
        assert not (private_folder / "postgres").exists()
        assert ask(other)["settings"]["STADSBEURS_REDIS_URL"] == servers["redis_url"]
    finally:
        assert stadsbeurs("down", "--data", str(private_folder)).returncode == 0
        # The passwords of the roles are now those of the other installation.
        assert stadsbeurs("down", "--data", str(running.root)).returncode == 0


def test_a_server_that_cannot_be_reached_is_one_sentence(private_folder: Path) -> None:
    nobody = f"postgresql://postgres:x@127.0.0.1:{ports.pick()}/postgres"
    arguments = ["up", "--detach", "--empty", "--port", str(ports.pick()), "--data", str(private_folder)]
    result = stadsbeurs(*arguments, STADSBEURS_DATABASE_URL=nobody)
    assert result.returncode != 0
    assert "databases stopped with exit status 1 during the start: The databases cannot be made: " in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert processes_of(private_folder) == []


def test_ctrl_c_on_a_terminal_stops_everything(private_folder: Path) -> None:
    arguments = ["up", "--empty", "--port", str(ports.pick()), "--data", str(private_folder)]
    command = subprocess.Popen(
        [sys.executable, "-P", "-m", "stadsbeurs", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    assert command.stdout is not None
    for line in command.stdout:
        if line.startswith("Stadsbeurs is ready"):
            break
    os.killpg(command.pid, signal.SIGINT)
    rest = command.stdout.read()
    assert command.wait(20) == 0
    assert rest.endswith("Stopped.\n")
    command.stdout.close()
    assert processes_of(private_folder) == []
