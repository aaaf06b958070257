"""Telephone numbers as people write them, and the list of those that may be called."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from belkosten.rules.numbers import (
    Added,
    Approval,
    Category,
    KnownListing,
    Listing,
    ListingRefused,
    ListingRow,
    MalformedListing,
    approved_on,
    e164,
    judge_listing,
    parse_listing,
)
from belkosten.rules.spans import Span
from foundation.row_files import RawRow

JULY = Span(date(2026, 7, 1), date(2026, 7, 31))


@pytest.mark.parametrize(
    "written",
    [
        "+31781234567",
        "+31 78 123 45 67",
        "+31 (0)78-123 45 67",
        "0031781234567",
        "0031 (0) 78 1234567",
        "(+31) 78.123.45.67",
        " +31-78/1234567 ",
        "+31\u00a078\u00a01234567",
    ],
)
def test_a_number_is_read_however_it_is_spaced(written: str) -> None:
    assert e164(written) == "+31781234567"


@pytest.mark.parametrize(
    "written",
    [
        "078 123 45 67",
        "(0)78 1234567",
        "112",
        "",
        "+",
        "+0781234567",
        "+31",
        "+317812345678901234",
        "+31 78 ABC",
        "+31 78 +31",
        "+3178123456٧",
        "+" + "1" * 60,
    ],
)
def test_what_is_no_international_number_is_none(written: str) -> None:
    assert e164(written) is None


@pytest.mark.parametrize(
    ("other", "together"),
    [
        (Span(date(2026, 7, 31)), True),
        (Span(date(2026, 8, 1)), False),
        (Span(date(2026, 6, 1), date(2026, 7, 1)), True),
        (Span(date(2026, 6, 1), date(2026, 6, 30)), False),
        (Span(date(2020, 1, 1)), True),
    ],
)
def test_spans_overlap_when_they_have_a_day_in_common(other: Span, together: bool) -> None:
    assert JULY.overlaps(other) is other.overlaps(JULY) is together


def listing(span: Span = JULY, organisation: str = "Kredietbank") -> Listing:
    return Listing("+31781234567", organisation, Category.KREDIETBANK, span)


def test_a_number_has_one_organisation_at_a_time() -> None:
    there = [listing()]
    assert judge_listing(listing(Span(date(2026, 8, 1))), there) == Added(listing(Span(date(2026, 8, 1))))
    assert judge_listing(listing(), there) == KnownListing()
    refused = judge_listing(listing(Span(date(2026, 7, 31)), "Incasso"), there)
    assert isinstance(refused, ListingRefused) and refused.code == "numberThere"


def test_a_row_of_a_file_of_numbers_is_read_with_its_dates_both_ways() -> None:
    raw = RawRow(2, (" +31 78 1234567", "Kredietbank ", "kredietbank", "01-07-2026", "2026-07-31"))
    assert parse_listing(raw) == ListingRow(2, listing())
    endless = RawRow(3, ("+31781234567", "Kredietbank", "kredietbank", "2026-07-01", ""))
    assert parse_listing(endless) == ListingRow(3, listing(Span(date(2026, 7, 1))))


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        (("0781234567", "Bank", "zorg", "2026-07-01", ""), "number"),
        (("+31781234567", "", "zorg", "2026-07-01", ""), "organisation"),
        (("+31781234567", "x" * 141, "zorg", "2026-07-01", ""), "organisation"),
        (("+31781234567", "Bank", "Zorg", "2026-07-01", ""), "category"),
        (("+31781234567", "Bank", "zorg", "juli", ""), "from"),
        (("+31781234567", "Bank", "zorg", "2026-02-30", ""), "from"),
        (("+31781234567", "Bank", "zorg", "2026-07-01", "ooit"), "until"),
        (("+31781234567", "Bank", "zorg", "2026-07-01", "2026-06-30"), "until"),
    ],
)
def test_a_row_that_cannot_be_read_says_which_column_and_repeats_nothing(cells: tuple[str, ...], word: str) -> None:
    read = parse_listing(RawRow(2, cells))
    assert isinstance(read, MalformedListing)
    assert read.problem.startswith(word)
    assert cells[0].lstrip("+") not in read.problem


def test_a_number_may_be_called_on_the_days_of_its_line() -> None:
    first, second = UUID(int=1), UUID(int=2)
    approvals = [Approval(first, JULY), Approval(second, Span(date(2026, 9, 1)))]
    found = [approved_on(day, approvals) for day in (date(2026, 7, 31), date(2026, 8, 15), date(2030, 1, 1))]
    assert found == [first, None, second]
