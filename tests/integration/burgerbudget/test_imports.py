"""Files of hours on a real database: the sample municipality whole, and every way a file can go."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

import stadsbeurs
from burgerbudget.actions import imports
from burgerbudget.hours_files import COLUMNS
from foundation import file_work
from foundation.database import Database
from foundation.file_work import MAX_ATTEMPTS, Arrived, work_through_next_file
from foundation.file_work.queries import lease_next
from foundation.file_work.working import work_in_chunks
from foundation.hours import hours_text
from foundation.identifiers import new_id
from foundation.inbox import Upload
from foundation.row_files import FileInspection
from tests.support.builders.burgerbudget import (
    LedgerOnPaper,
    a_participant,
    an_organisation,
    close,
    run_jobs,
)

Today = Callable[[str], None]
SAMPLE = Path(stadsbeurs.__file__).parent / "sample_municipality"
HEADER = "externalId;participantNumber;workedOn;hours;activity\n"


def send(
    database: Database, organisation: UUID, content: bytes, *, dry_run: bool = False, partial: bool = False
) -> UUID:
    inspection = FileInspection(COLUMNS)
    inspection.feed(content)
    with Upload(100_000_000) as upload:
        upload.take(content)
        arrived = Arrived(upload, inspection.finish(), dry_run, partial)
        return database.run(lambda db: imports.receive_file(db, organisation, arrived, "org").id)


def result(database: Database, import_id: UUID) -> Any:
    with database.transaction() as db:
        row = file_work.find(db, imports.FILES, import_id)
        assert row is not None
        outcomes = file_work.outcomes(db, imports.FILES, import_id)
        return row, Counter(one.code for one in outcomes if one.code), outcomes


def count(database: Database, table: str) -> int:
    with database.transaction() as db:
        return int(db.execute(text(f"SELECT count(*) FROM burgerbudget.{table}")).scalar_one())


def test_the_sample_municipality_comes_out_as_expected(burgerbudget_database: Database, today: Today) -> None:
    """Both quarters of all 48 files, through the database: every figure of expected.json."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    expected = json.loads((SAMPLE / "expected.json").read_text(encoding="utf-8"))
    today("2026-06-25")
    organisations = {}
    for row in _rows("organisations.csv"):
        organisations[row["code"]] = an_organisation(
            database,
            name=row["name"],
            rsin=row["rsin"],
            status=row["status"],
            recognised_from=date.fromisoformat(row["recognisedFrom"]),
            recognised_until=date.fromisoformat(row["recognisedUntil"]) if row["recognisedUntil"] else None,
            pays_allowance=row["paysAllowance"] == "ja",
        )
    for row in _rows("participants.csv"):
        a_participant(database, row["enrolledOn"], row["number"])
    for quarter, day in (("2026-Q2", "2026-07-01"), ("2026-Q3", "2026-10-01")):
        today(day)
        for file in sorted((SAMPLE / "hours" / quarter).glob("*.csv")):
            import_id = send(database, organisations[file.stem], file.read_bytes(), partial=True)
            run_jobs(database, ledger)
            row, codes, _ = result(database, import_id)
            wanted = expected["quarters"][quarter]["files"][file.stem]
            assert (row.state, row.accepted, row.known) == ("imported", wanted["accepted"], wanted["known"]), file
            assert codes == Counter(wanted["refused"]), file
        close(database, ledger, quarter)
        with database.transaction() as db:
            closing = db.execute(
                text(
                    "SELECT participants, sufficient, insufficient, topped_up FROM burgerbudget.closing"
                    " WHERE quarter = :quarter AND phase = 'closed'"
                ),
                {"quarter": quarter},
            ).one()
        assert tuple(closing) == tuple(expected["quarters"][quarter]["closing"].values())
    _compare_participants(database, ledger, expected)


def _compare_participants(database: Database, ledger: LedgerOnPaper, expected: Any) -> None:
    with database.transaction() as db:
        people = db.execute(text("SELECT * FROM burgerbudget.participant")).all()
        quarters = db.execute(text("SELECT * FROM burgerbudget.participant_quarter ORDER BY quarter")).all()
    found: dict[str, Any] = {
        p.number: {
            "budget": ledger.purses.get(f"holder:{p.holder_id}:burgerbudget", 0),
            "vrij": ledger.purses.get(f"holder:{p.holder_id}:vrij", 0),
            "insufficientQuarters": p.insufficient_quarters,
            "status": p.status,
            "startQuarter": p.start_quarter,
            "quarters": {},
        }
        for p in people
    }
    for q in quarters:
        found[q.participant_number]["quarters"][q.quarter] = {
            "hours": hours_text(q.hours),
            "used": q.used,
            "toppedUp": q.topped_up,
            "judgement": q.judgement,
        }
    assert found == expected["participants"]
    assert sum(ledger.purses.values()) == expected["totals"]["creditedToBudgets"]


def _rows(name: str) -> list[dict[str, str]]:
    with (SAMPLE / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def a_file(*rows: str) -> bytes:
    return (HEADER + "".join(row + "\n" for row in rows)).encode()


@pytest.fixture
def house(burgerbudget_database: Database, today: Today) -> tuple[Database, UUID, str]:
    today("2026-07-20")
    return burgerbudget_database, an_organisation(burgerbudget_database), a_participant(burgerbudget_database)


def test_one_refusal_refuses_the_whole_file_without_partial(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    import_id = send(database, organisation, a_file(f"a;{person};2026-07-02;2;x", f"b;{person};2026-07-02;0;x"))
    run_jobs(database, LedgerOnPaper())
    row, codes, outcomes = result(database, import_id)
    assert (row.state, row.accepted, row.refused) == ("refused", 0, 1)
    assert codes == {"hoursOutOfRange": 1}
    assert outcomes[0].row == 3
    assert count(database, "hour") == count(database, "participant_day") == count(database, "waiting_use") == 0


def test_a_whole_file_without_faults_is_accepted_and_used(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    ledger = LedgerOnPaper()
    import_id = send(database, organisation, a_file(f"a;{person};2026-07-02;2,75;x", f"b;{person};03-07-2026;4;y"))
    run_jobs(database, ledger)
    row, _, _ = result(database, import_id)
    assert (row.state, row.accepted) == ("imported", 2)
    assert ledger.purse(database, person, "vrij") == 10118  # 6.75 x 14.99 = 101.1825
    assert [key for key in ledger.grant_keys if key.startswith("use")] == [f"use/{import_id}/{person}/2026-Q3"]


def test_a_dry_run_tells_the_same_and_stores_no_hours(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    content = a_file(f"a;{person};2026-07-02;2;x", f"a;{person};2026-07-02;2;x", f"b;{person};2026-07-02;23;x", "c;;;;")
    ledger = LedgerOnPaper()
    dry = send(database, organisation, content, dry_run=True, partial=True)
    run_jobs(database, ledger)
    assert count(database, "hour") == 0
    real = send(database, organisation, content, partial=True)
    run_jobs(database, ledger)
    dry_row, dry_codes, dry_outcomes = result(database, dry)
    real_row, real_codes, real_outcomes = result(database, real)
    assert (dry_row.state, dry_row.accepted, dry_row.known) == (real_row.state, real_row.accepted, real_row.known)
    assert (real_row.accepted, real_row.known) == (1, 1)
    assert dry_codes == real_codes == {"dayFull": 1, "malformed": 1}
    assert dry_outcomes == real_outcomes
    assert count(database, "hour") == 1


def test_the_same_file_again_is_known_and_changes_nothing(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    ledger = LedgerOnPaper()
    content = a_file(f"a;{person};2026-07-02;2;x")
    for _ in range(2):
        import_id = send(database, organisation, content)
        run_jobs(database, ledger)
    row, _, _ = result(database, import_id)
    assert (row.state, row.accepted, row.known) == ("imported", 0, 1)
    assert ledger.purse(database, person, "vrij") == 2998


def test_a_file_left_half_way_goes_on_where_it_was(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    in_threes = replace(imports.FILES, chunk_rows=3)
    rows = [f"r{n};{person};2026-07-{n:02d};1;x" for n in range(1, 11)] + [f"r5;{person};2026-07-05;2;x", "bad;;;;"]
    import_id = send(database, organisation, a_file(*rows), partial=True)
    steps = 0
    while work_through_next_file(database, in_threes, lambda: False):
        steps += 1
    row, codes, _ = result(database, import_id)
    assert steps == 5
    assert (row.state, row.accepted, row.known, row.refused) == ("imported", 10, 0, 2)
    assert codes == {"externalIdReused": 1, "malformed": 1}
    ledger = LedgerOnPaper()
    run_jobs(database, ledger)
    assert ledger.purse(database, person, "vrij") == 14990


def test_a_worker_that_lost_its_lease_writes_nothing_more(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    import_id = send(database, organisation, a_file(f"a;{person};2026-07-02;2;x"), partial=True)
    with database.transaction() as db:
        mine = lease_next(db, imports.FILES)
    assert mine is not None
    with database.transaction() as db:
        db.execute(text("UPDATE burgerbudget.hours_import SET lease_token = :other"), {"other": new_id()})
    work_in_chunks(database, imports.FILES, mine, lambda: True)
    row, _, _ = result(database, import_id)
    assert (row.state, row.accepted) == ("processing", 0)
    assert count(database, "hour") == 0


def test_a_file_that_breaks_its_worker_each_time_ends_with_a_problem(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    import_id = send(database, organisation, a_file(f"a;{person};2026-07-02;2;x"), partial=True)

    def broken(*_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    for _ in range(MAX_ATTEMPTS):
        with database.transaction() as db:
            db.execute(text("UPDATE burgerbudget.hours_import SET lease_until = NULL"))
        with pytest.raises(RuntimeError):
            work_through_next_file(database, replace(imports.FILES, take_in=broken), lambda: True)
    with database.transaction() as db:
        db.execute(text("UPDATE burgerbudget.hours_import SET lease_until = NULL"))
    assert work_through_next_file(database, imports.FILES, lambda: True)
    row, _, _ = result(database, import_id)
    assert (row.state, row.accepted) == ("refused", 0)
    assert "12 pogingen" in row.problem


def test_json_is_judged_as_csv_is(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    items = [
        {"externalId": "a", "participantNumber": person, "workedOn": "2026-07-02", "hours": "2.75", "activity": "x"},
        {"externalId": "b", "participantNumber": person, "workedOn": "2026-07-03", "hours": 1.5},
        {"externalId": "c", "participantNumber": "999", "workedOn": "2026-07-03", "hours": 1},
    ]
    import_id = send(database, organisation, json.dumps({"items": items}).encode(), partial=True)
    run_jobs(database, LedgerOnPaper())
    row, codes, outcomes = result(database, import_id)
    assert (row.state, row.accepted) == ("imported", 2)
    assert codes == {"unknownParticipant": 1}
    assert outcomes[0].row == 3


def test_json_that_breaks_off_says_so_and_keeps_nothing(house: tuple[Database, UUID, str]) -> None:
    database, organisation, person = house
    item = json.dumps({"externalId": "a", "participantNumber": person, "workedOn": "2026-07-02", "hours": "2"})
    import_id = send(database, organisation, f'{{"items": [{item}, '.encode())
    run_jobs(database, LedgerOnPaper())
    row, _, _ = result(database, import_id)
    assert row.state == "refused"
    assert row.problem
    assert count(database, "hour") == 0


def test_hours_of_a_quarter_wait_until_the_one_before_is_closed(
    house: tuple[Database, UUID, str], today: Today
) -> None:
    database, organisation, person = house
    ledger = LedgerOnPaper()
    today("2026-10-02")
    send(database, organisation, a_file(f"a;{person};2026-09-30;2;x", f"b;{person};2026-10-01;3;x"))
    run_jobs(database, ledger)
    assert ledger.purse(database, person, "vrij") == 2998
    assert count(database, "waiting_use") == 1
    close(database, ledger, "2026-Q3")
    assert ledger.purse(database, person, "vrij") == 2998 + 4497
    assert count(database, "waiting_use") == 0
