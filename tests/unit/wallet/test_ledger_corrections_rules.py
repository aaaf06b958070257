"""What a reversal takes, from where, and how it is written."""

from __future__ import annotations

from datetime import date

import pytest

from wallet.ledger.corrections import postings, rules
from wallet.ledger.corrections.rules import Original, Shares
from wallet.ledger.postings import Posting, Transfer
from wallet.payouts.postings import with_closed_day

PURSE, FUND = "holder:a:burgerbaan", "fund:burgerbudget"


def original(available: int | None, kind: str = "advance", reversed_amount: int = 0) -> Original:
    return Original(
        journal_id=12,
        line=2,
        kind=kind,
        value_date=date(2026, 9, 1),
        source=FUND,
        destination=PURSE,
        asset="EUR",
        amount=100,
        is_reversal=False,
        reversed_amount=reversed_amount,
        available=available,
        claimable=True,
    )


@pytest.mark.parametrize(
    ("available", "returned", "claimed"),
    [(200, 70, 0), (70, 70, 0), (69, 69, 1), (0, 0, 70), (-5, 0, 70), (None, 70, 0)],
)
def test_what_is_there_is_returned_and_the_rest_is_claimed(available: int | None, returned: int, claimed: int) -> None:
    assert rules.shares(original(available), 70) == Shares(returned, claimed)


def test_what_is_left_is_what_was_not_taken_back_yet() -> None:
    assert [original(0, reversed_amount=taken).left for taken in (0, 60, 100)] == [100, 40, 0]


@pytest.mark.parametrize(
    ("kind", "undone"),
    [("payout", True), ("payout-return", True), ("payout-settlement", True), ("payouts", False), ("deposit", False)],
)
def test_only_the_bank_undoes_what_went_to_the_bank(kind: str, undone: bool) -> None:
    assert rules.is_undone_by_bank(original(0, kind)) is undone


def test_the_money_goes_back_the_way_it_came_and_what_is_missing_is_owed() -> None:
    back = postings.reversal(original(30), Shares(30, 40), None)
    assert [(each.source, each.destination, each.amount) for each in back] == [
        (PURSE, FUND, 30),
        (f"receivable:{PURSE}", FUND, 40),
    ]
    assert {(each.reference, each.explanation, each.grant_key) for each in back} == {
        ("transfer/12-2", "reversal", None)
    }
    assert [each.amount for each in postings.reversal(original(0), Shares(0, 40), None)] == [40]
    [late] = postings.reversal(original(40), Shares(40, 0), "2026-09")
    assert late.reference == "transfer/12-2/period/2026-09"


@pytest.mark.parametrize(
    ("late", "reason", "booked", "said"),
    [
        (True, None, date(2026, 10, 1), "valutadatum 2026-09-30: die maand was gesloten"),
        (True, "regel 7", date(2026, 10, 1), "regel 7 (valutadatum 2026-09-30: die maand was gesloten)"),
        (False, None, date(2026, 9, 30), None),
    ],
)
def test_only_what_may_be_late_moves_to_the_first_open_day(
    late: bool, reason: str | None, booked: date, said: str | None
) -> None:
    asked = Posting("use", date(2026, 9, 30), "x", None, None, reason, [Transfer(FUND, PURSE, 1)], late)
    moved = asked.on(date(2026, 10, 1))
    assert (moved.value_date, moved.reason) == (booked, said)
    assert asked.on(date(2026, 9, 1)) is asked


@pytest.mark.parametrize(
    ("reference", "booked_on", "named"),
    [
        ("NTRY-1", date(2026, 9, 30), "NTRY-1/2026-09-30"),
        ("NTRY-1", date(2026, 10, 1), "NTRY-1"),
        ("NTRY-1", None, "NTRY-1"),
        (None, date(2026, 9, 30), "2026-09-30"),
        (None, date(2026, 10, 1), None),
    ],
)
def test_a_bank_entry_names_its_own_day_where_that_is_closed(
    reference: str | None, booked_on: date | None, named: str | None
) -> None:
    assert with_closed_day(reference, booked_on, date(2026, 10, 1)) == named
