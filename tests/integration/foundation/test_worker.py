"""A real worker on a real broker: woken by a bell, or by the clock when no bell was heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest
import redis
from sqlalchemy import text

from foundation import outbox
from foundation.database import Database
from foundation.work import STOPS_WITHIN_S, Bell, configure
from stadsbeurs import ports, valkey
from tests.support import tiny
from tests.support.databases import ServiceDatabase

ROOT = Path(__file__).parents[3]
QUEUE = "tiny.outbox"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[valkey.RunningValkey]:
    running = valkey.start(tmp_path_factory.mktemp("valkey"), durable=False)
    yield running
    running.stop()


@pytest.fixture
def broker_client(broker: valkey.RunningValkey) -> Iterator[Any]:
    client = redis.Redis.from_url(broker.url())
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def deliveries(tmp_path: Path) -> Callable[[], list[str]]:
    file = tmp_path / "deliveries"
    file.touch()

    def texts() -> list[str]:
        return file.read_text(encoding="utf-8").splitlines()

    return texts


@pytest.fixture
def worker(
    tiny_db: ServiceDatabase, broker: valkey.RunningValkey, broker_client: Any, tmp_path: Path
) -> Callable[..., Any]:
    @contextmanager
    def running(*options: str) -> Iterator[int]:
        port = ports.pick()
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "STADSBEURS_DATABASE_URL": tiny_db.service_url,
            "STADSBEURS_REDIS_URL": broker.url(),
            tiny.DELIVERIES: str(tmp_path / "deliveries"),
        }
        command = [sys.executable, "-m", "foundation.work", "tests.support.tiny:worker", "--queues", QUEUE]
        with (tmp_path / "worker.log").open("ab") as log:
            child = subprocess.Popen(
                [*command, "--port", str(port), *options],
                cwd=tmp_path,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until(lambda: answers(port), f"the worker; it said {(tmp_path / 'worker.log').read_text()[-2000:]}")
            yield port
        finally:
            child.terminate()
            try:
                child.wait(STOPS_WITHIN_S + 15)
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait(5)

    return running


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(met: Callable[[], bool], what: str, within_s: float = 40.0) -> None:
    until = time.monotonic() + within_s
    while not met():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.05)


def enqueue(database: Database, note: str, **payload: Any) -> UUID:
    return database.run(lambda db: outbox.enqueue(db, tiny.KIND, note, {"text": note, **payload}))


def state_of(database: Database, row_id: UUID) -> str:
    with database.transaction() as db:
        return str(db.execute(text("SELECT state FROM outbox WHERE id = :id"), {"id": row_id}).scalar_one())


def test_a_bell_has_the_row_delivered(
    worker: Callable[..., Any], database: Database, broker: valkey.RunningValkey, deliveries: Callable[[], list[str]]
) -> None:
    """Without the clock: only the bell can have woken the worker."""
    silent = enqueue(database, "before the bell hung")
    outbox.hang_bell(Bell(configure(tiny.NAME, broker.url()), QUEUE, "deliver-announced-outbox-row"))
    with worker() as port:
        row_id = enqueue(database, "rung")
        wait_until(lambda: state_of(database, row_id) == "done", "the row that the bell announced")
        assert deliveries()[0] == "rung"
        wait_until(lambda: state_of(database, silent) == "done", "what the sweep after it found")
        assert deliveries() == ["rung", "before the bell hung"]
        counted = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert 'stadsbeurs_outbox_delivered_total{kind="note"} 2.0' in counted
        assert httpx.get(f"http://127.0.0.1:{port}/other").status_code == 404


def test_the_sweep_finds_what_no_bell_announced_and_a_broker_that_forgets_everything_loses_nothing(
    worker: Callable[..., Any],
    database: Database,
    broker: valkey.RunningValkey,
    broker_client: Any,
    deliveries: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    ring = Bell(configure(tiny.NAME, broker.url()), QUEUE, "deliver-announced-outbox-row")
    with worker("--beat"):
        first = enqueue(database, "silent")
        wait_until(lambda: state_of(database, first) == "done", "the sweep")
        # The worker is in the middle of a delivery, bells wait behind it, and the broker forgets all of it.
        slow = enqueue(database, "slow", sleep=2)
        wait_until(lambda: state_of(database, slow) == "leased", "the delivery to begin")
        outbox.hang_bell(ring)
        rows = [enqueue(database, f"note {number}") for number in range(5)]
        assert broker_client.flushall()
        outbox.hang_bell(None)
        rows.append(enqueue(database, "after the flood"))
        wait_until(lambda: all(state_of(database, row) == "done" for row in [slow, *rows]), "the rows after the flood")
        outbox.hang_bell(ring)
        rung = enqueue(database, "rung after the flood")
        wait_until(lambda: state_of(database, rung) == "done", "the bell after the flood")
        assert sorted(deliveries()) == sorted(
            ["silent", "slow", "after the flood", "rung after the flood", *(f"note {number}" for number in range(5))]
        )
        # A child that is killed in the middle of its work is replaced, and its row found again.
        doomed = enqueue(database, "doomed", sleep=3)
        wait_until(lambda: state_of(database, doomed) == "leased", "the delivery that will be cut off")
        os.kill(child_of(tmp_path), signal.SIGKILL)
        with database.transaction() as db:
            db.execute(text("UPDATE outbox SET lease_until = now() WHERE id = :id"), {"id": doomed})
            db.execute(text('UPDATE outbox SET payload = \'{"text": "doomed"}\' WHERE id = :id'), {"id": doomed})
        wait_until(lambda: state_of(database, doomed) == "done", "another child to deliver it")
        assert deliveries().count("doomed") == 1


def test_a_worker_told_to_stop_cuts_off_what_does_not_end_and_its_row_waits_for_another(
    worker: Callable[..., Any], database: Database, deliveries: Callable[[], list[str]], tmp_path: Path
) -> None:
    with worker("--beat", "--stops-within", "1"):
        endless = enqueue(database, "endless", sleep=300)
        wait_until(lambda: state_of(database, endless) == "leased", "the delivery to begin")
        processes = family_of(tmp_path)
    assert len(processes) == 3  # the worker, its child and its clock
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    assert "worker-cut-off" in (tmp_path / "worker.log").read_text()
    assert (state_of(database, endless), deliveries()) == ("leased", [])


def family_of(folder: Path) -> list[psutil.Process]:
    """Give the worker that was started in this folder, its child and its clock."""
    return [
        process
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cwd"] == str(folder) and "foundation.work" in " ".join(process.info["cmdline"] or [])
    ]


def child_of(folder: Path) -> int:
    """Give the process that works: the one that shows its health."""
    for process in family_of(folder):
        if any(connection.status == "LISTEN" for connection in process.net_connections()):
            return int(process.pid)
    raise AssertionError("no child works")


def test_a_bell_without_a_broker_costs_a_moment_and_no_row(database: Database) -> None:
    outbox.hang_bell(
        Bell(configure(tiny.NAME, f"redis://127.0.0.1:{ports.pick()}/0"), QUEUE, "deliver-announced-outbox-row")
    )
    began = time.monotonic()
    rows = [enqueue(database, f"silent {number}") for number in range(20)]
    assert time.monotonic() - began < 3
    assert {state_of(database, row_id) for row_id in rows} == {"pending"}
