"""What the scheme that lends may touch, on which side and in which kind of journal, and what nobody moves by hand."""

from __future__ import annotations

import pytest

from wallet.ledger import rules
from wallet.ledger.postings import Transfer

SCHEME = "sociaal-krediet"
FUND, LENT, CLEARING = "fund:sociaal-krediet", "lent:sociaal-krediet", "clearing:sociaal-krediet"
LOAN = "loan:0199f5a0-0000-7000-8000-000000000001:outstanding"
CREDITOR, BORROWER = "payable:creditor-1:krediet", "holder:0199f5a0-0000-7000-8000-000000000002:krediet"
CURRENT, STRIPE = "bank:current", "bank:stripe"


def outside(kind: str, source: str, destination: str, service: str = SCHEME) -> str | None:
    return rules.transfer_outside_scope(service, kind, [Transfer(FUND, CREDITOR, 1), Transfer(source, destination, 1)])


@pytest.mark.parametrize(
    ("kind", "source", "destination"),
    [
        ("loan-disbursement", FUND, CREDITOR),
        ("gift-disbursement", FUND, CREDITOR),
        ("loan-receivable", LOAN, LENT),
        ("loan-repayment", CLEARING, FUND),
        ("loan-repayment", CURRENT, FUND),
        ("loan-repayment", STRIPE, FUND),
        ("loan-repayment", LENT, LOAN),
        ("loan-bounce", FUND, STRIPE),
        ("loan-bounce", LOAN, LENT),
        ("loan-remission", LENT, LOAN),
        ("loan-write-off", LENT, LOAN),
        ("loan-overpayment", CURRENT, BORROWER),
        ("loan-overpayment", CLEARING, BORROWER),
        ("loan-overpayment", STRIPE, CLEARING),
        ("loan-refund", CLEARING, STRIPE),
    ],
)
def test_sk_every_step_of_a_loan_is_within_the_scope_of_its_scheme(kind: str, source: str, destination: str) -> None:
    assert outside(kind, source, destination) is None


@pytest.mark.parametrize(
    ("kind", "source", "destination", "named"),
    [
        ("loan-repayment", FUND, CURRENT, CURRENT),
        ("loan-bounce", FUND, CURRENT, CURRENT),
        ("loan-refund", CLEARING, CURRENT, CURRENT),
        ("loan-disbursement", CURRENT, CREDITOR, CURRENT),
        ("loan-refund", CURRENT, CLEARING, CURRENT),
        ("loan-disbursement", STRIPE, FUND, STRIPE),
        ("loan-remission", FUND, STRIPE, STRIPE),
        ("loan-receivable", LOAN, "lent:dordtpas", "lent:dordtpas"),
        ("loan-repayment", "clearing:dordtpas", FUND, "clearing:dordtpas"),
        ("loan-repayment", "bank:outgoing", FUND, "bank:outgoing"),
        ("loan-receivable", "loan:1:principal", LENT, "loan:1:principal"),
        ("loan-repayment", "loan:1", LENT, "loan:1"),
    ],
)
def test_a_bank_on_the_other_side_in_another_kind_or_the_account_of_another_is_outside(
    kind: str, source: str, destination: str, named: str
) -> None:
    assert outside(kind, source, destination) == named


@pytest.mark.parametrize("service", sorted({*rules.SCOPES, "unknown"} - {SCHEME}))
@pytest.mark.parametrize("address", [LENT, CLEARING, LOAN, STRIPE, CURRENT])
def test_no_other_service_touches_what_is_lent(service: str, address: str) -> None:
    for kind in ("loan-repayment", "loan-refund", "use"):
        own = f"fund:{service}"
        both = [Transfer(own, address, 1)], [Transfer(address, own, 1)]
        found = {rules.transfer_outside_scope(service, kind, transfers) for transfers in both}
        assert found <= {address, own}
        assert None not in found
    assert not rules.may_lend(service)


def test_a_bank_is_outside_where_no_kind_of_journal_is_named() -> None:
    assert rules.outside_scope(SCHEME, [FUND, LENT, CLEARING, LOAN, CREDITOR, BORROWER]) is None
    for bank in (CURRENT, STRIPE):
        assert rules.outside_scope(SCHEME, [bank]) == bank


def test_what_agrees_with_a_schedule_is_moved_by_nobody_by_hand() -> None:
    assert [rules.is_of_a_loan(address) for address in (LOAN, LENT, CLEARING, FUND)] == [True, True, False, False]


def test_only_the_wallet_books_receipts() -> None:
    assert not rules.may_name_kind("receipt", by_hand=True)
    assert not rules.may_name_kind("receipt", by_hand=False)
