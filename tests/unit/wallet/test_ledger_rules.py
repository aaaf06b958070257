"""Who may move what, and which line names a transfer."""

from __future__ import annotations

import pytest

from wallet.ledger import rules
from wallet.ledger.postings import Transfer, naming_line

HOLDER = "holder:0199f5a0-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    "address", ["fund:burgerbudget", f"{HOLDER}:burgerbudget", f"{HOLDER}:vrij", f"{HOLDER}:burgerbaan"]
)
def test_burgerbudget_may_touch_its_fund_and_the_purses_of_its_scheme(address: str) -> None:
    assert rules.outside_scope("burgerbudget", [address]) is None


@pytest.mark.parametrize(
    "address",
    [
        "fund:belkosten",
        "bank:current",
        "bank:outgoing",
        f"{HOLDER}:belkosten",
        "payable:kpn",
        "loan:1:vrij",
        HOLDER,
        "vrij",
    ],
)
def test_burgerbudget_may_touch_nothing_else(address: str) -> None:
    assert rules.outside_scope("burgerbudget", ["fund:burgerbudget", address]) == address


def test_a_service_that_nobody_knows_may_touch_nothing() -> None:
    assert rules.outside_scope("unknown", ["fund:burgerbudget"]) == "fund:burgerbudget"


@pytest.mark.parametrize("kind", ["deposit", "reversal", "payout", "payout-return", "payout-anything"])
def test_the_wallets_own_kinds_are_for_nobody_else(kind: str) -> None:
    assert not rules.may_name_kind(kind, by_hand=True)
    assert not rules.may_name_kind(kind, by_hand=False)


def test_manual_is_for_finance_and_top_up_for_either() -> None:
    assert rules.may_name_kind("manual", by_hand=True)
    assert not rules.may_name_kind("manual", by_hand=False)
    assert rules.may_name_kind("top-up", by_hand=False)


def test_only_a_holders_burgerbudget_is_protected_by_its_name() -> None:
    assert rules.is_protected(f"{HOLDER}:burgerbudget")
    assert not rules.is_protected("fund:burgerbudget")
    assert not rules.is_protected(f"{HOLDER}:vrij")


@pytest.mark.parametrize(
    ("source", "destination", "line"),
    [
        ("fund:burgerbudget", f"{HOLDER}:vrij", 6),
        (f"{HOLDER}:burgerbudget", f"{HOLDER}:vrij", 6),
        (f"{HOLDER}:vrij", "bank:outgoing", 5),
        ("bank:outgoing", "bank:current", 6),
        ("bank:current", "fund:burgerbudget", 6),
    ],
)
def test_the_third_transfer_is_named_by_the_line_that_it_does_not_share(
    source: str, destination: str, line: int
) -> None:
    assert naming_line(3, Transfer(source, destination, 1)) == line
