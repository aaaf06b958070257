"""Uses, closes and late hours on a real database, against the worked tables of the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from burgerbudget.actions import closings
from burgerbudget.refusals import NotEnded, PreviousQuarterOpen
from foundation.database import Database
from foundation.periods import Quarter
from tests.support.builders.burgerbudget import (
    LedgerOnPaper,
    a_participant,
    an_organisation,
    close,
    hours_worked,
    run_jobs,
)

Today = Callable[[str], None]


def state_of(database: Database, number: str) -> Any:
    with database.transaction() as db:
        return db.execute(
            text(
                "SELECT status, insufficient_quarters, granted - used AS budget FROM burgerbudget.participant WHERE number = :n"
            ),
            {"n": number},
        ).one()


def quarter_of(database: Database, number: str, quarter: str) -> Any:
    with database.transaction() as db:
        return db.execute(
            text("SELECT * FROM burgerbudget.participant_quarter WHERE participant_number = :n AND quarter = :q"),
            {"n": number, "q": quarter},
        ).one()


def test_a_sufficient_and_an_insufficient_quarter_of_the_worked_table_come_out_to_the_cent(
    burgerbudget_database: Database, today: Today
) -> None:
    """BB-1 to BB-5 at 12.79: the table of the rules, with the hours spread over days."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    today("2023-07-01")
    organisation = an_organisation(database)
    person = a_participant(database, "2023-07-01")
    # The wage of 12.79 held for two quarters only; the third and on follow the wages of their own time.
    for hours, day in (("20", "2023-07-03"), ("20", "2023-07-04")):
        today(day)
        hours_worked(database, organisation, person, hours, day)
    run_jobs(database, ledger)
    assert ledger.purse(database, person, "vrij") == 51160
    today("2023-10-01")
    close(database, ledger, "2023-Q3")
    assert quarter_of(database, person, "2023-Q3").topped_up == 51160
    hours_worked(database, organisation, person, "20", "2023-10-01")
    run_jobs(database, ledger)
    today("2024-01-01")
    close(database, ledger, "2023-Q4")
    assert state_of(database, person) == ("active", 1, 74420)
    assert ledger.purse(database, person, "burgerbudget") == 74420
    assert ledger.purse(database, person, "vrij") == 51160 + 25580


def test_thirty_six_hours_are_enough_and_a_quarter_hour_less_is_not(
    burgerbudget_database: Database, today: Today
) -> None:
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
    assert quarter_of(database, enough, "2026-Q3").judgement == "sufficient"
    assert quarter_of(database, enough, "2026-Q3").topped_up == 53964
    assert quarter_of(database, short, "2026-Q3").judgement == "insufficient"
    assert state_of(database, short).budget == 100000 - 53589  # 35.75 x 14.99 = 535.8925
    assert ledger.purse(database, enough, "burgerbudget") == 100000
    assert ledger.held == 0


def test_the_fourth_insufficient_quarter_stops_and_late_hours_reopen(
    burgerbudget_database: Database, today: Today
) -> None:
    """BB-6 and BB-9."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    today("2025-07-01")
    organisation = an_organisation(database)
    person = a_participant(database, "2025-07-01")
    for quarter in ("2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2"):
        today(str(Quarter.parse(quarter).next().start))
        close(database, ledger, quarter)
    assert state_of(database, person) == ("stopped", 4, 100000)
    hours_worked(database, organisation, person, "20", "2026-05-01")
    hours_worked(database, organisation, person, "16", "2026-05-02")
    run_jobs(database, ledger)
    # 36 h at 14.71 = 529.56 moved, and the missed top-up brings the budget back to 1,000.00.
    assert state_of(database, person) == ("active", 0, 100000)
    assert ledger.purse(database, person, "vrij") == 52956
    assert quarter_of(database, person, "2026-Q2").topped_up == 52956
    kinds = [journal["kind"] for journal in ledger.journals]
    assert kinds == ["start", "use", "use", "top-up"]


def test_a_fund_that_is_too_small_posts_nothing_and_goes_on_after_a_deposit(
    burgerbudget_database: Database, today: Today
) -> None:
    database, ledger = burgerbudget_database, LedgerOnPaper(fund=200_000)
    today("2026-07-01")
    organisation = an_organisation(database)
    people = [a_participant(database), a_participant(database)]
    today("2026-09-30")
    for person in people:
        hours_worked(database, organisation, person, "24", "2026-08-01")
        hours_worked(database, organisation, person, "12", "2026-08-02")
    run_jobs(database, ledger)
    assert ledger.fund == 0
    today("2026-10-01")
    close(database, ledger, "2026-Q3")
    with database.transaction() as db:
        row = closings.closings.find(db, Quarter.parse("2026-Q3"))
        assert row is not None
        assert (row.phase, row.problem_code) == ("reserving", "tooLittle")
    assert not [key for key in ledger.grant_keys if key.startswith("top-up")]
    ledger.fund = 200_000
    run_jobs(database, ledger)
    assert not [key for key in ledger.grant_keys if key.startswith("top-up")], "only an explicit act resumes it"
    database.run(lambda db: closings.resume(db, Quarter.parse("2026-Q3")))
    run_jobs(database, ledger)
    with database.transaction() as db:
        row = closings.closings.find(db, Quarter.parse("2026-Q3"))
        assert row is not None
        assert row.phase == "closed"
    assert ledger.fund == 200_000 - 2 * 53964
    assert [ledger.purse(database, person, "burgerbudget") for person in people] == [100000, 100000]


def test_a_quarter_is_closed_in_order_and_only_when_it_has_ended(burgerbudget_database: Database, today: Today) -> None:
    database, ledger = burgerbudget_database, LedgerOnPaper()
    today("2026-04-01")
    a_participant(database, "2026-04-01")
    today("2026-06-30")
    with pytest.raises(NotEnded):
        close(database, ledger, "2026-Q2")
    today("2026-10-01")
    with pytest.raises(PreviousQuarterOpen):
        close(database, ledger, "2026-Q3")
    close(database, ledger, "2026-Q2")
    close(database, ledger, "2026-Q2")
    close(database, ledger, "2026-Q3")
    with database.transaction() as db:
        assert db.execute(text("SELECT last_closed, closing FROM burgerbudget.calendar")).one() == ("2026-Q3", None)


def test_a_start_that_falls_in_the_middle_of_a_close_is_credited_after_it(
    burgerbudget_database: Database, today: Today
) -> None:
    """BB-1: the job of the day must not count as done while a close held it up."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    today("2026-07-20")
    person = a_participant(database, "2026-07-20")
    today("2026-10-01")
    close(database, ledger, "2026-Q3")
    run_jobs(database, ledger)
    assert ledger.purse(database, person, "burgerbudget") == 100000
