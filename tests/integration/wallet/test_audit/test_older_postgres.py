"""The same books on an older PostgreSQL, where this machine has one: 15, 16 and 17 are promised as well as 18."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stadsbeurs import ports
from tests.support.databases import ServiceDatabase, TestServer

OLDER = (15, 16, 17)


class OlderPostgres:
    """A server of the system's own programs, as an administrator would start it, at an address of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.port = ports.pick()
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._account = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
        data = folder / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--no-sync", "-A", "trust"]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **self._account)
        settings = (f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off")
        options = [part for setting in settings for part in ("-c", setting)]
        self._child = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), *options], cwd="/", stderr=subprocess.DEVNULL, **self._account
        )
        for _ in range(100):
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)

    def url(self, database: str = "postgres", user: str = "postgres", password: str = "") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(30)


@pytest.fixture(scope="module")
def older_server() -> Iterator[TestServer]:
    folders = [Path(f"/usr/lib/postgresql/{major}/bin") for major in OLDER]
    programs = next((folder for folder in folders if (folder / "initdb").exists()), None)
    if programs is None:
        pytest.skip("this machine has no PostgreSQL older than 18 to try")
    folder = Path(tempfile.mkdtemp(prefix="older-postgres-"))
    folder.chmod(0o755)
    running = OlderPostgres(programs, folder)
    yield TestServer(running)  # type: ignore[arg-type]
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def wallet_db(older_server: TestServer) -> Iterator[ServiceDatabase]:
    with older_server.fresh("wallet") as made:
        yield made


def test_books_are_posted_sealed_and_verified_on_an_older_postgres(sealed: Any) -> None:
    """Deferred triggers run with other rights before 18: a seal is signed and committed all the same."""
    report = sealed.books.verify()

    assert report.ok
    assert (report.blocks, report.journals, report.unsealed) == (2, 4, 0)


def test_the_burgerbudget_migrates_on_an_older_postgres(older_server: TestServer) -> None:
    with older_server.fresh("burgerbudget") as made:
        assert made.database.answers()
