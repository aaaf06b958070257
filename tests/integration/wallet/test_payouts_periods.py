"""Payouts beside closed months: what is under way is finished on open days, and names the day that is closed."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from foundation.access import Caller, Role
from tests.integration.wallet.ledger_books import Books
from tests.integration.wallet.ledger_periods import Periods
from tests.integration.wallet.payouts_house import House, counts
from wallet.payouts import actions

MARA = Caller("mara", frozenset({Role.FINANCE_MAKER}))


@pytest.fixture
def periods(house: House, tmp_path: Path) -> Periods:
    return Periods(Books(house.database, deposit=0), tmp_path, house.today)


def value_dates(periods: Periods, kind: str) -> list[str]:
    rows = periods.books.rows("SELECT value_date::text FROM ledger.journal WHERE kind = :kind ORDER BY id", kind=kind)
    return [row.value_date for row in rows]


def references(periods: Periods, kind: str) -> list[str]:
    rows = periods.books.rows(
        "SELECT e.reference FROM ledger.entry e JOIN ledger.journal j ON j.id = e.journal_id"
        " WHERE j.kind = :kind AND e.reference IS NOT NULL ORDER BY e.journal_id, e.line",
        kind=kind,
    )
    return [row.reference for row in rows]


@pytest.mark.parametrize(
    ("read_on", "booked_on"),
    [("2026-11-03", "2026-11-03"), ("2026-10-20", "2026-11-01")],
    ids=["in an open month", "with a clock that was set back into a closed month"],
)
def test_a_bank_entry_of_a_closed_month_is_booked_on_an_open_day_and_names_its_own(
    house: House, three: list[str], periods: Periods, read_on: str, booked_on: str
) -> None:
    batch = house.sent()
    end_to_end = {line["holder"]: line["endToEndId"] for line in house.lines(batch)}
    statement = house.statement(batch, returns=[{"holder": three[0]}])
    house.today("2026-11-02")
    # The purses were filled in July.
    for month in ("2026-07", "2026-10"):
        periods.close(month)
    house.today(read_on)
    assert house.read(statement) == counts(matched=1, returned=1)
    assert value_dates(periods, "payout-settlement") == [booked_on]
    assert [reference[-11:] for reference in references(periods, "payout-settlement")] == ["/2026-10-01"]
    [returned] = references(periods, "payout-return")
    assert (returned, value_dates(periods, "payout-return")) == (f"{end_to_end[three[0]]}/2026-10-01", [booked_on])


def test_a_bank_entry_of_an_open_month_keeps_the_references_it_has(
    house: House, three: list[str], periods: Periods
) -> None:
    batch = house.sent()
    end_to_end = {line["holder"]: line["endToEndId"] for line in house.lines(batch)}
    statement = house.statement(batch, returns=[{"holder": three[0]}])
    periods.close("2026-07")
    house.today("2026-10-02")
    assert house.read(statement) == counts(matched=1, returned=1)
    assert references(periods, "payout-return") == [end_to_end[three[0]]]
    assert value_dates(periods, "payout-return") == ["2026-10-02"]


def test_a_batch_whose_month_closes_while_it_is_being_sent_goes_on_on_the_first_open_day(
    house: House, three: list[str], periods: Periods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "CHUNK", 2)
    batch = house.draft()["id"]
    house.approve(batch, house.submit(batch)["contentHash"])
    assert house.database.run(lambda db: actions.send_next_chunk(db, UUID(batch), MARA, "sepa"))
    house.today("2026-11-02")
    for month in ("2026-07", "2026-10"):
        periods.close(month)
    house.send(batch)
    assert value_dates(periods, "payout") == ["2026-10-01", "2026-11-01"]
    assert (house.state(batch), len(three)) == ("sent", 3)
