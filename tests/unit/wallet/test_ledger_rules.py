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


@pytest.mark.parametrize(
    ("service", "addresses"),
    [
        ("dordtpas", ["fund:dordtpas", "fund:dordtpas-lessen", f"{HOLDER}:zwemlessen", "payable:swim-1:zwemlessen"]),
        ("dordtpas", [f"{HOLDER}:{purse}" for purse in ("fiets", "menstruatieproducten", "punten", "meedoen")]),
        ("belkosten", ["fund:belkosten", f"{HOLDER}:belkosten", "payable:telecom-1:belkosten", "clearing:belkosten"]),
        ("cash-pilots", ["fund:cash-pilots-bouwdepot", f"{HOLDER}:leefgeld"]),
        ("sociaal-krediet", ["fund:sociaal-krediet", f"{HOLDER}:krediet", "payable:creditor-1:krediet"]),
    ],
)
def test_each_scheme_has_its_funds_its_purses_and_what_its_providers_are_owed(
    service: str, addresses: list[str]
) -> None:
    assert rules.outside_scope(service, addresses) is None


@pytest.mark.parametrize("service", sorted(rules.SCOPES))
def test_no_scheme_reaches_the_bank_what_is_issued_or_the_purse_of_another(service: str) -> None:
    theirs = {purse for name, scope in rules.SCOPES.items() if name != service for purse in scope.purses}
    assert theirs.isdisjoint(rules.SCOPES[service].purses)
    others = [f"fund:{name}" for name in rules.SCOPES if name != service]
    anyones = [
        "bank:current",
        "issue:LESSON",
        "fund:",
        f"fund:{service}s",
        "loan:1:krediet",
        f"receivable:{HOLDER}:vrij",
    ]
    for address in (*others, *anyones, *(f"{HOLDER}:{purse}" for purse in theirs)):
        assert rules.outside_scope(service, [address]) == address
    payables = {f"payable:shop-1:{purse}" for scope in rules.SCOPES.values() for purse in scope.purses}
    for address in payables - {f"payable:shop-1:{purse}" for purse in rules.SCOPES[service].payables}:
        assert rules.outside_scope(service, [address]) == address


def test_volunteers_and_people_of_cash_pilots_are_paid_themselves_and_no_provider_for_them() -> None:
    owing = {service for service in (*rules.SCOPES, "unknown") if rules.may_owe_providers(service)}
    assert owing == {"belkosten", "dordtpas", "sociaal-krediet"}


def test_a_service_that_nobody_knows_may_touch_nothing() -> None:
    for address in ("fund:burgerbudget", "fund:", "fund:unknown"):
        assert rules.outside_scope("unknown", [address]) == address


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
        ("issue:LESSON", "fund:dordtpas-lessen", 5),
        (f"{HOLDER}:zwemlessen", "payable:swim-1:zwemlessen", 6),
    ],
)
def test_the_third_transfer_is_named_by_the_line_that_it_does_not_share(
    source: str, destination: str, line: int
) -> None:
    assert naming_line(3, Transfer(source, destination, 1)) == line


def test_who_clears_does_not_lend_and_clears_for_itself_alone() -> None:
    assert not rules.may_lend("belkosten")
    for address in ("clearing:sociaal-krediet", "lent:belkosten", "loan:1:outstanding", "clearing"):
        assert rules.outside_scope("belkosten", [address]) == address
    for service in set(rules.SCOPES) - {"belkosten"}:
        assert rules.outside_scope(service, ["clearing:belkosten"]) == "clearing:belkosten"


def test_only_calls_on_the_purse_for_calls_are_shown_as_totals() -> None:
    total = rules.shown_as_total("belkosten")
    assert total is not None
    assert (total.kind, total.shown_as, total.hold_purposes) == ("call", "calls", "call/")
    assert [rules.shown_as_total(purse) for purse in ("vrij", "burgerbudget", None)] == [None, None, None]
