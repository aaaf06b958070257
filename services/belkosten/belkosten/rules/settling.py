"""Who pays for a call that was made: what was set apart for it, what the caller still has, and the fund for the rest.

The provider is paid for every call that counts, and no purse ever goes below nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from foundation.money import ZERO, Cents


@dataclass(frozen=True, slots=True)
class CallToSettle:
    """A call that waits: what it costs, and the hold that was made for it."""

    id: UUID
    cost: Cents
    hold_id: str | None
    hold_account: str | None
    held: Cents
    purse: str | None
    """The caller's purse; None where the caller is not known, and such a call costs nothing."""
    unlimited: bool
    """On the day of the call a caller had no limit: the fund pays."""


@dataclass(frozen=True, slots=True)
class Split:
    """What a call takes from what was set apart or from the purse, and what from the fund: together its cost."""

    from_hold: Cents
    from_fund: Cents


def from_its_hold(call: CallToSettle) -> Split | None:
    """Give how a call is paid at once: from its own hold, or wholly by the fund. None: the purse is to be asked first."""
    if call.hold_id is None and not call.unlimited and call.cost:
        return None
    return from_what_is_held(call, call.held if call.hold_id is not None else ZERO)


def from_what_is_held(call: CallToSettle, held: Cents) -> Split:
    """Take as much as is held, never more than the cost; the municipality pays the provider the rest."""
    from_hold = min(call.cost, held)
    return Split(from_hold, Cents(call.cost - from_hold))
