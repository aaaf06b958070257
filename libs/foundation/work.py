"""`python -m foundation.work wallet.tasks:worker --queues wallet.jobs --port 8102 --beat`: run one worker.

Celery only wakes somebody up: a message holds an id, and what is to be done is a row. The worker is a main
process with one child that works; the child shows health and metrics, because what counts is whether it gets
work done, not whether its parent stands.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import structlog
from celery import Celery
from celery.beat import Scheduler
from celery.signals import beat_embedded_init, setup_logging, worker_process_init, worker_shutting_down
from kombu import Queue  # type: ignore[attr-defined]
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from foundation import outbox
from foundation.database import Database
from foundation.metrics import OUTBOX_AGE, OUTBOX_PARKED, TASKS
from foundation.observability import configure_logging
from foundation.processes import collect_garbage_rarely, die_with_parent
from foundation.settings import ServiceSettings

TICK_S = 2.0
STALE_AFTER_S = 75.0
"""A worker whose last task ended longer ago is not ready: above the hard time limit of one task."""

TASK_TIME_LIMIT_S = 60
VISIBILITY_TIMEOUT_S = 120
WORKER_CONNECTIONS = 5
STOPS_WITHIN_S = 20.0
"""From the order to stop: what runs may end, and what does not is cut off. Its rows are found again."""
GIVES_WAY = 10
"""How much a worker steps back (`nice`): where processors are short, what somebody waits for goes before what nobody does."""

SILENCE_S = 5.0
"""How long a bell that failed does not ring; the sweep comes every `TICK_S`."""

log = structlog.get_logger()

Task = Callable[..., None]


class Clock(Scheduler):  # type: ignore[misc]  # Celery has no types
    """Sleeps until something is due, and keeps nothing: after a restart each task comes around within its interval.

    Celery's own clock wakes 10 ms before, and then asks for the time until they have passed.
    """

    def adjust(self, n: float | None, *_: float) -> float | None:
        """Give how long to sleep: no less than what is left."""
        return n


def configure(name: str, redis_url: str) -> Celery:
    """Make the Celery application of one service with the settings that survive kills and restarts."""
    app = Celery(name, broker=redis_url)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_concurrency=1,
        worker_max_tasks_per_child=20_000,
        worker_soft_shutdown_timeout=STOPS_WITHIN_S,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        task_time_limit=TASK_TIME_LIMIT_S,
        task_soft_time_limit=TASK_TIME_LIMIT_S - 5,
        task_default_queue=f"{name}.jobs",
        task_create_missing_queues=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_acquire_timeout=2,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 2,
            "global_keyprefix": f"{name}:",
            # A bell rings while somebody waits for an answer: without a broker it is given up at once. Kombu's own
            # choice is to try for 6 s. The worker's connection has its own settings, and tries for ever.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
        redis_socket_timeout=10,
        redis_socket_connect_timeout=2,
        enable_utc=True,
        beat_scheduler=Clock,
    )
    return app


class Bell:
    """Rings for the worker: one message, an id and nothing else. A bell that fails costs a moment, never a row."""

    def __init__(self, app: Celery, queue: str, task: str) -> None:
        self._app = app
        self._queue = queue
        self._task = task
        self._silent_until = 0.0

    def __call__(self, row_id: UUID) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            self._app.send_task(self._task, [str(row_id)], queue=self._queue, retry=False, expires=VISIBILITY_TIMEOUT_S)
        except Exception as error:
            # A broker that does not even refuse costs 2 s for each bell: the sweep does without for a while.
            self._silent_until = time.monotonic() + SILENCE_S
            log.warning("bell-silent", error=type(error).__name__, outbox_id=str(row_id))


class Worker:
    """The tasks of one service, their queues and their schedule."""

    def __init__(self, name: str, *, redis_url: str, database: Callable[[], Database]) -> None:
        """`database` makes this process's connections: called in the child, since a pool must not cross a fork."""
        self.name = name
        self.celery = configure(name, redis_url)
        self._make_database = database
        self._database: Database | None = None
        self.progress_at = time.monotonic()

    @classmethod
    def of(cls, name: str, settings: ServiceSettings) -> Worker:
        """Make the worker of a service as its settings say; its logging begins with it."""
        configure_logging(f"{name}-worker", settings.log_level)
        return cls(
            name,
            redis_url=settings.redis_url.get_secret_value(),
            database=lambda: Database.of(settings, f"{name}-worker", pool_size=WORKER_CONNECTIONS),
        )

    @property
    def database(self) -> Database:
        if self._database is None:
            self._database = self._make_database()
        return self._database

    @property
    def jobs_queue(self) -> str:
        return f"{self.name}.jobs"

    @property
    def outbox_queue(self) -> str:
        return f"{self.name}.outbox"

    def task(self, name: str, queue: str, act: Task, *, every_s: float | None = None) -> None:
        """Register a task; with `every_s` it is also on the schedule.

        A scheduled message expires before the next: when a worker is busy, ticks do not pile up behind it.
        """

        def run(*arguments: str) -> None:
            began = time.perf_counter()
            outcome = "failed"
            try:
                act(*arguments)
                outcome = "done"
            except Exception:
                # A task that fails is not sent again: its row is still there, and the sweep finds it.
                log.exception("task-failed", task=name)
            finally:
                self.progress_at = time.monotonic()
                TASKS.labels(name, outcome).observe(time.perf_counter() - began)

        # Celery writes a function of this name to check arguments with; a lambda's would be no name.
        run.__name__ = name.replace("-", "_")
        # Not shared: Celery would add it to every other application of this process too.
        self.celery.task(run, name=name, shared=False)
        if every_s is not None:
            self.celery.conf.beat_schedule[f"{name}@{queue}"] = {
                "task": name,
                "schedule": every_s,
                "options": {"queue": queue, "expires": max(every_s, 1.0)},
            }

    def deliver_outbox(self, handlers: Callable[[], Mapping[str, outbox.Handler]]) -> None:
        """Deliver this service's outbox: at the bell, and by a sweep that finds what no bell announced.

        `handlers` is called in the child that works, so that no connection crosses the fork.
        """

        def ring(row_id: str) -> None:
            outbox.deliver_one(self.database, handlers(), UUID(row_id))
            sweep()

        def sweep() -> None:
            until = time.monotonic() + TASK_TIME_LIMIT_S / 2
            while time.monotonic() < until and outbox.deliver_one(self.database, handlers()):
                self.progress_at = time.monotonic()
            found = outbox.counts(self.database)
            OUTBOX_AGE.set(found["ageSeconds"])
            OUTBOX_PARKED.set(found["parked"])

        self.task("deliver-announced-outbox-row", self.outbox_queue, ring)
        self.task("deliver-due-outbox", self.outbox_queue, sweep, every_s=TICK_S)
        outbox.hang_bell(Bell(self.celery, self.outbox_queue, "deliver-announced-outbox-row"))

    def is_ready(self) -> bool:
        """Tell whether work gets done: a task ended lately and the database answers."""
        return time.monotonic() - self.progress_at < STALE_AFTER_S and self.database.answers()


def _show_health(worker: Worker, port: int) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif self.path in ("/healthz", "/readyz"):
                ready = self.path == "/healthz" or worker.is_ready()
                body = json.dumps({"status": "ready" if ready else "not ready"}).encode()
                self._answer(200 if ready else 503, "application/json", body)
            else:
                self._answer(404, "text/plain", b"")

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named by its base)
            """Say nothing: probes come every second."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()


def _cut_off() -> None:
    log.warning("worker-cut-off")
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run one worker of the house.")
    parser.add_argument("factory", help="module:function that makes the worker, such as wallet.tasks:worker")
    parser.add_argument("--queues", required=True, help="comma-separated queues to work")
    parser.add_argument("--port", type=int, required=True, help="where health and metrics are shown")
    parser.add_argument("--beat", action="store_true", help="also tick the schedule")
    parser.add_argument(
        "--stops-within",
        type=float,
        default=STOPS_WITHIN_S,
        metavar="SECONDS",
        help="what still runs so long after the order to stop is cut off",
    )
    arguments = parser.parse_args()
    die_with_parent()
    os.nice(GIVES_WAY)
    module, _, function = arguments.factory.partition(":")
    worker: Worker = getattr(importlib.import_module(module), function)()
    worker.celery.conf.task_queues = [Queue(name) for name in arguments.queues.split(",")]

    @worker_process_init.connect(weak=False)
    def child_started(**_: Any) -> None:
        die_with_parent(always=True)
        collect_garbage_rarely()
        worker.progress_at = time.monotonic()
        _show_health(worker, arguments.port)

    @beat_embedded_init.connect(weak=False)
    def clock_started(**_: Any) -> None:
        die_with_parent(always=True)

    @worker_shutting_down.connect(weak=False)
    def end_at_last(**_: Any) -> None:
        # Celery waits for its child without a limit, also for one that was killed while it worked.
        limit = threading.Timer(arguments.stops_within, _cut_off)
        limit.daemon = True
        limit.start()

    @setup_logging.connect(weak=False)
    def keep_our_logging(**_: Any) -> None:
        """Celery's own set-up would replace the JSON lines."""

    options = [
        "worker",
        "--pool=prefork",
        "--concurrency=1",
        f"--queues={arguments.queues}",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    options.append(f"--hostname={worker.name}-{arguments.port}@%h")
    if arguments.beat:
        options.append("--beat")
    worker.celery.worker_main(options)


if __name__ == "__main__":
    main()
