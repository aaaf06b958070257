"""What the decisions of belkosten mean in the ledger.

The fund gives a credit, a call takes from it, and what calls cost waits on `clearing:belkosten` until the provider bills
it: only then it is owed. Grant keys name the decision, so that the wallet posts each once whatever is repeated;
references hold ids only, never a telephone number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from foundation.money import Cents
from foundation.periods import Month
from wallet_contract.accounts import clearing, fund, payable, purse
from wallet_contract.messages import OpenHold, PostTransfers, TransferLine

SCHEME = "belkosten"
PURSE = "belkosten"
FUND = fund(SCHEME)
CLEARING = clearing(SCHEME)

CALL = "call"
"""The kind of journals of calls: the wallet shows them to the holder as one total a month."""


def purse_of(holder_id: str) -> str:
    """Give the address of somebody's call credit."""
    return purse(holder_id, PURSE)


def credit(number: str, holder_id: str, month: Month, amount: Cents) -> TransferLine:
    """Credit a month, once for each participant and month."""
    return TransferLine(
        source=FUND,
        destination=purse_of(holder_id),
        amount=amount,
        grant_key=f"credit/{number}/{month}",
        reference=f"participant/{number}",
        explanation="belkosten.credit",
    )


def month_credits(lines: Sequence[TransferLine], today: date) -> PostTransfers:
    """Post the credits of several participants together."""
    return PostTransfers("credit", today, lines)


def credit_return(
    participation: UUID, number: str, holder_id: str, amount: Cents, nth: int, hold_id: str
) -> TransferLine:
    """Return what was left when a product ended; a late release may make a second return."""
    return TransferLine(
        source=purse_of(holder_id),
        destination=FUND,
        amount=amount,
        grant_key=f"return/{participation}/{nth}",
        reference=f"participant/{number}",
        explanation="belkosten.return",
        hold_id=hold_id,
    )


def call_of(provider: str, call_id: str) -> UUID:
    """Give the id under which a provider's call is known here: the same one at every repetition, and in the wallet."""
    return uuid5(NAMESPACE_URL, f"belkosten/call/{len(provider)}/{provider}/{call_id}")


def call_hold(call: UUID, account: str, at_most: Cents, expires_at: datetime | None = None) -> OpenHold:
    """Set apart for a call what there is, up to an amount; the wallet shows such a hold to auditors only."""
    return OpenHold(account, at_most, f"call/{call}", minimum=1, expires_at=expires_at)


@dataclass(frozen=True, slots=True)
class ChargedCall:
    """What a call takes from where: `from_hold` of the hold made for it, the rest from the fund."""

    call_id: UUID
    account: str
    """The account that the hold is on: the caller's purse, or the fund where the credit has no limit."""
    hold_id: str | None
    from_hold: Cents
    from_fund: Cents


def call_charges(call: ChargedCall) -> list[TransferLine]:
    """Set the cost of a call apart for its provider."""
    lines = []
    for source, amount, hold_id, suffix in (
        (call.account, call.from_hold, call.hold_id, ""),
        (FUND, call.from_fund, None, "/fund"),
    ):
        if amount:
            lines.append(
                TransferLine(
                    source=source,
                    destination=CLEARING,
                    amount=amount,
                    grant_key=f"call/{call.call_id}{suffix}",
                    reference=f"call/{call.call_id}",
                    explanation="belkosten.call",
                    hold_id=hold_id,
                )
            )
    return lines


def settlement(calls: Sequence[ChargedCall], releases: Sequence[str], day: date) -> PostTransfers:
    """Charge calls together, and let go of what was set apart for them and not used."""
    return PostTransfers(CALL, day, [line for call in calls for line in call_charges(call)], releases=releases)


def invoice_approval(invoice: UUID, payee_id: str, total: Cents, today: date) -> PostTransfers:
    """Owe the provider the matched lines of its bill."""
    line = TransferLine(
        source=CLEARING,
        destination=payable(payee_id, PURSE),
        amount=total,
        grant_key=f"invoice/{invoice}",
        reference=f"invoice/{invoice}",
        explanation="belkosten.invoice",
    )
    return PostTransfers("invoice-approval", today, [line], decision=f"invoice/{invoice}")


def sim_month(number: str, month: Month, payee_id: str, fee: Cents) -> TransferLine:
    """Owe the provider one month of somebody's SIM card, once for each participant and month."""
    return TransferLine(
        source=FUND,
        destination=payable(payee_id, PURSE),
        amount=fee,
        grant_key=f"sim/{number}/{month}",
        reference=f"participant/{number}",
        explanation="belkosten.sim",
    )


def purchase(of: UUID, number: str, holder_id: str, payee_id: str, amount: Cents, today: date) -> PostTransfers:
    """Owe a seller of call credit what somebody bought there."""
    line = TransferLine(
        source=purse_of(holder_id),
        destination=payable(payee_id, PURSE),
        amount=amount,
        grant_key=f"purchase/{of}",
        reference=f"purchase/{of}",
        explanation="belkosten.purchase",
    )
    return PostTransfers("purchase", today, [line])
