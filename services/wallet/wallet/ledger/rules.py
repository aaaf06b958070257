"""Who may move what: the scope of each service, and what nobody may move by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wallet.ledger.postings import BANK_CURRENT, BANK_STRIPE, MANUAL, RECEIPT, REVERSAL, Transfer

PROTECTED_PURSE = "burgerbudget"
"""Its money is granted by law and never reclaimed (BB-8): nobody takes it, or what it turned into, back by hand."""

_OWN_KINDS = frozenset({"deposit", REVERSAL})


@dataclass(frozen=True, slots=True)
class MonthTotal:
    """How the journals of one kind on a purse are shown: as one line a month, under a kind and a code of its own."""

    kind: str
    shown_as: str
    explanation: str

    @property
    def hold_purposes(self) -> str:
        """How the purposes begin of holds that wait for such a journal: of these no list is shown either."""
        return f"{self.kind}/"


SHOWN_AS_TOTALS: Mapping[str, MonthTotal] = {"belkosten": MonthTotal("call", "calls", "belkosten.calls")}
"""What a holder sees of by purse in totals only: who called whom is nobody's business, so is when and how long.

A list of calls, each with its moment and price, tells who was called to whoever looks along in the pass or finds the
statement: a debt collector, a clinic, a shelter. The books have every entry, and the auditor sees it there.
"""


@dataclass(frozen=True, slots=True)
class BankUse:
    """Of which kinds of journal a bank account may be the source, and of which the destination."""

    as_source: frozenset[str] = frozenset()
    as_destination: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """What one service may touch: the funds of its scheme, and purses and payables by their purse.

    A scheme has several funds where it counts in several assets or spends what several funders gave: all are called
    after it (`dordtpas`, `dordtpas-lessen`). One that `clears` has an account of its own for what waits until it is known
    where it goes; one that `lends` has that too, and what it lent out and what each borrower owes. A bank account it may
    touch on the sides and in the kinds of journal that `banks` names.
    """

    scheme: str
    purses: frozenset[str] = frozenset()
    payables: frozenset[str] = frozenset()
    lends: bool = False
    clears: bool = False
    banks: Mapping[str, BankUse] = field(default_factory=dict)

    def covers(self, address: str) -> bool:
        """Tell whether an address is a fund of this scheme, a purse of any holder, or what any provider is owed.

        Also what it clears, and where it lends what is lent and what any borrower owes. Never a bank account.
        """
        parts = address.split(":")
        match parts:
            case ["fund", code]:
                return code == self.scheme or code.startswith(f"{self.scheme}-")
            case ["holder", _, purse]:
                return purse in self.purses
            case ["payable", _, purse]:
                return purse in self.payables
            case ["clearing", scheme]:
                return (self.clears or self.lends) and scheme == self.scheme
            case ["lent", scheme]:
                return self.lends and scheme == self.scheme
            case ["loan", _, "outstanding"]:
                return self.lends
        return False

    def covers_source(self, address: str, kind: str) -> bool:
        """Tell whether an address may be debited in a journal of this kind."""
        return self.covers(address) or (address in self.banks and kind in self.banks[address].as_source)

    def covers_destination(self, address: str, kind: str) -> bool:
        """Tell whether an address may be credited in a journal of this kind."""
        return self.covers(address) or (address in self.banks and kind in self.banks[address].as_destination)


_FROM_STATEMENT = frozenset({"loan-repayment", "loan-overpayment"})
_THROUGH_STRIPE = _FROM_STATEMENT | {"loan-bounce", "loan-refund"}
_LENDING_BANKS = {
    # Money that finance saw arrive. What leaves this account, leaves it by a payout batch that two people approved.
    BANK_CURRENT: BankUse(as_source=_FROM_STATEMENT),
    BANK_STRIPE: BankUse(as_source=_THROUGH_STRIPE, as_destination=_THROUGH_STRIPE),
}
_CREDITS = frozenset({"zwemlessen", "fiets", "menstruatieproducten", "punten", "meedoen"})

# A provider is paid for what was spent with it out of a credit (DP-9) or called (2), a creditor out of a loan or gift
# (SK-8). Volunteers and the people of cash pilots are paid themselves.
SCOPES = {
    "burgerbudget": Scope("burgerbudget", frozenset({"burgerbudget", "vrij", "burgerbaan"})),
    # Calls are rated as their records come, and billed by the provider a month later: until then they are clearing.
    "belkosten": Scope("belkosten", frozenset({"belkosten"}), frozenset({"belkosten"}), clears=True),
    "cash-pilots": Scope("cash-pilots", frozenset({"leefgeld"})),
    "dordtpas": Scope("dordtpas", _CREDITS, _CREDITS),
    "sociaal-krediet": Scope(
        "sociaal-krediet", frozenset({"krediet"}), frozenset({"krediet"}), lends=True, banks=_LENDING_BANKS
    ),
}


def outside_scope(service: str, addresses: Iterable[str]) -> str | None:
    """Give the first address that a service may not touch in every journal, or None; an unknown one may touch nothing."""
    scope = SCOPES.get(service)
    return next((address for address in addresses if scope is None or not scope.covers(address)), None)


def transfer_outside_scope(service: str, kind: str, transfers: Sequence[Transfer]) -> str | None:
    """Give the first address that a service may not touch, on its side, in a journal of this kind, or None."""
    scope = SCOPES.get(service)
    for each in transfers:
        if scope is None or not scope.covers_source(each.source, kind):
            return each.source
        if not scope.covers_destination(each.destination, kind):
            return each.destination
    return None


def may_lend(service: str) -> bool:
    """Tell whether a service has loans, and money that comes in for them under its own references."""
    scope = SCOPES.get(service)
    return scope is not None and scope.lends


def may_owe_providers(service: str) -> bool:
    """Tell whether providers are paid for what was spent out of the purses of this service."""
    scope = SCOPES.get(service)
    return scope is not None and bool(scope.payables)


def is_own_kind(kind: str) -> bool:
    """Tell whether only the wallet itself writes journals of this kind."""
    return kind in _OWN_KINDS or is_bank_kind(kind)


def is_bank_kind(kind: str) -> bool:
    """Tell whether journals of this kind follow money that leaves for the bank or comes in there."""
    return kind in ("payout", RECEIPT) or kind.startswith("payout-")


def may_name_kind(kind: str, *, by_hand: bool) -> bool:
    """Tell whether a service, or (by hand) finance, may post under this kind."""
    return not is_own_kind(kind) and (by_hand or kind != MANUAL)


def is_protected(address: str) -> bool:
    """Tell whether no manual transfer or reversal may debit this address, whatever was ever put there."""
    parts = address.split(":")
    return len(parts) == 3 and parts[0] == "holder" and parts[2] == PROTECTED_PURSE


def is_of_a_loan(address: str) -> bool:
    """Tell whether an address counts what is lent: it agrees with the schedules that the lending scheme keeps."""
    return address.startswith(("loan:", "lent:"))


def shown_as_total(purse: str | None) -> MonthTotal | None:
    """Tell what a holder sees of a purse in totals only, if there is anything."""
    return None if purse is None else SHOWN_AS_TOTALS.get(purse)
