"""What decisions mean in the ledger."""

from __future__ import annotations

from burgerbudget import postings
from foundation.money import Cents
from foundation.periods import Quarter
from wallet_contract.messages import TransferLine

Q3 = Quarter(2026, 3)


def test_a_start_credits_the_budget_from_the_fund() -> None:
    assert postings.start("1700001", "h1", Cents(100_000)) == TransferLine(
        source="fund:burgerbudget",
        destination="holder:h1:burgerbudget",
        amount=Cents(100_000),
        asset="EUR",
        grant_key="start/1700001",
        reference="participant/1700001",
        explanation="burgerbudget.start",
    )


def test_the_use_of_an_import_moves_money_between_the_purses_of_one_holder() -> None:
    assert postings.use_of_import("i7", "1700001", "h1", Q3, Cents(53_964)) == TransferLine(
        source="holder:h1:burgerbudget",
        destination="holder:h1:vrij",
        amount=Cents(53_964),
        asset="EUR",
        grant_key="use/i7/1700001/2026-Q3",
        reference="import/i7/2026-Q3",
        explanation="burgerbudget.use",
    )


def test_the_use_of_one_hour_row_refers_to_that_row() -> None:
    line = postings.use_of_hour("u9", "1700001", "h1", Q3, Cents(375))
    assert line is not None
    assert (line.grant_key, line.reference) == ("use/u9/1700001/2026-Q3", "hour/u9")


def test_a_top_up_credits_the_budget_once_a_quarter() -> None:
    line = postings.top_up("1700001", "h1", Q3, Cents(51_160))
    assert line is not None
    assert (line.source, line.destination) == ("fund:burgerbudget", "holder:h1:burgerbudget")
    assert (line.grant_key, line.explanation) == ("top-up/1700001/2026-Q3", "burgerbudget.top-up")


def test_nothing_is_posted_where_nothing_moves() -> None:
    assert postings.top_up("1700001", "h1", Q3, Cents(0)) is None
    assert postings.use_of_import("i7", "1700001", "h1", Q3, Cents(0)) is None
    assert postings.use_of_hour("u9", "1700001", "h1", Q3, Cents(0)) is None
