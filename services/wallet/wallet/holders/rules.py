"""What makes a BSN and an IBAN acceptable, and when an IBAN may be used (PO-6). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from stdnum.exceptions import ValidationError
from stdnum.nl import bsn as dutch_bsn

_BSN_SHAPE = re.compile(r"\d{8,9}")
_SEPARATORS = re.compile(r"[\s.\-]")
MASK = "*"


@dataclass(frozen=True, slots=True)
class HolderPolicy:
    """The dated parameters of one day."""

    cooling_off_days: int


def clean_bsn(text: str) -> str | None:
    """Give the nine digits of a BSN, or None where the text is none: 8 or 9 digits that pass the eleven test.

    Older registrations leave out a leading zero. Spaces, points and hyphens between the digits are taken away.
    """
    digits = _SEPARATORS.sub("", text)
    if not _BSN_SHAPE.fullmatch(digits):
        return None
    try:
        return str(dutch_bsn.validate(digits)).zfill(9)
    except ValidationError:
        return None


def clean_iban(text: str) -> str | None:
    """Give an IBAN in its compact form, or None where it is none (length, country and check digits)."""
    compact = "".join(text.split()).upper()
    try:
        return str(IBAN(compact, validate_bban=False).compact)
    except (SchwiftyException, ValueError):
        return None


def is_payable_iban(iban: str) -> bool:
    """Tell whether a SEPA credit transfer reaches this account's country."""
    return bool(IBAN(iban, validate_bban=False).in_sepa_zone)


def masked_iban(iban: str) -> str:
    """Show an IBAN so that its owner knows it and nobody else can use it: country and last four."""
    return f"{iban[:2]}{MASK * (len(iban) - 6)}{iban[-4:]}"


def usable_from(confirmed_on: date, policy: HolderPolicy, *, known: bool = False) -> date:
    """Give the first day on which an IBAN confirmed on this day may be paid to (PO-6).

    Counted from the confirmation, not from the proposal: only from then on does anyone who watches know
    that money will go there. `known`: a payee of this very name was confirmed to be paid there before, and that account
    is past its own cooling-off. It is no new account then but one more claim of the same creditor, who is owed at once.
    """
    return confirmed_on if known else confirmed_on + timedelta(days=policy.cooling_off_days)


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """An IBAN as it stands when somebody wants to confirm it."""

    state: str
    proposed_by: str


def refusal_to_confirm(proposal: OpenProposal | None, subject: str) -> str | None:
    """Give the code of why this subject may not confirm this IBAN, or None (PO-6: a second person)."""
    if proposal is None:
        return "unknownIban"
    if proposal.state != "proposed":
        return "alreadyDecided"
    if proposal.proposed_by == subject:
        return "sameSubject"
    return None
