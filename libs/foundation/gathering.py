"""Gathering: short questions and commands that wait at the same moment are done together.

The one exception to "one request, one transaction", for what costs more to begin and end than to do. A command keeps its
own answer under its own key, and is refused by itself; what fails for another reason is done once more, each alone, in the
ordinary way.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable, Sequence
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
from foundation.idempotency import Command, KeptAnswer, claim, fingerprint_of, remember
from foundation.refusals import Refusal

MOST = 200
"""Commands in one transaction: a row that all of them change keeps a dead version for each until the commit."""

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

log = structlog.get_logger()


@dataclass(eq=False)
class _Waiting(Generic[Asked, Answered]):
    asked: Asked
    answer: Future[Answered] = field(default_factory=Future)


class Together(Generic[Asked, Answered]):
    """Answers what waits, all at once, on threads of its own; while all of these are busy, what comes next waits."""

    def __init__(
        self,
        act: Callable[[Sequence[Asked]], Sequence[Answered]],
        same: Callable[[Asked], Hashable],
        *,
        most: int = MOST,
        threads: int = 1,
    ) -> None:
        """`act` gives an answer for each; of those that are the `same` only the first goes along, the others after it.

        With several threads two that are the same may be answered beside each other.
        """
        self._act = act
        self._same = same
        self._most = most
        self._threads = threads
        self._queue: SimpleQueue[_Waiting[Asked, Answered]] = SimpleQueue()
        self._starting = threading.Lock()
        self._started = False

    async def ask(self, asked: Asked) -> Answered:
        """Give the answer. Raises what `act` raised, for all that were asked with it."""
        waiting: _Waiting[Asked, Answered] = _Waiting(asked)
        self._start()
        self._queue.put(waiting)
        return await asyncio.wrap_future(waiting.answer)

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                for _ in range(self._threads):
                    threading.Thread(target=self._answer_for_ever, name="gatherer", daemon=True).start()
                self._started = True

    def _answer_for_ever(self) -> None:
        left: list[_Waiting[Asked, Answered]] = []
        while True:
            together, left = self._next(left)
            # Whoever asked may have hung up meanwhile: what nobody began is not done, and what was done stays done.
            together = [waiting for waiting in together if waiting.answer.set_running_or_notify_cancel()]
            if not together:
                continue
            try:
                answers = self._act([waiting.asked for waiting in together])
            except Exception as error:
                log.warning("gather-failed", error=type(error).__name__, asked=len(together))
                for waiting in together:
                    waiting.answer.set_exception(error)
                continue
            for waiting, answer in zip(together, answers, strict=True):
                waiting.answer.set_result(answer)

    def _next(
        self, left: list[_Waiting[Asked, Answered]]
    ) -> tuple[list[_Waiting[Asked, Answered]], list[_Waiting[Asked, Answered]]]:
        """Take what waits: first what was left, and of those that are the same only the first."""
        arrived = list(left) or [self._queue.get()]
        while len(arrived) < self._most:
            try:
                arrived.append(self._queue.get_nowait())
            except Empty:
                break
        first: dict[Hashable, _Waiting[Asked, Answered]] = {}
        for waiting in arrived:
            first.setdefault(self._same(waiting.asked), waiting)
        together = list(first.values())
        return together, [waiting for waiting in arrived if first[self._same(waiting.asked)] is not waiting]


@dataclass(frozen=True, slots=True)
class _Asked(Generic[Asked]):
    command: Command
    fingerprint: bytes
    asked: Asked
    status_code: int


class Gatherer(Generic[Asked]):
    """Does the commands that wait in one transaction at a time."""

    def __init__(
        self, database: Database, act: Callable[[Session, Sequence[Asked]], Sequence[BaseModel | Refusal]]
    ) -> None:
        """`act` does a list of commands and gives, for each, its answer or the rule that refused it."""
        self._database = database
        self._act = act
        self._waiting: Together[_Asked[Asked], Response | Refusal] = Together(
            self._in_one_transaction, lambda asked: asked.command.place
        )

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
        waiting = _Asked(command, fingerprint_of(body), asked, status_code)
        try:
            answer = await self._waiting.ask(waiting)
        except Exception:
            # Not done together, and so to be done alone.
            return await run_in_threadpool(command.once, body, alone, status_code)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def _in_one_transaction(self, together: Sequence[_Asked[Asked]]) -> list[Response | Refusal]:
        return self._database.run(lambda db: self._together(db, together))

    def _together(self, db: Session, together: Sequence[_Asked[Asked]]) -> list[Response | Refusal]:
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


def _repeated(db: Session, waiting: _Asked[Asked]) -> Response | Refusal:
    try:
        return waiting.command.repeat(db, waiting.fingerprint)
    except Refusal as refusal:
        return refusal
