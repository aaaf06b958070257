"""Everything at once: whoever comes first, the sums agree afterwards."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from sqlalchemy import text

from burgerbudget import tasks
from burgerbudget.actions import closings, imports
from foundation import outbox
from foundation.access import Role
from foundation.file_work import work_through_next_file
from foundation.identifiers import new_id
from tests.integration.burgerbudget.town import Town, row

T = TypeVar("T")
CSV = {"Content-Type": "text/csv"}
HEADER = "externalId;participantNumber;workedOn;hours;activity\n"


def at_once(*acts: Callable[[], T]) -> list[T]:
    """Let all of these begin in the same moment; gives what each came to."""
    begin = threading.Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        begin.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def check_sums(town: Town) -> None:
    """What the decisions say is what the purses hold, and every count agrees with the rows behind it."""
    with town.database.transaction() as db:
        people = db.execute(text("SELECT number, granted, used FROM burgerbudget.participant")).all()
        for number, granted, used in people:
            assert town.ledger.purse(town.database, number, "burgerbudget") == granted - used
            assert town.ledger.purse(town.database, number, "vrij") == used
        assert db.execute(
            text(
                "SELECT coalesce(sum(amount) FILTER (WHERE kind <> 'use'), 0),"
                " coalesce(sum(amount) FILTER (WHERE kind = 'use'), 0)"
                " FROM burgerbudget.decision"
            )
        ).one() == (sum(one.granted for one in people), sum(one.used for one in people))
        accepted = (
            "SELECT participant_number, worked_on, hours FROM burgerbudget.hour h WHERE NOT EXISTS"
            " (SELECT 1 FROM burgerbudget.hour c WHERE c.corrects_id = h.id)"
        )
        days = db.execute(
            text(f"SELECT participant_number, worked_on, sum(hours) FROM ({accepted}) a GROUP BY 1, 2")
        ).all()
        assert {(one[0], one[1]): one[2] for one in days if one[2]} == {
            (one[0], one[1]): one[2]
            for one in db.execute(
                text("SELECT participant_number, day, hours FROM burgerbudget.participant_day WHERE hours > 0")
            )
        }
        assert all(one[2] <= 96 for one in days)
        quarters: Counter[tuple[str, str]] = Counter()
        for number, day, hours in days:
            quarters[number, f"{day.year}-Q{(day.month + 2) // 3}"] += hours
        kept = db.execute(
            text("SELECT participant_number, quarter, hours FROM burgerbudget.participant_quarter WHERE hours > 0")
        )
        assert {(one[0], one[1]): one[2] for one in kept} == {key: hours for key, hours in quarters.items() if hours}


def statuses(answers: list[Any]) -> Counter[tuple[int, str]]:
    return Counter(
        (answer.status_code, answer.json()["errors"][0]["code"] if answer.status_code >= 400 else "")
        for answer in answers
    )


def test_two_requests_to_close_a_quarter_close_it_once(town: Town) -> None:
    """BB-10: asked for by two people, worked on by three workers."""
    people = [town.participant("2026-07-01") for _ in range(6)]
    reporter = town.reporter(town.organisation())
    for number in people[:4]:
        for day in ("2026-07-02", "2026-07-03"):
            assert reporter.post("/hours", json=row(number, hours="18", workedOn=day)).status_code == 201
    town.work()
    town.today("2026-10-01")
    makers = [town.client(Role.FINANCE_MAKER, f"fin-{n}") for n in range(4)]
    answers = at_once(*(lambda maker=maker: maker.post("/quarters/2026-Q3/closings") for maker in makers))
    assert {answer.status_code for answer in answers} == {202}
    lock = threading.Lock()
    handlers = {
        kind: outbox.Handler(_one_at_a_time(lock, handler.deliver), handler.done, handler.parked)
        for kind, handler in town.ledger.handlers().items()
    }

    def work() -> None:
        for _ in range(12):
            town.database.run(lambda db: closings.advance(db, limit=2))
            outbox.deliver_one(town.database, handlers)

    at_once(work, work, work)
    town.work()
    found = town.client(Role.AUDITOR).get("/quarters/2026-Q3").json()
    assert (found["state"], found["participants"], found["sufficient"], found["insufficient"]) == ("closed", 6, 4, 2)
    assert found["toppedUp"] == 4 * 53964
    assert town.ledger.held == 0
    top_ups = [
        line["grantKey"]
        for journal in town.ledger.journals
        for line in journal["transfers"]
        if "top-up" in line["grantKey"]
    ]
    assert sorted(top_ups) == [f"top-up/{number}/2026-Q3" for number in people[:4]]
    check_sums(town)


def _one_at_a_time(lock: threading.Lock, act: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def locked(message: Any) -> Any:
        with lock:
            return act(message)

    return locked


def test_a_day_never_holds_more_than_24_hours_however_many_report_at_once(town: Town) -> None:
    number = town.participant("2026-07-01")
    reporters = [town.reporter(town.organisation()) for _ in range(2)]
    answers = at_once(
        *(lambda reporter=reporters[n % 2]: reporter.post("/hours", json=row(number, hours="5")) for n in range(8))
    )
    assert statuses(answers) == {(201, ""): 4, (409, "dayFull"): 4}
    town.work()
    assert town.quarter_of(number, "2026-Q3")["used"] == 29980  # 20 x 14.99
    check_sums(town)


def test_one_row_sent_by_many_at_once_counts_once(town: Town) -> None:
    number = town.participant("2026-07-01")
    reporter = town.reporter(town.organisation())
    body = row(number, externalId="a-1", hours="2")
    answers = at_once(*(lambda: reporter.post("/hours", json=body) for _ in range(6)))
    assert statuses(answers) == {(201, ""): 1, (200, ""): 5}
    assert len({answer.json()["id"] for answer in answers}) == 1
    town.work()
    check_sums(town)


def test_one_external_id_for_two_participants_at_once_is_taken_by_one(town: Town) -> None:
    people = [town.participant("2026-07-01") for _ in range(6)]
    reporter = town.reporter(town.organisation())
    answers = at_once(
        *(lambda number=number: reporter.post("/hours", json=row(number, externalId="a-1")) for number in people)
    )
    assert statuses(answers) == {(201, ""): 1, (409, "externalIdReused"): 5}
    town.work()
    check_sums(town)


def test_enrolments_at_once_each_get_their_own_number_and_one_person_only_one(town: Town) -> None:
    caseworker = town.client(Role.CASEWORKER)
    body = {"regeling": "burgerbudget", "enrolledOn": "2026-07-01", "receivesBijstand": False}
    answers = at_once(
        *(lambda: caseworker.post("/participants", json={**body, "holderId": str(new_id())}) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["number"] for answer in answers) == [str(1000001 + n) for n in range(8)]
    holder = str(new_id())
    answers = at_once(*(lambda: caseworker.post("/participants", json={**body, "holderId": holder}) for _ in range(4)))
    assert statuses(answers) == {(201, ""): 1, (409, "alreadyEnrolled"): 3}
    answers = at_once(
        *(
            lambda: caseworker.post("/participants", json={**body, "holderId": str(new_id()), "number": "DRD-1"})
            for _ in range(4)
        )
    )
    assert statuses(answers) == {(201, ""): 1, (409, "numberTaken"): 3}
    town.work()
    check_sums(town)


def test_corrections_of_one_row_at_once_leave_one(town: Town) -> None:
    number = town.participant("2026-07-01")
    reporter = town.reporter(town.organisation())
    hour = reporter.post("/hours", json=row(number, hours="8")).json()
    answers = at_once(
        *(
            lambda hours=hours: reporter.post(f"/hours/{hour['id']}/corrections", json={"hours": hours, "reason": "x"})
            for hours in ("2", "10", "24")
        )
    )
    assert statuses(answers) == {(201, ""): 1, (409, "alreadyCorrected"): 2}
    town.work()
    check_sums(town)


@pytest.mark.parametrize("query", ["?partial=true", ""])
def test_a_file_and_single_hours_at_once_both_arrive(query: str, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's days are filled by another organisation while the file is being judged."""
    monkeypatch.setattr(imports, "FILES", replace(imports.FILES, chunk_rows=10))
    people = [town.participant("2026-07-01") for _ in range(4)]
    first, second = town.reporter(town.organisation()), town.reporter(town.organisation())
    lines = "".join(f"r{n};{people[n % 4]};2026-07-{1 + n // 4:02d};4;x\n" for n in range(60))
    answer = first.post(f"/hours/batches{query}", content=(HEADER + lines).encode(), headers=CSV)
    assert answer.status_code == 202

    def import_file() -> list[Any]:
        while work_through_next_file(town.database, imports.FILES, lambda: True):
            pass
        return []

    def report(who: int) -> Callable[[], list[Any]]:
        def act() -> list[Any]:
            return [
                second.post("/hours", json=row(people[(day + who) % 4], workedOn=f"2026-07-{day:02d}", hours="4"))
                for day in range(1, 16)
            ]

        return act

    answers = [one for done in at_once(import_file, report(0), report(1)) for one in done]
    assert statuses(answers) == {(201, ""): 30}
    town.work()
    told = first.get(f"/hours/batches/{answer.json()['id']}").json()
    assert (told["state"], told["accepted"], told["refused"]) == ("imported", 60, 0)
    check_sums(town)


@pytest.mark.parametrize("query", ["?partial=true", ""])
def test_two_files_that_fill_the_same_days_at_once_never_overfill_them(
    query: str, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "FILES", replace(imports.FILES, chunk_rows=5))
    people = [town.participant("2026-07-01") for _ in range(2)]
    reporters = [town.reporter(town.organisation()) for _ in range(3)]
    lines = "".join(f"r{n};{people[n % 2]};2026-07-{1 + n // 2:02d};10;x\n" for n in range(20))
    ids = []
    for reporter in reporters:
        answer = reporter.post(f"/hours/batches{query}", content=(HEADER + lines).encode(), headers=CSV)
        ids.append(answer.json()["id"])

    def work() -> None:
        while work_through_next_file(town.database, imports.FILES, lambda: True):
            pass

    at_once(work, work, work)
    town.work()
    told = [reporter.get(f"/hours/batches/{one}").json() for reporter, one in zip(reporters, ids, strict=True)]
    assert {one["state"] for one in told} <= {"imported", "refused"}
    # Each day has room for two of the three.
    assert sum(one["accepted"] for one in told) == 40
    assert all(error["code"] == "dayFull" for one in told for line in one["rows"] for error in line["errors"])
    check_sums(town)


def test_hours_that_come_in_while_a_quarter_is_closed_are_used_before_or_after_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each participant has 30 h in time; the last 6 come in while the close judges. None is lost or used twice."""
    monkeypatch.setattr(closings, "CHUNK", 2)
    people = [town.participant("2026-07-01") for _ in range(8)]
    reporter = town.reporter(town.organisation())
    for number in people:
        for day in ("2026-07-02", "2026-07-03"):
            reporter.post("/hours", json=row(number, hours="15", workedOn=day))
    town.work()
    town.today("2026-10-01")
    assert town.client(Role.FINANCE_MAKER).post("/quarters/2026-Q3/closings").status_code == 202

    def close_slowly() -> list[Any]:
        while town.database.run(lambda db: closings.advance(db, limit=1)):
            pass
        tasks.do_jobs(town.database, lambda: None)
        return []

    def report(who: int) -> Callable[[], list[Any]]:
        return lambda: [
            reporter.post("/hours", json=row(number, hours="6", workedOn="2026-07-04")) for number in people[who::2]
        ]

    answers = [one for done in at_once(close_slowly, report(0), report(1)) for one in done]
    assert statuses(answers) == {(201, ""): 8}
    town.work()
    assert town.client(Role.AUDITOR).get("/quarters/2026-Q3").json()["state"] == "closed"
    for number in people:
        assert town.quarter_of(number, "2026-Q3") == {
            "quarter": "2026-Q3", "hours": "36", "used": 53964, "toppedUp": 53964, "judgement": "sufficient",
        }  # fmt: skip
        assert town.seen(number)["insufficientQuarters"] == 0
        assert town.ledger.purse(town.database, number, "burgerbudget") == 100_000
    check_sums(town)
