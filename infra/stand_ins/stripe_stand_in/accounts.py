"""The bank accounts of make-believe: the only IBANs that the stand-in takes, and what a debit of each comes to."""

from __future__ import annotations

from enum import StrEnum


class Fate(StrEnum):
    """How a debit ends when nobody says otherwise."""

    PAYS = "pays"
    FAILS = "fails"
    """Refused by the bank before it counted as received."""
    BOUNCES = "bounces"
    """Received, and taken back at once."""


# The first three are accounts of a bank that does not exist; the others are those of Stripe's own test mode.
TEST_IBANS = {
    "NL69TEST0000000001": Fate.PAYS,
    "NL42TEST0000000002": Fate.FAILS,
    "NL15TEST0000000003": Fate.BOUNCES,
    "DE89370400440532013000": Fate.PAYS,
    "DE62370400440532013001": Fate.FAILS,
    "DE35370400440532013002": Fate.BOUNCES,
}
_BY_LAST_FOUR = {iban[-4:]: fate for iban, fate in TEST_IBANS.items()}


def compact(iban: str) -> str:
    """Write an IBAN without spaces, in capitals."""
    return iban.replace(" ", "").upper()


def fate_of(last_four: str | None) -> Fate:
    """Say how a debit ends, from all that is kept of its account."""
    return _BY_LAST_FOUR.get(last_four or "", Fate.PAYS)
