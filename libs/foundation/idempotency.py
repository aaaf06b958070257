"""Same key, same answer: the row that remembers an answer commits together with the work.

Key = (caller, operation, key); fingerprint = SHA-256 of the canonical body. Answers of success and refusals by a
rule are kept and repeated: a retry never turns "too little" into "paid" an hour later. Malformed requests,
missing rights and faults of ours keep nothing, so the same key may be used again after mending them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError
from sqlalchemy import text
from sqlmodel import Session

from foundation.access import Caller, current_caller
from foundation.clock import now
from foundation.database import Database, database_of, is_lock_timeout
from foundation.refusals import BadRequest, Conflict, Refusal, Unprocessable

HIT_HEADER = "Idempotency-Hit"
JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"

# Made once, and not out of their text at every command.
_CLAIM = text(
    "INSERT INTO idempotency (caller, operation, key, fingerprint, created_at)"
    " SELECT u.*, :now FROM unnest(CAST(:callers AS text[]), CAST(:operations AS text[]),"
    " CAST(:keys AS text[]), CAST(:fingerprints AS bytea[])) u ORDER BY 1, 2, 3"
    " ON CONFLICT DO NOTHING RETURNING caller, operation, key"
)
_REMEMBER = text(
    "UPDATE idempotency i SET status = u.status, media_type = u.media_type, body = u.body"
    " FROM unnest(CAST(:callers AS text[]), CAST(:operations AS text[]), CAST(:keys AS text[]),"
    " CAST(:statuses AS smallint[]), CAST(:media_types AS text[]), CAST(:bodies AS text[]))"
    " u(caller, operation, key, status, media_type, body)"
    " WHERE i.caller = u.caller AND i.operation = u.operation AND i.key = u.key"
)

Place = tuple[str, str, str]
"""Caller, operation and key."""


class StillRunning(Conflict):
    code = "stillRunning"


class KeyReused(Unprocessable):
    code = "idempotencyKeyReused"


class Command:
    """One POST with its idempotency key."""

    def __init__(self, database: Database, caller: Caller, operation: str, key: str) -> None:
        self.database = database
        self.caller = caller
        self.operation = operation
        self.key = key

    def once(
        self,
        body: BaseModel | Mapping[str, Any] | None,
        act: Callable[[Session], BaseModel],
        status_code: int | Callable[[], int] = 201,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Run `act` in one transaction and remember its answer, or give the answer remembered.

        `body` is what makes this request the same as an earlier one; a callable `status_code` is asked after `act`.
        40001 and 40P01 are tried again.
        """
        fingerprint = fingerprint_of(body)
        try:
            return self.database.run(lambda db: self._once(db, fingerprint, act, status_code, headers or {}))
        except Exception as error:
            if is_lock_timeout(error):
                raise StillRunning(
                    "Dezelfde aanvraag, of een die hetzelfde raakt, loopt nog. Probeer het zo opnieuw.",
                    headers={"Retry-After": "1"},
                ) from error
            raise

    def _once(
        self,
        db: Session,
        fingerprint: bytes,
        act: Callable[[Session], BaseModel],
        success: int | Callable[[], int],
        headers: Mapping[str, str],
    ) -> Response:
        # The insert waits here for a concurrent request with the same key to commit or roll back.
        if not claim(db, [(self, fingerprint)]):
            return self.repeat(db, fingerprint)
        savepoint = db.begin_nested()
        try:
            answer: BaseModel | Refusal = act(db)
            db.flush()
        except Refusal as refusal:
            if refusal.status != Conflict.status:
                raise
            savepoint.rollback()
            answer = refusal
        else:
            savepoint.commit()
        kept = KeptAnswer.of(answer, success() if callable(success) else success)
        remember(db, [(self, kept)])
        return kept.response(headers)

    def repeat(self, db: Session, fingerprint: bytes) -> Response:
        """Give the answer that is kept under this key. Raises `KeyReused` when it was to another request."""
        kept = db.execute(
            text(
                "SELECT fingerprint, status, media_type, body FROM idempotency"
                " WHERE caller = :caller AND operation = :operation AND key = :key"
            ),
            {"caller": self.caller.key_space, "operation": self.operation, "key": self.key},
        ).one()
        if bytes(kept.fingerprint) != fingerprint:
            raise KeyReused(
                "Deze Idempotency-Key hoort bij een aanvraag met een andere inhoud. Neem een nieuwe sleutel."
            )
        return Response(kept.body, kept.status, {HIT_HEADER: "true"}, kept.media_type)

    @property
    def place(self) -> Place:
        """Where the answer is kept: the caller, the operation and the key."""
        return self.caller.key_space, self.operation, self.key


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it is kept and repeated."""

    status: int
    media_type: str
    content: str

    @classmethod
    def of(cls, answer: BaseModel | Refusal, success: int) -> KeptAnswer:
        """Write down what was done, or the rule that said no."""
        if isinstance(answer, Refusal):
            return cls(answer.status, PROBLEM_TYPE, json.dumps(answer.as_problem()))
        return cls(success, JSON_TYPE, answer.model_dump_json(by_alias=True))

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        return Response(self.content, self.status, dict(headers or {}), self.media_type)


def claim(db: Session, asked: Sequence[tuple[Command, bytes]]) -> set[Place]:
    """Take the keys that nobody took yet, each with its fingerprint; gives where they are kept."""
    callers, operations, keys = zip(*(command.place for command, _ in asked), strict=True)
    claimed = db.execute(
        _CLAIM,
        {
            "callers": list(callers),
            "operations": list(operations),
            "keys": list(keys),
            "fingerprints": [fingerprint for _, fingerprint in asked],
            "now": now(),
        },
    )
    return {(row.caller, row.operation, row.key) for row in claimed}


def remember(db: Session, answered: Sequence[tuple[Command, KeptAnswer]]) -> None:
    """Keep the answers to keys that this transaction took."""
    callers, operations, keys = zip(*(command.place for command, _ in answered), strict=True)
    db.execute(
        _REMEMBER,
        {
            "callers": list(callers),
            "operations": list(operations),
            "keys": list(keys),
            "statuses": [kept.status for _, kept in answered],
            "media_types": [kept.media_type for _, kept in answered],
            "bodies": [kept.content for _, kept in answered],
        },
    )


def fingerprint_of(body: BaseModel | Mapping[str, Any] | None) -> bytes:
    """Hash what makes a request the same as an earlier one. Raises `BadRequest` when no database can keep it."""
    try:
        if isinstance(body, BaseModel):
            # A model writes its fields in one order, whatever order the request had them in.
            canonical = body.model_dump_json()
        else:
            canonical = json.dumps(dict(body or {}), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).digest()
    except (PydanticSerializationError, UnicodeEncodeError) as error:
        # JSON can write half a character (\ud800); no database can keep it.
        raise BadRequest("De aanvraag bevat een teken dat niet bestaat.") from error


async def _command(
    request: Request,
    caller: Annotated[Caller, Depends(current_caller)],
    idempotency_key: Annotated[
        str | None, Header(description="Same key and body: the first answer again. 1 to 255 visible characters.")
    ] = None,
) -> Command:
    if not idempotency_key or len(idempotency_key) > 255 or not idempotency_key.isprintable():
        raise BadRequest(
            "Stuur een kop Idempotency-Key mee van 1 tot 255 zichtbare tekens.",
            pointer="Idempotency-Key",
            code="idempotencyKeyMissing",
        )
    operation = f"{request.method} {request.url.path}"
    if request.url.query:
        operation += f"?{request.url.query}"
    return Command(database_of(request), caller, operation, idempotency_key)


IdempotentCommand = Annotated[Command, Depends(_command)]
"""What a route declares: `command: IdempotentCommand`."""
