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
    """The funds and purses that one service may touch."""

    funds: frozenset[str]
    purses: frozenset[str]

    def covers(self, address: str) -> bool:
        """Tell whether an address is one of these funds, or one of these purses of any holder."""
        parts = address.split(":")
        match parts:
            case ["fund", code]:
                return code in self.funds
            case ["holder", _, purse]:
                return purse in self.purses
        return False


SCOPES = {
    "burgerbudget": Scope(frozenset({"burgerbudget"}), frozenset({"burgerbudget", "vrij", "burgerbaan"})),
    "belkosten": Scope(frozenset({"belkosten"}), frozenset({"belkosten"})),
    "cash-pilots": Scope(frozenset({"cash-pilots"}), frozenset({"leefgeld"})),
}


def outside_scope(service: str, addresses: Iterable[str]) -> str | None:
    """Give the first address that a service may not touch, or None; an unknown service may touch nothing."""
    scope = SCOPES.get(service, Scope(frozenset(), frozenset()))
    return next((address for address in addresses if not scope.covers(address)), None)


def is_own_kind(kind: str) -> bool:
    """Tell whether only the wallet itself writes journals of this kind."""
    return kind in _OWN_KINDS or kind == "payout" or kind.startswith("payout-")


def may_name_kind(kind: str, *, by_hand: bool) -> bool:
    """Tell whether a service, or (by hand) finance, may post under this kind."""
    return not is_own_kind(kind) and (by_hand or kind != MANUAL)


def is_protected(address: str) -> bool:
    """Tell whether no manual transfer or reversal may debit this address, whatever was ever put there."""
    parts = address.split(":")
    return len(parts) == 3 and parts[0] == "holder" and parts[2] == PROTECTED_PURSE
