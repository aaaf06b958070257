"""A service as small as can be, for tests of what every service has: notes, kept and delivered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, FastAPI, Response
from sqlalchemy import text
from sqlmodel import Session

from foundation import outbox, outbox_routes
from foundation.access import Caller, Role, TokenVerifier, require
from foundation.application import create_api
from foundation.database import Database, ReadSession, WriteSession
from foundation.idempotency import IdempotentCommand
from foundation.observability import configure_logging
from foundation.refusals import BadRequest, Conflict, Forbidden, NotFound
from foundation.schemas import ApiModel, ApiOut
from foundation.work import Worker

NAME = "tiny"
KIND = "note"
DELIVERIES = "TINY_DELIVERIES"

router = APIRouter()

NoteWriter = Annotated[Caller, require(Role.ADMIN)]


class NoteIn(ApiModel):
    some_text: str
    slot: int | None = None


class NoteOut(ApiOut):
    note_id: int
    some_text: str


class CommandBroken(Exception):
    """A fault of ours."""


DEEDS: dict[str, Callable[[Session], Any]] = {}
"""What a text makes the service do before it keeps the note."""


def _raise(error: Exception) -> Callable[[Session], Any]:
    def act(db: Session) -> None:
        raise error

    return act


DEEDS["conflict"] = _raise(Conflict("Dat kan niet.", code="notThatOne"))
DEEDS["bad request"] = _raise(BadRequest("Wat is dit?"))
DEEDS["forbidden"] = _raise(Forbidden("Dat mag niet."))
DEEDS["not found"] = _raise(NotFound("Dat is er niet."))
DEEDS["broken"] = _raise(CommandBroken("geheim 123456782"))
DEEDS["cut"] = lambda db: db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def make_tables(owner_url: str) -> None:
    """Add the table of notes to a database; two notes in one slot fail only at the commit."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL,"
            " slot int UNIQUE DEFERRABLE INITIALLY DEFERRED)"
        )
        connection.execute("GRANT SELECT, INSERT, UPDATE ON note TO PUBLIC")


def keep(db: Session, body: NoteIn) -> NoteOut:
    row = db.execute(
        text("INSERT INTO note (text, slot) VALUES (:text, :slot) RETURNING id"),
        {"text": body.some_text, "slot": body.slot},
    ).one()
    DEEDS.get(body.some_text, lambda _: None)(db)
    return NoteOut(note_id=row.id, some_text=body.some_text)


@router.post("/notes", status_code=201, response_model=NoteOut)
def post_note(body: NoteIn, caller: NoteWriter, command: IdempotentCommand, purse: str = "") -> Response:
    return command.once(body, lambda db: keep(db, body))


@router.post("/other-notes", status_code=201, response_model=NoteOut)
def post_other_note(body: NoteIn, caller: NoteWriter, command: IdempotentCommand) -> Response:
    return command.once(body, lambda db: keep(db, body))


@router.post("/plain-notes", status_code=201)
def post_plain_note(body: NoteIn, caller: NoteWriter, db: WriteSession) -> NoteOut:
    return keep(db, body)


@router.post("/read-notes", status_code=201)
def post_read_note(body: NoteIn, caller: NoteWriter, db: ReadSession) -> NoteOut:
    return keep(db, body)


@router.get("/notes/{note_id}")
def get_note(note_id: int, caller: NoteWriter, db: ReadSession) -> NoteOut:
    row = db.execute(text("SELECT id, text FROM note WHERE id = :id"), {"id": note_id}).one_or_none()
    if row is None:
        raise NotFound(f"Notitie {note_id} is er niet.")
    return NoteOut(note_id=row.id, some_text=row.text)


def api(database: Database, verifier: TokenVerifier) -> FastAPI:
    return create_api(NAME, database=database, verifier=verifier, routers=[router, outbox_routes.router])


def worker() -> Worker:
    """Make a worker that writes the payload of each note that it delivers on a line of a file."""
    configure_logging("tiny-worker", "INFO")
    made = Worker(
        NAME,
        redis_url=os.environ["STADSBEURS_REDIS_URL"],
        database=lambda: Database(os.environ["STADSBEURS_DATABASE_URL"], pool_size=2, application_name="tiny-worker"),
    )

    def deliver(row: outbox.Leased) -> Mapping[str, Any]:
        time.sleep(row.payload.get("sleep", 0))
        with Path(os.environ[DELIVERIES]).open("a", encoding="utf-8") as file:
            file.write(f"{row.payload['text']}\n")
        return {}

    made.deliver_outbox(lambda: {KIND: outbox.Handler(deliver)})
    return made
