"""Each judgement and each stop is told to the participant, once, together with the decision itself (BB-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from burgerbudget.actions import closings, enrolment
from foundation.database import Database
from foundation.identifiers import new_id
from foundation.periods import Quarter
from tests.support.builders.burgerbudget import (
    LedgerOnPaper,
    a_participant,
    an_organisation,
    close,
    hours_worked,
    run_jobs,
)
from tests.support.databases import ServiceDatabase

Today = Callable[[str], None]
FOUR = ("2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2")


def told(database: Database, number: str) -> list[tuple[str, str, int, str, str]]:
    """Give kind, quarter, amount, date and objection date of all that a participant was told, oldest first."""
    with database.transaction() as db:
        rows = db.execute(
            text(
                "SELECT d.kind, d.quarter, d.amount, n.made_on, n.object_until FROM burgerbudget.notice n"
                " JOIN burgerbudget.decision d ON d.id = n.decision_id WHERE n.participant_number = :n ORDER BY d.id"
            ),
            {"n": number},
        )
        return [(row[0], row[1], row[2], str(row[3]), str(row[4])) for row in rows]


def gaps(database: Database, number: str) -> list[tuple[str, str | None]]:
    with database.transaction() as db:
        rows = db.execute(
            text(
                "SELECT stopped_after, restarted_from FROM burgerbudget.participation_gap"
                " WHERE participant_number = :n ORDER BY stopped_after"
            ),
            {"n": number},
        )
        return [(row[0], row[1]) for row in rows]


def stopped_person(database: Database, ledger: LedgerOnPaper, today: Today) -> str:
    """Somebody who never worked, and stopped at the close of 2026-Q2."""
    today("2025-07-01")
    person = a_participant(database, "2025-07-01")
    for quarter in FOUR:
        today(str(Quarter.parse(quarter).next().start))
        close(database, ledger, quarter)
    return person


def test_a_close_tells_the_sufficient_and_the_insufficient(burgerbudget_database: Database, today: Today) -> None:
    database, ledger = burgerbudget_database, LedgerOnPaper()
    today("2026-07-01")
    organisation = an_organisation(database)
    enough, short = a_participant(database), a_participant(database)
    today("2026-09-30")
    for number, last in ((enough, "12"), (short, "11.75")):
        hours_worked(database, organisation, number, "24", "2026-08-01")
        hours_worked(database, organisation, number, last, "2026-08-02")
    today("2026-10-01")
    close(database, ledger, "2026-Q3")
    start = ("start", "2026-Q3", 100_000, "2026-07-01", "2026-08-12")
    # 36 h at 14.99 = 539.64; the two uses of each are movements and no notices.
    assert told(database, enough) == [start, ("top-up", "2026-Q3", 53_964, "2026-10-01", "2026-11-12")]
    assert told(database, short) == [start, ("insufficient", "2026-Q3", 0, "2026-10-01", "2026-11-12")]


def test_a_sufficient_quarter_that_needs_no_top_up_is_told_too(burgerbudget_database: Database, today: Today) -> None:
    """Late hours of the quarter before fill the budget up after the uses of this one (BB-9)."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    today("2025-07-01")
    organisation = an_organisation(database)
    person = a_participant(database, "2025-07-01")
    today("2025-07-20")
    hours_worked(database, organisation, person, "20", "2025-07-02")
    today("2025-10-01")
    close(database, ledger, "2025-Q3")
    hours_worked(database, organisation, person, "24", "2025-10-01")
    today("2025-10-06")
    hours_worked(database, organisation, person, "16", "2025-10-02")
    hours_worked(database, organisation, person, "16", "2025-07-03")
    run_jobs(database, ledger)
    today("2026-01-01")
    close(database, ledger, "2025-Q4")
    # At 14.40: 20 h = 288.00, 24 h = 345.60 and 16 h = 230.40 leave 136.00, which the late 16 h move.
    assert told(database, person)[1:] == [
        ("insufficient", "2025-Q3", 0, "2025-10-01", "2025-11-12"),
        ("top-up", "2025-Q3", 100_000, "2025-10-06", "2025-11-17"),
        ("top-up", "2025-Q4", 0, "2026-01-01", "2026-02-12"),
    ]
    assert ledger.purse(database, person, "burgerbudget") == 100_000


def test_a_stop_is_a_decision_of_its_own_and_is_told_after_the_judgement(
    burgerbudget_database: Database, today: Today
) -> None:
    """BB-6."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    person = stopped_person(database, ledger, today)
    assert told(database, person)[-2:] == [
        ("insufficient", "2026-Q2", 0, "2026-07-01", "2026-08-12"),
        ("stop", "2026-Q2", 0, "2026-07-01", "2026-08-12"),
    ]
    assert [kind for kind, *_ in told(database, person)] == ["start", *["insufficient"] * 4, "stop"]
    assert gaps(database, person) == [("2026-Q2", None)]


def test_late_hours_that_reopen_a_participation_are_told(burgerbudget_database: Database, today: Today) -> None:
    """BB-9."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    reopened = stopped_person(database, ledger, today)
    organisation = an_organisation(database)
    hours_worked(database, organisation, reopened, "20", "2026-05-01")
    hours_worked(database, organisation, reopened, "16", "2026-05-02")
    run_jobs(database, ledger)
    # 36 h at 14.71 = 529.56.
    assert told(database, reopened)[-2:] == [
        ("top-up", "2026-Q2", 52_956, "2026-07-01", "2026-08-12"),
        ("reopening", "2026-Q2", 0, "2026-07-01", "2026-08-12"),
    ]
    assert gaps(database, reopened) == []


def test_a_restart_is_told(burgerbudget_database: Database, today: Today) -> None:
    """BB-7."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    person = stopped_person(database, ledger, today)
    today("2026-07-20")
    database.run(lambda db: enrolment.restart(db, person, "an"))
    assert told(database, person)[-1] == ("restart", "2026-Q4", 0, "2026-07-20", "2026-08-31")


def test_a_close_may_reopen_a_participation_and_stop_it_again(burgerbudget_database: Database, today: Today) -> None:
    """Late hours of the first of four insufficient quarters wait for the close of a fifth: three are left, then four."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    person = stopped_person(database, ledger, today)
    organisation = an_organisation(database)
    today("2026-10-01")
    database.run(lambda db: closings.start_closing(db, Quarter.parse("2026-Q3"), "fin"))
    for hours, day in (("20", "2025-07-02"), ("16", "2025-07-03")):
        hours_worked(database, organisation, person, hours, day)
    run_jobs(database, ledger)
    assert [(kind, quarter) for kind, quarter, *_ in told(database, person)[-5:]] == [
        ("stop", "2026-Q2"),
        ("top-up", "2025-Q3"),
        ("reopening", "2025-Q3"),
        ("insufficient", "2026-Q3"),
        ("stop", "2026-Q3"),
    ]
    assert gaps(database, person) == [("2026-Q3", None)]
    with database.transaction() as db:
        row = closings.closings.find(db, Quarter.parse("2026-Q3"))
        assert row is not None
        assert (row.participants, row.insufficient, row.stopped) == (1, 1, 1)


def test_a_close_that_breaks_off_tells_nothing(burgerbudget_database: Database, today: Today) -> None:
    """A notice lives and dies with its decision: both are written by one statement."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    today("2026-07-01")
    person = a_participant(database)
    run_jobs(database, ledger)
    today("2026-10-01")
    database.run(lambda db: closings.start_closing(db, Quarter.parse("2026-Q3"), "fin"))

    def judged_then_broken(db: Any) -> None:
        assert closings.advance(db)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.run(judged_then_broken)
    assert [kind for kind, *_ in told(database, person)] == ["start"]
    run_jobs(database, ledger)
    assert [kind for kind, *_ in told(database, person)] == ["start", "insufficient"]


INSERT = (
    "INSERT INTO burgerbudget.notice (participant_number, decision_id, made_on, object_until)"
    " VALUES (%s, %s, '2026-07-01', %s)"
)


def test_the_database_lets_a_decision_be_told_once_to_whom_it_is_about_and_never_taken_back(
    burgerbudget_db: ServiceDatabase, today: Today
) -> None:
    today("2026-07-01")
    ann, bob = (a_participant(burgerbudget_db.database, number=number) for number in ("1", "2"))
    with psycopg.connect(burgerbudget_db.superuser_url, autocommit=True) as connection:
        [decision] = connection.execute(
            "SELECT id FROM burgerbudget.decision WHERE participant_number = %s", (ann,)
        ).fetchone() or [None]
        for values, fault in (
            ((ann, decision, "2026-08-12"), psycopg.errors.UniqueViolation),
            ((bob, decision, "2026-08-12"), psycopg.errors.ForeignKeyViolation),
            ((ann, new_id(), "2026-08-12"), psycopg.errors.ForeignKeyViolation),
            ((ann, new_id(), "2026-07-01"), psycopg.errors.CheckViolation),
        ):
            with pytest.raises(fault):
                connection.execute(INSERT, values)
        for statement in (
            "DELETE FROM burgerbudget.notice",
            "TRUNCATE burgerbudget.notice",
            "UPDATE burgerbudget.notice SET object_until = '2026-07-02'",
            "UPDATE burgerbudget.notice SET made_on = '2026-06-30'",
            "UPDATE burgerbudget.notice SET participant_number = '2' WHERE participant_number = '1'",
            "DELETE FROM burgerbudget.decision",
            "TRUNCATE burgerbudget.decision",
            "UPDATE burgerbudget.decision SET amount = 0",
            "UPDATE burgerbudget.decision SET decided_on = '2026-06-30'",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
                connection.execute(statement)
        connection.execute("UPDATE burgerbudget.notice SET read_at = now()")
        with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
            connection.execute("UPDATE burgerbudget.notice SET read_at = NULL")
        assert connection.execute("SELECT count(*), count(read_at) FROM burgerbudget.notice").fetchone() == (2, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM burgerbudget.notice",
        "UPDATE burgerbudget.notice SET object_until = '2027-01-01'",
        "DELETE FROM burgerbudget.decision",
        "UPDATE burgerbudget.decision SET amount = 0",
    ],
)
def test_the_service_itself_may_do_none_of_that(burgerbudget_db: ServiceDatabase, statement: str) -> None:
    with (
        psycopg.connect(burgerbudget_db.service_url, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


@pytest.mark.parametrize("kind", ["insufficient", "stop", "reopening", "restart"])
def test_a_decision_that_moves_nothing_is_taken_once_for_a_quarter(burgerbudget_db: ServiceDatabase, kind: str) -> None:
    insert = (
        "INSERT INTO burgerbudget.decision (id, kind, participant_number, quarter, amount, hours, budget_before,"
        " decided_on, decided_at) VALUES (gen_random_uuid(), %s, '1', %s, %s, 0, 0, '2026-10-01', now())"
    )
    with psycopg.connect(burgerbudget_db.service_url, autocommit=True) as connection:
        connection.execute(insert, (kind, "2026-Q3", 0))
        connection.execute(insert, (kind, "2026-Q4", 0))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(insert, (kind, "2026-Q3", 0))
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(insert, (kind, "2027-Q1", 1))
