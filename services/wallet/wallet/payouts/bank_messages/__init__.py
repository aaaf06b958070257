"""What a bank sends back, read into one shape: pain.002 (status reports) and camt.053 (statements).

The readers judge form only; what an entry means for a batch is decided in `payouts/rules.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

MAX_MESSAGE_BYTES = 32 * 1024 * 1024


class Kind(StrEnum):
    """The kinds of message that are read."""

    STATUS_REPORT = "pain.002"
    STATEMENT = "camt.053"


class Level(StrEnum):
    """What an entry speaks about."""

    GROUP = "group"
    BATCH = "batch"
    TRANSACTION = "transaction"


class Direction(StrEnum):
    """Which way money went on the municipality's account; a status report moves none."""

    DEBIT = "debit"
    CREDIT = "credit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a message says; amounts in cents. Carries ids and codes, no names and no other account."""

    level: Level
    direction: Direction
    key: bytes
    """SHA-256 over what makes the entry the same when it is read again."""
    message_id: str | None = None
    """Of our own file, where the bank repeats it."""
    payment_information_id: str | None = None
    end_to_end_id: str | None = None
    amount: int | None = None
    currency: str | None = None
    transactions: int | None = None
    """How many payments the bank counts in a batch entry."""
    status: str | None = None
    reason: str | None = None
    is_return: bool = False
    booked: bool = True
    booked_on: date | None = None
    account: str | None = None
    """The municipality's own account that the statement is of."""
    statement: str | None = None
    reference: str | None = None
    """The bank's own reference of the booking."""
    is_reversal: bool = False
    """The bank takes a booking of its own back, whatever that was."""
    payment_references: frozenset[str] = frozenset()
    """Creditor references (ISO 11649) that can be read in what the payer sent along."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its own id and its entries in the order in which they must be handled."""

    kind: Kind
    identification: str
    entries: tuple[Entry, ...]


class MalformedMessage(Exception):
    """The bytes are no message that we can read; `code` says why, the words say where. Quotes no content."""

    def __init__(self, message: str, code: str = "malformed") -> None:
        super().__init__(message)
        self.code = code


def entry_key(*parts: object) -> bytes:
    """Give the key of an entry from all that identifies it."""
    return hashlib.sha256("\x1f".join("" if part is None else str(part) for part in parts).encode()).digest()
