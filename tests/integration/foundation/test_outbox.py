"""The outbox: written with the decision, delivered in order, by one worker at a time, and never lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import Session

from foundation import outbox
from foundation.access import Role
from foundation.database import Database
from foundation.identifiers import new_id
from foundation.outbox import MAX_ATTEMPTS, DeliveryFailed, DeliveryRefused, Handler, Leased
from foundation.refusals import NotFound
from tests.support import tiny
from tests.support.callers import Callers, Client

Count = Callable[[str], int]


class WorkerKilled(BaseException):
    """What a worker cannot catch."""


@dataclass
class OtherSide:
    """Where notes are delivered; `says` is what it does with a note of this text."""

    says: dict[str, Callable[[Leased], Any]] = field(default_factory=dict)
    got: list[Leased] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    parked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [row.payload["text"] for row in self.got]

    def handlers(self) -> Mapping[str, Handler]:
        return {tiny.KIND: Handler(self._deliver, self._done, self._parked)}

    def _deliver(self, row: Leased) -> Mapping[str, Any]:
        self.got.append(row)
        return self.says.get(row.payload["text"], lambda _: None)(row) or {}

    def _done(self, db: Session, row: Leased, answer: Mapping[str, Any]) -> None:
        db.execute(text("INSERT INTO note (text) VALUES (:text)"), {"text": f"done {row.payload['text']}"})
        self.done.append(row.payload["text"])

    def _parked(self, db: Session, row: Leased, code: str, message: str) -> None:
        self.parked.append((row.payload["text"], code))


@pytest.fixture(autouse=True)
def no_retry_is_due_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first wait is a second at least, which a busy machine may sleep through."""
    monkeypatch.setattr(outbox, "BACKOFF_BASE_S", 60.0)


def enqueue(database: Database, note: str, after: tuple[UUID, ...] = (), **payload: Any) -> UUID:
    return database.run(
        lambda db: outbox.enqueue(db, tiny.KIND, f"key/{note}", {"text": note, **payload}, after=after, subject="job-1")
    )


def row_of(database: Database, row_id: UUID) -> Any:
    with database.transaction() as db:
        return db.execute(text("SELECT * FROM outbox WHERE id = :id"), {"id": row_id}).one()


def an_hour_passes(database: Database) -> None:
    """For waiting rows and for leases."""
    with database.transaction() as db:
        db.execute(
            text(
                "UPDATE outbox SET next_at = next_at - interval '1 hour', lease_until = lease_until - interval '1 hour'"
            )
        )


def deliver_all(database: Database, other: OtherSide) -> int:
    times = 0
    while outbox.deliver_one(database, other.handlers()):
        times += 1
    return times


def raising(error: BaseException) -> Callable[[Leased], Any]:
    def act(row: Leased) -> None:
        raise error

    return act


def test_a_row_lives_and_dies_with_the_decision(database: Database, count: Count) -> None:
    rung: list[UUID] = []
    outbox.hang_bell(rung.append)
    with pytest.raises(tiny.CommandBroken), database.transaction() as db:
        outbox.enqueue(db, tiny.KIND, "key/a", {"text": "a"})
        raise tiny.CommandBroken
    assert (count("outbox"), rung) == (0, [])
    row_id = enqueue(database, "b")
    assert (count("outbox"), rung) == (1, [row_id])


def test_a_row_is_delivered_once_with_its_own_key(database: Database, count: Count) -> None:
    other = OtherSide()
    row_id = enqueue(database, "a", amount=12345678901234567890, day="2026-10-01")
    assert deliver_all(database, other) == 1
    [got] = other.got
    assert (got.id, got.kind, got.subject, got.attempts) == (row_id, tiny.KIND, "job-1", 1)
    assert (got.dedupe_key, got.request_key) == ("key/a", "key/a")
    assert got.payload == {"text": "a", "amount": 12345678901234567890, "day": "2026-10-01"}
    assert (other.done, count("note")) == (["a"], 1)
    row = row_of(database, row_id)
    assert (row.state, row.lease_token) == ("done", None)
    assert row.done_at is not None


def test_one_key_is_in_the_outbox_once(database: Database) -> None:
    enqueue(database, "a")
    with pytest.raises(Exception, match="outbox_dedupe_key"):
        enqueue(database, "a")


def test_a_row_waits_for_those_before_it(database: Database) -> None:
    other = OtherSide(says={"first": raising(DeliveryFailed("later"))})
    first = enqueue(database, "first")
    second = enqueue(database, "second", after=(first,))
    enqueue(database, "third", after=(first, second))
    enqueue(database, "unrelated")
    deliver_all(database, other)
    assert other.texts == ["first", "unrelated"]
    assert not outbox.deliver_one(database, other.handlers(), second), "not even when the bell rings for it"
    other.says.clear()
    an_hour_passes(database)
    deliver_all(database, other)
    assert other.texts == ["first", "unrelated", "first", "second", "third"]


@pytest.mark.parametrize(("state", "waits"), [("dead", True), ("closed", False), ("done", False)])
def test_a_parked_row_holds_back_those_after_it_and_a_closed_one_does_not(
    state: str, waits: bool, database: Database
) -> None:
    first = enqueue(database, "first")
    enqueue(database, "second", after=(first,))
    with database.transaction() as db:
        db.execute(text("UPDATE outbox SET state = :state WHERE id = :id"), {"state": state, "id": first})
        assert outbox.undone(db, [first]) == ([first] if waits else [])
    other = OtherSide()
    assert deliver_all(database, other) == (0 if waits else 1)


def test_order_holds_with_many_workers_at_once(database: Database) -> None:
    """Four chains of eight rows each, six workers: in each chain one at a time, in order."""
    busy: set[str] = set()
    lock = threading.Lock()
    finished: dict[str, list[int]] = {}

    def deliver(row: Leased) -> Mapping[str, Any]:
        chain, number = row.payload["chain"], row.payload["number"]
        with lock:
            assert chain not in busy, "two of one chain at once"
            busy.add(chain)
        with lock:
            finished.setdefault(chain, []).append(number)
            busy.remove(chain)
        return {}

    last: dict[str, UUID] = {}
    for number in range(8):
        for chain in "abcd":
            after = (last[chain],) if chain in last else ()
            last[chain] = enqueue(database, f"{chain}{number}", after=after, chain=chain, number=number)

    def work(_: int) -> None:
        idle = 0
        while idle < 20:
            idle = 0 if outbox.deliver_one(database, {tiny.KIND: Handler(deliver)}) else idle + 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert finished == {chain: list(range(8)) for chain in "abcd"}
    assert outbox.counts(database)["waiting"] == 0


def test_two_workers_never_hold_the_same_row(database: Database) -> None:
    ids = {enqueue(database, str(number)) for number in range(30)}
    begin = threading.Barrier(8)

    def take(_: int) -> list[UUID]:
        begin.wait()
        mine: list[UUID] = []
        # A row that another is taking right now is passed over, so nothing found is not yet nothing left.
        idle = 0
        while idle < 3:
            row = outbox.lease(database)
            idle = idle + 1 if row is None else 0
            mine += [] if row is None else [row.id]
        return mine

    with ThreadPoolExecutor(8) as pool:
        taken = [row_id for mine in pool.map(take, range(8)) for row_id in mine]
    assert len(taken) == len(set(taken)) == 30
    assert set(taken) == ids


def test_a_bell_that_rings_twice_delivers_once(database: Database) -> None:
    row_id = enqueue(database, "a")
    other = OtherSide()
    assert outbox.deliver_one(database, other.handlers(), row_id)
    assert not outbox.deliver_one(database, other.handlers(), row_id)
    assert not outbox.deliver_one(database, other.handlers(), new_id())
    assert other.texts == ["a"]


def test_a_worker_that_lost_its_lease_writes_nothing_down(database: Database, count: Count) -> None:
    row_id = enqueue(database, "a")
    slow, fast = OtherSide(), OtherSide()

    def be_overtaken(row: Leased) -> None:
        an_hour_passes(database)
        deliver_all(database, fast)

    slow.says["a"] = be_overtaken
    assert outbox.deliver_one(database, slow.handlers(), row_id)
    assert (fast.done, slow.done) == (["a"], [])
    assert count("note") == 1
    assert row_of(database, row_id).state == "done"


@pytest.mark.parametrize("end", [DeliveryFailed("later"), DeliveryRefused("tooLittle", "te weinig")])
def test_a_failure_or_refusal_after_a_lost_lease_changes_nothing(end: Exception, database: Database) -> None:
    row_id = enqueue(database, "a")
    slow = OtherSide()
    taken: list[Leased | None] = []

    def be_overtaken(row: Leased) -> None:
        an_hour_passes(database)
        taken.append(outbox.lease(database))
        raise end

    slow.says["a"] = be_overtaken
    outbox.deliver_one(database, slow.handlers(), row_id)
    row = row_of(database, row_id)
    assert taken[0] is not None
    assert (row.state, row.lease_token, row.last_error) == ("leased", taken[0].token, None)
    assert slow.parked == []


def test_attempts_are_counted_before_the_work(database: Database) -> None:
    row_id = enqueue(database, "a")
    other = OtherSide(says={"a": lambda row: attempts.append(row_of(database, row_id).attempts)})
    attempts: list[int] = []
    deliver_all(database, other)
    assert attempts == [1]


def test_a_row_that_kills_its_worker_is_found_by_the_sweep_and_parked_in_the_end(database: Database) -> None:
    row_id = enqueue(database, "poison")
    enqueue(database, "harmless")
    other = OtherSide(says={"poison": raising(WorkerKilled())})
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(WorkerKilled):
            outbox.deliver_one(database, other.handlers())
        assert row_of(database, row_id).state == "leased"
        an_hour_passes(database)
    deliver_all(database, other)
    assert other.texts.count("poison") == MAX_ATTEMPTS
    assert other.done == ["harmless"]
    assert other.parked == [("poison", "attemptsExhausted")]
    row = row_of(database, row_id)
    assert (row.state, row.error_code) == ("dead", "attemptsExhausted")


def test_an_expired_lease_is_due_and_one_that_runs_is_not(database: Database) -> None:
    row_id = enqueue(database, "a")
    assert outbox.due(database) == [row_id]
    assert outbox.lease(database) is not None
    assert outbox.due(database) == []
    assert not outbox.deliver_one(database, OtherSide().handlers())
    an_hour_passes(database)
    assert outbox.due(database) == [row_id]
    other = OtherSide()
    deliver_all(database, other)
    assert [row.attempts for row in other.got] == [2]


@pytest.mark.parametrize("end", [DeliveryFailed("no answer"), ValueError("a fault of ours")])
def test_an_outage_is_tried_again_with_the_same_key_until_it_is_parked(end: Exception, database: Database) -> None:
    row_id = enqueue(database, "a")
    other = OtherSide(says={"a": raising(end)})
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert deliver_all(database, other) == 1
        row = row_of(database, row_id)
        assert row.attempts == attempt
        if attempt < MAX_ATTEMPTS:
            assert (row.state, row.last_error) == ("pending", "no answer" if "no" in str(end) else "ValueError")
        an_hour_passes(database)
    assert deliver_all(database, other) == 0
    assert row.state == "dead"
    assert {got.request_key for got in other.got} == {"key/a"}
    assert other.parked == [("a", "attemptsExhausted")]


def test_the_wait_doubles_up_to_a_limit_and_half_of_it_is_certain(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[float, float]] = []
    monkeypatch.setattr("random.uniform", lambda least, most: waits.append((least, most)) or most)
    enqueue(database, "a")
    other = OtherSide(says={"a": raising(DeliveryFailed("no answer"))})
    for _ in range(6):
        deliver_all(database, other)
        an_hour_passes(database)
    assert waits == [(30, 60), (60, 120), (120, 240), (240, 480), (450, 900), (450, 900)]


@pytest.mark.parametrize(("asked_s", "least_s", "most_s"), [(90.0, 89, 91), (None, 29, 61), (1e18, 899, 901)])
def test_the_other_side_may_ask_for_time_but_not_for_ever(
    asked_s: float | None, least_s: float, most_s: float, database: Database
) -> None:
    row_id = enqueue(database, "a")
    deliver_all(database, OtherSide(says={"a": raising(DeliveryFailed("busy", asked_s))}))
    with database.transaction() as db:
        wait_s = db.execute(
            text("SELECT extract(epoch FROM next_at - now())::float FROM outbox WHERE id = :id"), {"id": row_id}
        ).scalar_one()
    assert least_s <= wait_s <= most_s


def test_what_a_rule_refused_is_parked_at_once_and_sent_again_under_a_new_key(database: Database) -> None:
    row_id = enqueue(database, "a")
    second = enqueue(database, "b", after=(row_id,))
    other = OtherSide(says={"a": raising(DeliveryRefused("tooLittle", "het fonds is leeg"))})
    deliver_all(database, other)
    row = row_of(database, row_id)
    assert (row.state, row.error_code, row.last_error) == ("dead", "tooLittle", "het fonds is leeg")
    assert other.parked == [("a", "tooLittle")]
    an_hour_passes(database)
    assert deliver_all(database, other) == 0, "nothing sends it again by itself"
    rung: list[UUID] = []
    outbox.hang_bell(rung.append)
    database.run(lambda db: outbox.resume(db, row_id))
    assert rung == [row_id]
    other.says.clear()
    deliver_all(database, other)
    assert [(got.payload["text"], got.request_key) for got in other.got] == [
        ("a", "key/a"),
        ("a", "key/a#1"),
        ("b", "key/b"),
    ]
    assert row_of(database, second).state == "done"


def test_a_resumption_has_all_its_tries_again_and_each_resumption_its_own_key(database: Database) -> None:
    row_id = enqueue(database, "a")
    other = OtherSide(says={"a": raising(DeliveryRefused("tooLittle", "leeg"))})
    for _ in range(3):
        deliver_all(database, other)
        database.run(lambda db: outbox.resume(db, row_id))
    assert [(got.request_key, got.attempts) for got in other.got] == [("key/a", 1), ("key/a#1", 1), ("key/a#2", 1)]


@pytest.mark.parametrize("state", ["pending", "done", "closed"])
def test_only_what_is_parked_can_be_resumed(state: str, database: Database) -> None:
    row_id = enqueue(database, "a")
    with database.transaction() as db:
        db.execute(text("UPDATE outbox SET state = :state"), {"state": state})
    with pytest.raises(NotFound):
        database.run(lambda db: outbox.resume(db, row_id))
    assert row_of(database, row_id).state == state


def test_a_kind_that_this_worker_does_not_know_stops_nothing_else(database: Database) -> None:
    """As while a new version is rolled out: the old worker leaves the row for the new one."""
    unknown = database.run(lambda db: outbox.enqueue(db, "new-kind", "key/new", {"text": "new"}))
    enqueue(database, "a")
    other = OtherSide()
    deliver_all(database, other)
    assert other.done == ["a"]
    row = row_of(database, unknown)
    assert (row.state, row.attempts) == ("pending", 1)
    for _ in range(MAX_ATTEMPTS):
        an_hour_passes(database)
        deliver_all(database, other)
    assert row_of(database, unknown).state == "dead"


def test_a_fault_after_the_answer_is_tried_again_with_the_same_key(database: Database, count: Count) -> None:
    row_id = enqueue(database, "a")
    enqueue(database, "b")
    keys: list[str] = []

    def write_down(db: Session, row: Leased, answer: Mapping[str, Any]) -> None:
        db.execute(text("INSERT INTO note (text) VALUES ('half')"))
        keys.append(row.request_key)
        if keys == ["key/a"]:
            raise tiny.CommandBroken

    handlers = {tiny.KIND: Handler(lambda row: {}, done=write_down)}
    while outbox.deliver_one(database, handlers):
        pass
    assert (count("note"), row_of(database, row_id).state) == (1, "pending")
    an_hour_passes(database)
    while outbox.deliver_one(database, handlers):
        pass
    assert keys == ["key/a", "key/b", "key/a"]
    assert (count("note"), row_of(database, row_id).state) == (2, "done")


def test_a_delivery_that_lasts_keeps_its_lease(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LEASE_KEPT_EVERY_S", 0.02)
    row_id = enqueue(database, "long")
    leases = []

    def last(row: Leased) -> None:
        for _ in range(2):
            an_hour_passes(database)
            until = time.monotonic() + 5
            while outbox.due(database) and time.monotonic() < until:
                time.sleep(0.01)
            leases.append(outbox.due(database))

    other = OtherSide(says={"long": last})
    outbox.deliver_one(database, other.handlers())
    assert leases == [[], []]
    assert other.done == ["long"]
    assert row_of(database, row_id).attempts == 1


def test_counts_tell_what_waits_and_what_is_parked(database: Database) -> None:
    assert outbox.counts(database) == {"waiting": 0, "parked": 0, "ageSeconds": 0.0}
    for note in ("a", "b", "c"):
        enqueue(database, note)
    deliver_all(
        database, OtherSide(says={"a": raising(DeliveryRefused("no", "nee")), "b": raising(DeliveryFailed("x"))})
    )
    with database.transaction() as db:
        db.execute(text("UPDATE outbox SET created_at = created_at - interval '90 seconds' WHERE state = 'pending'"))
    found = outbox.counts(database)
    assert (found["waiting"], found["parked"]) == (1, 1)
    assert 90 <= found["ageSeconds"] < 120


class TestPage:
    """The page of parked rows."""

    def test_parked_rows_are_listed_in_pages_and_resumed(self, database: Database, admin: Client) -> None:
        ids = [enqueue(database, str(number)) for number in range(5)]
        refused = raising(DeliveryRefused("tooLittle", "leeg"))
        deliver_all(database, OtherSide(says={str(number): refused for number in range(5)}))
        seen: list[str] = []
        address = "/outbox?limit=2"
        while address:
            answer = admin.get(address)
            page = answer.json()
            assert len(page["items"]) <= 2
            seen += [item["id"] for item in page["items"]]
            cursor = page["nextCursor"]
            assert ("Link" in answer.headers) == (cursor is not None)
            address = f"/outbox?limit=2&cursor={cursor}" if cursor else ""
        assert seen == [str(row_id) for row_id in ids]
        item = page["items"][0]
        assert set(item) == {
            "id", "kind", "subject", "state", "attempts", "resumptions", "errorCode", "lastError", "createdAt", "doneAt",
        }  # fmt: skip
        assert (item["state"], item["errorCode"], item["attempts"]) == ("dead", "tooLittle", 1)
        resumed = admin.post(f"/outbox/{ids[0]}/resumptions")
        assert (resumed.status_code, resumed.json()) == (202, {"id": str(ids[0]), "state": "pending"})
        assert len(admin.get("/outbox").json()["items"]) == 4
        assert admin.post(f"/outbox/{ids[0]}/resumptions").status_code == 404

    @pytest.mark.parametrize(
        "query", ["cursor=x", "cursor=eyJzZXF1ZW5jZSI6MWU5fQ", "limit=0", "limit=1001", "limit=x", "state=unknown"]
    )
    def test_a_bad_question_is_a_bad_request(self, query: str, admin: Client) -> None:
        answer = admin.get(f"/outbox?{query}")
        assert answer.status_code == 400
        assert answer.headers["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("row_id", ["x", "0190d3a2-7c1e-7a11-8f00-123456789abc"])
    def test_what_is_not_there_cannot_be_resumed(self, row_id: str, admin: Client) -> None:
        assert admin.post(f"/outbox/{row_id}/resumptions").status_code == 404

    def test_only_those_who_look_after_it_may(self, api: FastAPI, callers: Callers, database: Database) -> None:
        for role in Role:
            client = callers.client(api, tiny.NAME, role)
            may_read = role in (Role.ADMIN, Role.AUDITOR, Role.FINANCE_MAKER, Role.FINANCE_CHECKER)
            may_resume = role in (Role.ADMIN, Role.FINANCE_MAKER)
            assert client.get("/outbox").status_code == (200 if may_read else 403), role
            assert client.post(f"/outbox/{new_id()}/resumptions").status_code == (404 if may_resume else 403), role
