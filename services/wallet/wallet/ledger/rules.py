"""Who may move what: the scope of each service, and what nobody may move by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wallet.ledger.postings import MANUAL, REVERSAL

PROTECTED_PURSE = "burgerbudget"
"""Its money is granted by law and never reclaimed (BB-8): nobody takes it, or what it turned into, back by hand."""

_OWN_KINDS = frozenset({"deposit", REVERSAL})


@dataclass(frozen=True, slots=True)
class Scope:
    """What one service may touch: the funds of its scheme, and purses and payables by their purse.

    A scheme has several funds where it counts in several assets or spends what several funders gave: all are called
    after it (`dordtpas`, `dordtpas-lessen`).
    """

    scheme: str
    purses: frozenset[str] = frozenset()
    payables: frozenset[str] = frozenset()

    def covers(self, address: str) -> bool:
        """Tell whether an address is a fund of this scheme, a purse of any holder, or what any provider is owed."""
        parts = address.split(":")
        match parts:
            case ["fund", code]:
                return code == self.scheme or code.startswith(f"{self.scheme}-")
            case ["holder", _, purse]:
                return purse in self.purses
            case ["payable", _, purse]:
                return purse in self.payables
        return False


_CREDITS = frozenset({"zwemlessen", "fiets", "menstruatieproducten", "punten", "meedoen"})

# A provider is paid for what was spent with it out of a credit (DP-9) or called (2), a creditor out of a loan or gift
# (SK-8). Volunteers and the people of cash pilots are paid themselves.
SCOPES = {
    "burgerbudget": Scope("burgerbudget", frozenset({"burgerbudget", "vrij", "burgerbaan"})),
    "belkosten": Scope("belkosten", frozenset({"belkosten"}), frozenset({"belkosten"})),
    "cash-pilots": Scope("cash-pilots", frozenset({"leefgeld"})),
    "dordtpas": Scope("dordtpas", _CREDITS, _CREDITS),
    "sociaal-krediet": Scope("sociaal-krediet", frozenset({"krediet"}), frozenset({"krediet"})),
}


def outside_scope(service: str, addresses: Iterable[str]) -> str | None:
    """Give the first address that a service may not touch, or None; an unknown service may touch nothing."""
    scope = SCOPES.get(service)
    return next((address for address in addresses if scope is None or not scope.covers(address)), None)


def may_owe_providers(service: str) -> bool:
    """Tell whether providers are paid for what was spent out of the purses of this service."""
    scope = SCOPES.get(service)
    return scope is not None and bool(scope.payables)


def is_own_kind(kind: str) -> bool:
    """Tell whether only the wallet itself writes journals of this kind."""
    return kind in _OWN_KINDS or is_payout_kind(kind)


def is_payout_kind(kind: str) -> bool:
    """Tell whether journals of this kind follow money that leaves for the bank or comes back from it."""
    return kind == "payout" or kind.startswith("payout-")


def may_name_kind(kind: str, *, by_hand: bool) -> bool:
    """Tell whether a service, or (by hand) finance, may post under this kind."""
    return not is_own_kind(kind) and (by_hand or kind != MANUAL)


def is_protected(address: str) -> bool:
    """Tell whether no manual transfer or reversal may debit this address, whatever was ever put there."""
    parts = address.split(":")
    return len(parts) == 3 and parts[0] == "holder" and parts[2] == PROTECTED_PURSE
