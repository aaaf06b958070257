"""Gathering: short commands that wait at the same moment share one transaction.

The one exception to "one request, one transaction", for commands whose transaction costs more than their work. Each
keeps its own answer under its own key, and is refused by itself; what fails for another reason is done once more, each
alone, in the ordinary way.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

import structlog
from fastapi import Response
from pydantic import BaseModel
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from foundation.database import Database
from foundation.idempotency import Command, KeptAnswer, Place, claim, fingerprint_of, remember
from foundation.refusals import Refusal

MOST = 200
"""Commands in one transaction: a row that all of them change keeps a dead version for each until the commit."""

Asked = TypeVar("Asked")

log = structlog.get_logger()


@dataclass(eq=False)
class _Waiting(Generic[Asked]):
    command: Command
    fingerprint: bytes
    asked: Asked
    status_code: int
    answer: Future[Response | Refusal | None] = field(default_factory=Future)
    """None: not done together, to be done alone."""


class Gatherer(Generic[Asked]):
    """Drains the commands that wait into one transaction at a time, on a thread of its own."""

    def __init__(
        self, database: Database, act: Callable[[Session, Sequence[Asked]], Sequence[BaseModel | Refusal]]
    ) -> None:
        """`act` does a list of commands and gives, for each, its answer or the rule that refused it."""
        self._database = database
        self._act = act
        self._queue: SimpleQueue[_Waiting[Asked]] = SimpleQueue()
        self._starting = threading.Lock()
        self._writer: threading.Thread | None = None

    async def once(
        self,
        command: Command,
        body: BaseModel,
        asked: Asked,
        alone: Callable[[Session], BaseModel],
        status_code: int = 201,
    ) -> Response:
        """Do a command together with those that wait beside it, or give the answer that is kept under its key.

        The same promise as `Command.once(body, alone, status_code)`; raises the same.
        """
        waiting = _Waiting(command, fingerprint_of(body), asked, status_code)
        self._start_writer()
        self._queue.put(waiting)
        answer = await asyncio.wrap_future(waiting.answer)
        if answer is None:
            return await run_in_threadpool(command.once, body, alone, status_code)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def _start_writer(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="gatherer", daemon=True)
                self._writer.start()

    def _write(self) -> None:
        left: list[_Waiting[Asked]] = []
        while True:
            together, left = self._next(left)
            answers: Sequence[Response | Refusal | None]
            try:
                answers = self._database.run(lambda db, together=together: self._together(db, together))  # type: ignore[misc]
            except Exception as error:
                log.warning("gather-failed", error=type(error).__name__, commands=len(together))
                answers = [None] * len(together)
            for waiting, answer in zip(together, answers, strict=True):
                # Whoever asked may have hung up meanwhile; what was done stays done.
                if waiting.answer.set_running_or_notify_cancel():
                    waiting.answer.set_result(answer)

    def _next(self, left: list[_Waiting[Asked]]) -> tuple[list[_Waiting[Asked]], list[_Waiting[Asked]]]:
        """Take what waits: first what was left, and of one key only the first."""
        arrived = list(left) or [self._queue.get()]
        while len(arrived) < MOST:
            try:
                arrived.append(self._queue.get_nowait())
            except Empty:
                break
        first: dict[Place, _Waiting[Asked]] = {}
        for waiting in arrived:
            first.setdefault(waiting.command.place, waiting)
        together = list(first.values())
        return together, [waiting for waiting in arrived if first[waiting.command.place] is not waiting]

    def _together(self, db: Session, together: Sequence[_Waiting[Asked]]) -> list[Response | Refusal | None]:
        claimed = claim(db, [(waiting.command, waiting.fingerprint) for waiting in together])
        new = [waiting for waiting in together if waiting.command.place in claimed]
        done = self._act(db, [waiting.asked for waiting in new]) if new else []
        kept = {
            waiting.command.place: KeptAnswer.of(answer, waiting.status_code)
            for waiting, answer in zip(new, done, strict=True)
        }
        if new:
            remember(db, [(waiting.command, kept[waiting.command.place]) for waiting in new])
        return [
            kept[waiting.command.place].response() if waiting.command.place in kept else _repeated(db, waiting)
            for waiting in together
        ]


def _repeated(db: Session, waiting: _Waiting[Asked]) -> Response | Refusal:
    try:
        return waiting.command.repeat(db, waiting.fingerprint)
    except Refusal as refusal:
        return refusal
