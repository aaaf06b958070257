"""One place that commits: before the answer leaves, again after a deadlock, and never in a session for reading."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InternalError
from sqlmodel import Session

from foundation.access import Role
from foundation.database import Database, after_commit, cursor_of
from foundation.identifiers import new_id
from stadsbeurs import ports
from tests.support import tiny
from tests.support.callers import Callers, Client
from tests.support.databases import ServiceDatabase

Count = Callable[[str], int]


def add(db: Session, note: str, slot: int | None = None) -> None:
    db.execute(text("INSERT INTO note (text, slot) VALUES (:text, :slot)"), {"text": note, "slot": slot})


def test_a_transaction_is_whole_or_not_at_all(database: Database, count: Count) -> None:
    with pytest.raises(tiny.CommandBroken), database.transaction() as db:
        add(db, "a")
        raise tiny.CommandBroken
    assert count("note") == 0
    with database.transaction() as db:
        add(db, "a")
        add(db, "b")
    assert count("note") == 2


def test_an_answer_of_success_leaves_only_after_the_commit(admin: Client, count: Count) -> None:
    assert admin.post("/plain-notes", json={"someText": "a", "slot": 7}).status_code == 201
    late = admin.post("/plain-notes", json={"someText": "b", "slot": 7})
    assert late.status_code == 500
    assert late.headers["Content-Type"] == "application/problem+json"
    assert count("note") == 1


def test_a_refusal_in_a_route_leaves_nothing(admin: Client, count: Count) -> None:
    assert admin.post("/plain-notes", json={"someText": "conflict"}).status_code == 409
    assert count("note") == 0


def test_a_statement_alone_lasts_at_once_and_survives_a_connection_that_was_cut(
    database: Database, count: Count
) -> None:
    def insert() -> int:
        return database.alone(lambda cursor: cursor.execute("INSERT INTO note (text) VALUES ('a')").rowcount)

    with ThreadPoolExecutor(4) as pool:
        # Several connections are kept, and all of them are cut.
        assert (
            sum(
                pool.map(
                    lambda _: database.alone(lambda c: len(c.execute("SELECT pg_sleep(0.1)").fetchall())), range(4)
                )
            )
            == 4
        )
    assert insert() == 1
    assert count("note") == 1
    with database.transaction() as db:
        cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        assert db.execute(text(f"{cut} AND datname = current_database()")).scalar_one() >= 1
    assert insert() == 1
    assert count("note") == 2


@pytest.mark.parametrize(("races", "tries"), [(0, 1), (2, 3), (5, 3)])
def test_a_statement_alone_that_lost_a_race_is_done_again_twice(database: Database, races: int, tries: int) -> None:
    left, done = races, 0

    def act(cursor: psycopg.Cursor[Any]) -> int:
        nonlocal left, done
        done += 1
        left -= 1
        if left >= 0:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'a race' USING ERRCODE = '40001'; END $$")
        return int(cursor.execute("SELECT 7 AS seven").fetchall()[0].seven)

    if races < tries:
        assert database.alone(act) == 7
    else:
        with pytest.raises(psycopg.errors.SerializationFailure):
            database.alone(act)
    assert done == tries


def test_a_statement_alone_that_is_wrong_is_not_done_again(database: Database) -> None:
    done: list[str] = []

    def act(cursor: psycopg.Cursor[Any]) -> None:
        done.append("once")
        cursor.execute("SELECT FROM nowhere")

    with pytest.raises(psycopg.errors.UndefinedTable):
        database.alone(act)
    assert done == ["once"]


def test_a_statement_alone_that_was_planned_on_an_empty_table_looks_up_by_key_when_it_is_full(
    database: Database, tiny_db: ServiceDatabase
) -> None:
    def found(slots: list[int]) -> int:
        statement = "SELECT n.slot FROM unnest(CAST(%s AS int[])) u(slot) LEFT JOIN note n ON n.slot = u.slot"
        rows = database.alone(lambda cursor: cursor.execute(statement, (slots,)).fetchall())
        return sum(row.slot is not None for row in rows)

    def read_one_after_the_other() -> int:
        statement = "SELECT pg_stat_force_next_flush(), seq_tup_read FROM pg_stat_user_tables WHERE relname = 'note'"
        for _ in range(2):
            # The first one has what came before it written down.
            (row,) = database.alone(lambda cursor: cursor.execute(statement).fetchall())
        return int(row.seq_tup_read)

    # Known to be empty, and asked so often that the plan is kept.
    with psycopg.connect(tiny_db.owner_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE note")
    assert [found([1, 2]) for _ in range(20)] == [0] * 20
    before = read_one_after_the_other()
    with database.transaction() as db:
        db.execute(text("INSERT INTO note (text, slot) SELECT 'a', n FROM generate_series(1, 5000) n"))
    assert [found([1, 5000, 5001]) for _ in range(20)] == [2] * 20
    assert read_one_after_the_other() == before


def test_a_session_for_reading_cannot_write(database: Database, admin: Client, count: Count) -> None:
    with pytest.raises(InternalError, match="read-only"), database.reading() as db:
        add(db, "a")
    assert admin.post("/read-notes", json={"someText": "a"}).status_code == 500
    assert count("note") == 0


def test_a_session_for_reading_sees_one_moment(database: Database) -> None:
    with database.reading() as reader:
        assert reader.execute(text("SELECT count(*) FROM note")).scalar_one() == 0
        with database.transaction() as db:
            add(db, "a")
        assert reader.execute(text("SELECT count(*) FROM note")).scalar_one() == 0


def test_a_real_deadlock_is_tried_again(database: Database) -> None:
    with database.transaction() as db:
        add(db, "1")
        add(db, "2")
    both = threading.Barrier(2, timeout=10)
    tries = []

    def raise_in_order(first: int, second: int) -> None:
        def act(db: Session) -> None:
            tries.append(first)
            statement = text("UPDATE note SET text = text || 'x' WHERE id = :id")
            db.execute(statement, {"id": first})
            if tries.count(first) == 1:
                both.wait()
            db.execute(statement, {"id": second})

        database.run(act)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(raise_in_order, 1, 2), pool.submit(raise_in_order, 2, 1)]:
            done.result(30)
    assert len(tries) == 3
    with database.transaction() as db:
        assert db.execute(text("SELECT text FROM note ORDER BY id")).scalars().all() == ["1xx", "2xx"]


def test_a_real_serialization_failure_is_tried_again(database: Database) -> None:
    with database.transaction() as db:
        add(db, "0")
    both = threading.Barrier(2, timeout=10)
    tries = []

    def add_one(who: int) -> None:
        def act(db: Session) -> None:
            tries.append(who)
            db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            read = int(db.execute(text("SELECT text FROM note")).scalar_one())
            if tries.count(who) == 1:
                both.wait()
            db.execute(text("UPDATE note SET text = :text"), {"text": str(read + 1)})

        database.run(act)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(add_one, 1), pool.submit(add_one, 2)]:
            done.result(30)
    assert len(tries) == 3
    with database.transaction() as db:
        assert db.execute(text("SELECT text FROM note")).scalar_one() == "2"


def test_tries_are_bounded(database: Database) -> None:
    tries = []

    def act(db: Session) -> None:
        tries.append(1)
        db.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))

    with pytest.raises(DBAPIError):
        database.run(act)
    assert len(tries) == 5


def test_other_faults_are_not_tried_again(database: Database) -> None:
    tries = []

    def act(db: Session) -> None:
        tries.append(1)
        db.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        database.run(act)
    assert len(tries) == 1


def test_hooks_run_once_after_the_commit_and_not_after_a_rollback(database: Database, count: Count) -> None:
    seen: list[tuple[str, int]] = []
    with database.transaction() as db:
        add(db, "a")
        after_commit(db, lambda: seen.append(("first", count("note"))))
        after_commit(db, lambda: seen.append(("second", count("note"))))
        assert seen == []
    assert seen == [("first", 1), ("second", 1)]
    with pytest.raises(tiny.CommandBroken), database.transaction() as db:
        after_commit(db, lambda: seen.append(("never", 0)))
        raise tiny.CommandBroken
    with pytest.raises(DBAPIError), database.transaction() as db:
        add(db, "b", slot=7)
        add(db, "c", slot=7)
        after_commit(db, lambda: seen.append(("never at a failed commit", 0)))
    assert len(seen) == 2


def test_hooks_of_a_try_that_was_rolled_back_do_not_run(database: Database) -> None:
    tries, seen = [], []

    def act(db: Session) -> None:
        tries.append(1)
        mine = len(tries)
        after_commit(db, lambda: seen.append(mine))
        if mine == 1:
            db.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$"))

    database.run(act)
    assert seen == [2]


def test_without_a_database_the_answer_is_come_back_later(callers: Callers) -> None:
    away = Database(f"postgresql://nobody:x@127.0.0.1:{ports.pick()}/nothing")
    try:
        client = callers.client(tiny.api(away, callers.verifier(tiny.NAME)), tiny.NAME, Role.ADMIN)
        for answer in (
            client.get("/notes/1"),
            client.post("/notes", json={"someText": "a"}),
            client.post("/plain-notes", json={"someText": "a"}),
        ):
            assert answer.status_code == 503
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["Retry-After"] == "2"
            assert answer.json()["errors"][0]["code"] == "unavailable"
        ready = client.get("http://test/readyz")
        assert (ready.status_code, ready.json()["checks"]) == (503, {"database": False})
        assert client.get("http://test/healthz").status_code == 200
    finally:
        away.close()


def test_without_a_free_connection_the_answer_is_come_back_later(
    database: Database, tiny_db: object, callers: Callers
) -> None:
    small = Database(str(database.engine.url.render_as_string(hide_password=False)), pool_size=1)
    small.engine.pool._timeout = 0.2  # type: ignore[attr-defined]
    try:
        client = callers.client(tiny.api(small, callers.verifier(tiny.NAME)), tiny.NAME, Role.ADMIN)
        with small.transaction() as db:
            add(db, "a")
            assert client.get("/notes/1").status_code == 503
            assert client.get("http://test/readyz").status_code == 503
        assert client.get("/notes/1").status_code == 200
    finally:
        small.close()


def test_waiting_too_long_for_a_lock_is_come_back_later(
    impatient: Database, callers: Callers, database: Database
) -> None:
    with database.transaction() as db:
        add(db, "a", slot=7)
        db.execute(text("LOCK TABLE note IN EXCLUSIVE MODE"))
        client = callers.client(tiny.api(impatient, callers.verifier(tiny.NAME)), tiny.NAME, Role.ADMIN)
        answer = client.post("/plain-notes", json={"someText": "b"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "stillRunning")
    assert answer.headers["Retry-After"] == "1"


def test_a_fault_of_the_database_does_not_repeat_what_was_sent(database: Database) -> None:
    with pytest.raises(DBAPIError) as fault, database.transaction() as db:
        db.execute(text("SELECT CAST(:bsn AS date)"), {"bsn": "een-geheim"})
    assert "[SQL parameters hidden" in str(fault.value)


def test_a_race_lost_between_looking_and_inserting_is_tried_again(database: Database, count: Count) -> None:
    """By COPY, whose errors come straight from the driver."""
    both = threading.Barrier(2, timeout=10)
    said = []

    def take(who: str) -> None:
        tries = []

        def act(db: Session) -> str:
            tries.append(1)
            if db.execute(text("SELECT 1 FROM outbox WHERE dedupe_key = 'one'")).first():
                return "taken"
            if len(tries) == 1:
                both.wait()
            columns = "id, kind, dedupe_key, subject, payload, after, state, attempts, resumptions, next_at, created_at"
            with cursor_of(db) as cursor, cursor.copy(f"COPY outbox ({columns}) FROM STDIN") as copy:
                copy.write_row(
                    (str(new_id()), "x", "one", who, "{}", "{}", "pending", 0, 0, "2026-01-01", "2026-01-01")
                )
            return "mine"

        said.append(database.run(act))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(take, "a"), pool.submit(take, "b")]:
            done.result(30)
    assert sorted(said) == ["mine", "taken"]
    assert count("outbox") == 1
