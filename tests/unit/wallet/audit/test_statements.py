"""What a statement says of days and amounts."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from foundation.periods import Quarter
from wallet.audit.statements.rules import (
    Line,
    PurseStatement,
    amount_in_words,
    period_of,
    purse_in_words,
    with_balances,
    with_totals,
)
from wallet.ledger.rules import MonthTotal

THIRD = Quarter(2026, 3)


@pytest.mark.parametrize(
    ("today", "last", "provisional"),
    [
        (date(2026, 6, 30), date(2026, 6, 30), True),
        (date(2026, 7, 1), date(2026, 7, 1), True),
        (date(2026, 9, 30), date(2026, 9, 30), True),
        (date(2026, 10, 1), date(2026, 9, 30), False),
        (date(2030, 1, 1), date(2026, 9, 30), False),
    ],
)
def test_a_quarter_is_told_up_to_today_until_it_is_over(today: date, last: date, provisional: bool) -> None:
    period = period_of(THIRD, today)

    assert (period.first, period.last, period.provisional) == (date(2026, 7, 1), last, provisional)


@pytest.mark.parametrize(
    ("amount", "asset", "scale", "words"),
    [
        (123_456, "EUR", 2, "€ 1.234,56"),
        (-5, "EUR", 2, "-€ 0,05"),
        (0, "EUR", 2, "€ 0,00"),
        (1, "LESSON", 0, "1 les"),
        (40, "LESSON", 0, "40 lessen"),
        (-1, "PIECE", 0, "-1 stuk"),
        (1_234_567, "SECOND", 0, "1.234.567 seconden"),
        (0, "POINT", 0, "0 punten"),
        (1_500, "KWH", 3, "1,500 KWH"),
    ],
)
def test_an_amount_is_written_in_its_unit(amount: int, asset: str, scale: int, words: str) -> None:
    assert amount_in_words(amount, asset, scale) == words


def test_what_comes_in_has_a_plus_where_signs_are_asked_for() -> None:
    assert amount_in_words(100, "EUR", 2, sign=True) == "+€ 1,00"
    assert amount_in_words(-100, "EUR", 2, sign=True) == "-€ 1,00"


def test_a_purse_has_the_name_that_its_owner_knows() -> None:
    assert [purse_in_words(purse) for purse in ("vrij", "burgerbudget", "zwemmen-kind")] == [
        "Vrij te besteden",
        "Burgerbudget",
        "Zwemmen kind",
    ]


def test_a_closing_balance_is_the_opening_and_every_line() -> None:
    def line(amount: int) -> Line:
        return Line("1-1", date(2026, 7, 1), "x", None, "use", None, amount, 0, 1, b"")

    assert PurseStatement("vrij", "EUR", 2, 100, []).closing == 100
    assert PurseStatement("vrij", "EUR", 2, 100, [line(50), line(-120)]).closing == 30


CALLS = MonthTotal("call", "calls", "belkosten.calls")


def a_line(number: int, day: date, kind: str, amount: int) -> Line:
    return Line(f"{number}-2", day, "x", None, kind, None, amount, 0, number, bytes([number]) * 32)


def in_words(code: str, reference: str, kind: str) -> str:
    return f"{code} {reference} {kind}"


def test_a_month_shown_in_total_stands_where_its_newest_entry_was() -> None:
    october, november = date(2026, 10, 31), date(2026, 11, 1)
    lines = [
        a_line(1, october, "credit", 100),
        a_line(2, october, "call", -10),
        a_line(3, november, "call", -7),
        a_line(4, october, "call", -5),
        a_line(5, november, "credit", 1),
    ]
    shown = with_balances(50, with_totals("belkosten", lines, CALLS, in_words))
    assert [(line.id, line.amount, line.balance, line.entries, line.is_total) for line in shown] == [
        ("1-2", 100, 150, 1, False),
        ("belkosten-2026-11", -7, 143, 1, True),
        ("belkosten-2026-10", -15, 128, 2, True),
        ("5-2", 1, 129, 1, False),
    ]
    assert (shown[2].kind, shown[2].explanation) == ("calls", "belkosten.calls 2026-10 calls")
    assert (shown[2].block, shown[2].leaf) == (4, hashlib.sha256(b"\x02" * 32 + b"\x04" * 32).digest())
    assert with_totals("vrij", lines, None, in_words) == lines
