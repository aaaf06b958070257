"""The outbox: what must reach another service is a row, written in the transaction of the decision.

A message on the broker only rings the bell; a sweep finds what it missed. A row is leased with a fencing token
and its attempt counted before the work, so that a row which kills its worker still runs out of tries. Order is kept by
naming predecessors: a row waits until every row in its `after` is done. What a rule refused, or what ran
out of tries, is parked (`dead`): visible, and sent again only when somebody resumes it.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from foundation.clock import now
from foundation.database import Database, after_commit
from foundation.identifiers import new_id
from foundation.metrics import OUTBOX_DELIVERED, OUTBOX_FAILED
from foundation.refusals import NotFound

MAX_ATTEMPTS = 12
EXHAUSTED = "attemptsExhausted"
BACKOFF_BASE_S = 2.0
BACKOFF_CAP_S = 900.0
LEASE_S = 20
LEASE_KEPT_EVERY_S = 5.0
"""A lease is kept up while its delivery lasts, so that one which ends means a dead worker and is soon taken over."""

log = structlog.get_logger()

Bell = Callable[[UUID], None]


class DeliveryRefused(Exception):
    """The other side understood and said no: trying again changes nothing, so the row is parked."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class DeliveryFailed(Exception):
    """The other side did not answer, or not yet: the same row is tried again with the same key."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Leased:
    """A row that this process may deliver until its lease ends."""

    id: UUID
    kind: str
    dedupe_key: str
    subject: str
    payload: dict[str, Any]
    attempts: int
    resumptions: int
    token: UUID

    @property
    def request_key(self) -> str:
        """The idempotency key to send: a resumption is a new request, a retry is the same one."""
        return f"{self.dedupe_key}#{self.resumptions}" if self.resumptions else self.dedupe_key


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of row is delivered, and what is written down when it was, or when it is parked."""

    deliver: Callable[[Leased], Mapping[str, Any]]
    done: Callable[[Session, Leased, Mapping[str, Any]], None] = lambda db, row, answer: None
    parked: Callable[[Session, Leased, str, str], None] = lambda db, row, code, message: None


def enqueue(
    db: Session,
    kind: str,
    dedupe_key: str,
    payload: Mapping[str, Any],
    *,
    subject: str = "",
    after: Sequence[UUID] = (),
) -> UUID:
    """Write one row; the bell is rung once the transaction is committed. Returns its id."""
    row_id = new_id()
    db.execute(
        text(
            "INSERT INTO outbox (id, kind, dedupe_key, subject, payload, after, state, attempts, resumptions,"
            " next_at, created_at)"
            " VALUES (:id, :kind, :dedupe_key, :subject, CAST(:payload AS jsonb), :after, 'pending', 0, 0, :now, :now)"
        ),
        {
            "id": row_id,
            "kind": kind,
            "dedupe_key": dedupe_key,
            "subject": subject,
            "payload": _json(payload),
            "after": list(after),
            "now": now(),
        },
    )
    ring(db, row_id)
    return row_id


def undone(db: Session, ids: Sequence[UUID]) -> list[UUID]:
    """Give those of these rows that are not yet delivered: the predecessors worth naming."""
    if not ids:
        return []
    found = db.execute(
        text("SELECT id FROM outbox WHERE id = ANY(:ids) AND state IN ('pending', 'leased', 'dead')"),
        {"ids": list(ids)},
    )
    return [row.id for row in found]


_bell: Bell | None = None


def hang_bell(bell: Bell | None) -> None:
    """Set what rings after a commit: a message on the broker with the row's id and nothing else."""
    global _bell
    _bell = bell


def ring(db: Session, row_id: UUID) -> None:
    def hook() -> None:
        if _bell is not None:
            _bell(row_id)

    after_commit(db, hook)


_DUE = """
    state IN ('pending', 'leased')
    AND CASE state WHEN 'pending' THEN next_at <= :now ELSE lease_until <= :now END
    AND NOT EXISTS (
        SELECT 1 FROM outbox earlier WHERE earlier.id = ANY(outbox.after) AND earlier.state IN ('pending', 'leased', 'dead')
    )
"""


def due(database: Database, limit: int = 100) -> list[UUID]:
    """Give the rows that may be delivered now, oldest first."""
    with database.transaction() as db:
        rows = db.execute(
            text(f"SELECT id FROM outbox WHERE {_DUE} ORDER BY sequence LIMIT :limit"), {"now": now(), "limit": limit}
        )
        return [row.id for row in rows]


def lease(database: Database, row_id: UUID | None = None) -> Leased | None:
    """Take the lease of this row, or of the oldest that is due; counts the attempt. None when there is nothing."""
    token = new_id()
    which = "AND id = :id" if row_id else ""
    with database.transaction() as db:
        row = db.execute(
            text(
                f"""
                UPDATE outbox SET state = 'leased', attempts = attempts + 1, lease_token = :token, lease_until = :until
                WHERE id = (SELECT id FROM outbox WHERE {_DUE} {which} ORDER BY sequence LIMIT 1 FOR UPDATE SKIP LOCKED)
                RETURNING id, kind, dedupe_key, subject, payload, attempts, resumptions
                """
            ),
            {"now": now(), "token": token, "until": now() + timedelta(seconds=LEASE_S), "id": row_id},
        ).first()
    return None if row is None else Leased(**row._mapping, token=token)


def deliver_one(database: Database, handlers: Mapping[str, Handler], row_id: UUID | None = None) -> bool:
    """Lease and deliver one row. Returns whether there was one."""
    row = lease(database, row_id)
    if row is None:
        return False
    handler = handlers.get(row.kind, _UNKNOWN_KIND)
    if row.attempts > MAX_ATTEMPTS:
        # Its last attempts ended without a word: it killed or outlasted its worker.
        _park(database, handler, row, EXHAUSTED, "every attempt ended without an answer")
        return True
    try:
        with _kept(database, row):
            answer = handler.deliver(row)
        _finish(database, handler, row, answer)
    except DeliveryRefused as refusal:
        _park(database, handler, row, refusal.code, refusal.message)
    except DeliveryFailed as failure:
        _fail(database, handler, row, str(failure), failure.retry_after_s)
    except Exception as fault:
        # A fault of ours in the handler: tried again like an outage, and parked when it stays.
        log.exception("outbox-handler-failed", outbox_id=str(row.id), kind=row.kind)
        _fail(database, handler, row, type(fault).__name__, None)
    return True


def _not_ours(row: Leased) -> Mapping[str, Any]:
    # While a new version is rolled out: the new worker knows it, and this one must not stop for it.
    raise DeliveryFailed(f"no handler for {row.kind}")


_UNKNOWN_KIND = Handler(_not_ours)


@contextmanager
def _kept(database: Database, row: Leased) -> Iterator[None]:
    """Keep the lease up from beside the delivery; a worker that is killed stops doing so."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(LEASE_KEPT_EVERY_S):
            try:
                with database.transaction() as db:
                    db.execute(
                        text("UPDATE outbox SET lease_until = :until WHERE id = :id AND lease_token = :token"),
                        {"until": now() + timedelta(seconds=LEASE_S), "id": row.id, "token": row.token},
                    )
            except SQLAlchemyError as error:
                log.warning("outbox-lease-not-kept", outbox_id=str(row.id), error=type(error).__name__)

    keeper = threading.Thread(target=keep, name="outbox-lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _finish(database: Database, handler: Handler, row: Leased, answer: Mapping[str, Any]) -> None:
    def act(db: Session) -> None:
        if _leave(db, row, "done", done_at=now()):
            handler.done(db, row, answer)

    database.run(act)
    OUTBOX_DELIVERED.labels(row.kind).inc()


def _park(database: Database, handler: Handler, row: Leased, code: str, message: str) -> None:
    def act(db: Session) -> None:
        if _leave(db, row, "dead", last_error=message, error_code=code):
            handler.parked(db, row, code, message)

    database.run(act)
    OUTBOX_FAILED.labels(row.kind).inc()
    log.warning("outbox-parked", outbox_id=str(row.id), kind=row.kind, code=code)


def _fail(database: Database, handler: Handler, row: Leased, error: str, retry_after_s: float | None) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        _park(database, handler, row, EXHAUSTED, error)
        return
    ceiling = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2 ** (row.attempts - 1))
    asked_s = min(BACKOFF_CAP_S, retry_after_s or 0.0)
    # Half of it is certain: a retry at once meets the same outage, and counts as an attempt.
    wait_s = max(asked_s, random.uniform(ceiling / 2, ceiling))  # noqa: S311 (spreads retries, hides nothing)
    database.run(lambda db: _leave(db, row, "pending", next_at=now() + timedelta(seconds=wait_s), last_error=error))
    log.info("outbox-postponed", outbox_id=str(row.id), kind=row.kind, attempts=row.attempts, wait_s=round(wait_s, 1))


def _leave(db: Session, row: Leased, state: str, **changes: Any) -> bool:
    """End the lease. False when somebody else holds it by now: then nothing may be written down (fencing)."""
    assignments = "".join(f", {name} = :{name}" for name in changes)
    left = db.execute(
        text(
            f"UPDATE outbox SET state = :state, lease_token = NULL, lease_until = NULL{assignments}"
            " WHERE id = :id AND lease_token = :token RETURNING 1"
        ),
        {"state": state, "id": row.id, "token": row.token, **changes},
    ).first()
    if left is None:
        log.warning("outbox-lease-lost", outbox_id=str(row.id), kind=row.kind)
    return left is not None


def resume(db: Session, row_id: UUID) -> None:
    """Send a parked row again. Raises `NotFound` when there is no such parked row.

    What was refused is asked under a new request key. What ran out of tries keeps its key: it may have been done
    without our hearing of it, and then the answer of that time comes back.
    """
    resumed = db.execute(
        text(
            "UPDATE outbox SET state = 'pending', attempts = 0, next_at = :now, last_error = NULL, error_code = NULL,"
            " resumptions = resumptions + CASE WHEN error_code = :exhausted THEN 0 ELSE 1 END"
            " WHERE id = :id AND state = 'dead' RETURNING id"
        ),
        {"id": row_id, "now": now(), "exhausted": EXHAUSTED},
    ).first()
    if resumed is None:
        raise NotFound(f"Er staat geen bericht {row_id} geparkeerd.")
    ring(db, row_id)


def counts(database: Database) -> dict[str, Any]:
    """Give how many rows wait and are parked, and the age in seconds of the oldest that waits."""
    with database.transaction() as db:
        row = db.execute(
            text(
                "SELECT count(*) FILTER (WHERE state <> 'dead') AS waiting, count(*) FILTER (WHERE state = 'dead') AS parked,"
                " coalesce(extract(epoch FROM :now - min(created_at) FILTER (WHERE state <> 'dead')), 0)::float AS age_s"
                " FROM outbox WHERE state IN ('pending', 'leased', 'dead')"
            ),
            {"now": now()},
        ).one()
    return {"waiting": row.waiting, "parked": row.parked, "ageSeconds": round(row.age_s, 1)}


def _json(payload: Mapping[str, Any]) -> str:
    return to_json(payload).decode()
