"""Same key, same answer: the row that remembers an answer commits together with the work.

Key = (caller, operation, key); fingerprint = SHA-256 of the canonical body. Answers of success and refusals by a
rule are kept and repeated: a retry never turns "too little" into "paid" an hour later. Malformed requests,
missing rights and faults of ours keep nothing, so the same key may be used again after mending them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
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
        fingerprint = _fingerprint(body)
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
        claimed = db.execute(
            text(
                "INSERT INTO idempotency (caller, operation, key, fingerprint, created_at)"
                " VALUES (:caller, :operation, :key, :fingerprint, :now) ON CONFLICT DO NOTHING RETURNING 1"
            ),
            {**self._row, "fingerprint": fingerprint, "now": now()},
        ).first()
        if claimed is None:
            return self._repeat(db, fingerprint)
        savepoint = db.begin_nested()
        try:
            answer = act(db)
            db.flush()
        except Refusal as refusal:
            if refusal.status != Conflict.status:
                raise
            savepoint.rollback()
            status_code, media_type, content = refusal.status, PROBLEM_TYPE, json.dumps(refusal.as_problem())
        else:
            savepoint.commit()
            status_code = success() if callable(success) else success
            media_type, content = JSON_TYPE, answer.model_dump_json(by_alias=True)
        db.execute(
            text(
                "UPDATE idempotency SET status = :status, media_type = :media_type, body = :body"
                " WHERE caller = :caller AND operation = :operation AND key = :key"
            ),
            {**self._row, "status": status_code, "media_type": media_type, "body": content},
        )
        return Response(content, status_code, dict(headers), media_type)

    def _repeat(self, db: Session, fingerprint: bytes) -> Response:
        kept = db.execute(
            text(
                "SELECT fingerprint, status, media_type, body FROM idempotency"
                " WHERE caller = :caller AND operation = :operation AND key = :key"
            ),
            self._row,
        ).one()
        if bytes(kept.fingerprint) != fingerprint:
            raise KeyReused(
                "Deze Idempotency-Key hoort bij een aanvraag met een andere inhoud. Neem een nieuwe sleutel."
            )
        return Response(kept.body, kept.status, {HIT_HEADER: "true"}, kept.media_type)

    @property
    def _row(self) -> dict[str, str]:
        return {"caller": self.caller.key_space, "operation": self.operation, "key": self.key}


def _fingerprint(body: BaseModel | Mapping[str, Any] | None) -> bytes:
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
