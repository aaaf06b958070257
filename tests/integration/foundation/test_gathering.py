"""Commands that share a transaction: what one of them breaks is done again, each alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlmodel import Session

from foundation.access import Caller, Role
from foundation.database import Database
from foundation.gathering import Gatherer, Together
from foundation.idempotency import HIT_HEADER, Command
from tests.support import tiny

Count = Callable[[str], int]

ADMIN = Caller("an", frozenset({Role.ADMIN}))


def command(database: Database, key: str) -> Command:
    return Command(database, ADMIN, "POST /notes", key)


async def note(gatherer: Gatherer[tiny.NoteIn], database: Database, text: str, key: str | None = None) -> Any:
    body = tiny.NoteIn(some_text=text)
    return await gatherer.once(command(database, key or text), body, body, lambda db: tiny.keep(db, body))


def gather(database: Database, *texts: str, keys: Sequence[str] | None = None) -> list[Any]:
    """Ask for notes at once; the first waits in its transaction until the others wait behind it."""
    rounds: list[int] = []

    def keep_together(db: Session, notes: Sequence[tiny.NoteIn]) -> list[tiny.NoteOut]:
        rounds.append(len(notes))
        return [tiny.keep(db, each) for each in notes]

    async def ask() -> list[Any]:
        gatherer = Gatherer(database, keep_together)
        asked = [note(gatherer, database, each, key) for each, key in zip(texts, keys or texts, strict=True)]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(ask())
    return [*answers, rounds]


def test_each_gets_its_own_answer_and_fewer_transactions_than_commands_were_needed(
    database: Database, count: Count
) -> None:
    texts = [f"note {number}" for number in range(60)]
    *answers, rounds = gather(database, *texts)
    assert [tiny.NoteOut.model_validate_json(answer.body).some_text for answer in answers] == texts
    assert sum(rounds) == 60
    assert len(rounds) < 60
    assert (count("note"), count("idempotency")) == (60, 60)


def test_one_key_twice_is_done_once_and_another_body_under_it_refused(database: Database, count: Count) -> None:
    first, again, other, _ = gather(database, "a", "a", "b", keys=["k", "k", "k"])
    assert (first.body, first.headers.get(HIT_HEADER)) == (again.body, None)
    assert again.headers[HIT_HEADER] == "true"
    assert (other.status, other.errors[0].code) == (422, "idempotencyKeyReused")
    assert count("note") == 1


@pytest.mark.parametrize("deed", ["broken", "cut"])
def test_what_breaks_all_is_done_again_each_alone(database: Database, count: Count, deed: str) -> None:
    *answers, _ = gather(database, "before", deed, "after")
    assert [getattr(answer, "status_code", "fault") for answer in answers] == [201, "fault", 201]
    assert (count("note"), count("idempotency")) == (2, 2)


def test_questions_are_answered_together_the_same_one_after_the_other_and_each_hears_what_broke() -> None:
    rounds: list[list[str]] = []
    began, go_on = threading.Event(), threading.Event()

    def act(asked: Sequence[str]) -> list[str]:
        rounds.append(list(asked))
        began.set()
        go_on.wait(5)
        if "broken" in asked:
            raise LookupError
        return [each.upper() for each in asked]

    async def ask() -> list[Any]:
        together: Together[str, str] = Together(act, lambda asked: asked[0], most=3)
        first = asyncio.create_task(together.ask("first"))
        await asyncio.to_thread(began.wait, 5)
        others = [asyncio.create_task(together.ask(each)) for each in ("a1", "b", "a2", "c", "gone", "broken", "d")]
        await asyncio.sleep(0)
        others[4].cancel()
        await asyncio.wait([others[4]])
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    answers = asyncio.run(ask())
    assert [each if isinstance(each, str) else type(each).__name__ for each in answers] == [
        *("FIRST", "A1", "B", "A2", "C", "CancelledError"),
        *("LookupError", "LookupError"),
    ]
    # At most three wait together; a second `a` goes after the first; what nobody waits for any more is not done.
    assert rounds == [["first"], ["a1", "b"], ["a2", "c"], ["broken", "d"]]
