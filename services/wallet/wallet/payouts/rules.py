"""What a payout batch may hold, who may do what with it, and what its content hashes to (PO-1 to PO-4). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from stdnum import iso11649

from foundation.target_days import is_target_day, next_target_day

CONTENT_VERSION = 2
"""Of the way in which content is written to be hashed: 2 has the kind of who is paid and the reference in each line."""
MAX_DAYS_AHEAD = timedelta(days=365)


class BatchState(StrEnum):
    """The life of a batch."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SENT = "sent"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class LineState(StrEnum):
    """The life of a line. Dropped: nothing could be paid any more when the batch was submitted."""

    DRAFTED = "drafted"
    DROPPED = "dropped"
    HELD = "held"
    WITHDRAWN = "withdrawn"
    SENT = "sent"
    SETTLED = "settled"
    REJECTED = "rejected"
    RETURNED = "returned"


class HolderKind(StrEnum):
    """Who is paid: a person, out of a purse; or a payee, what it is owed out of such purses."""

    PERSON = "person"
    PAYEE = "payee"


class Exclusion(StrEnum):
    """Why a purse or a payable is not in a batch."""

    BLOCKED = "blocked"
    IN_OTHER_BATCH = "inOtherBatch"
    NOTHING_AVAILABLE = "nothingAvailable"
    COOLING_OFF = "coolingOff"
    NO_CONFIRMED_IBAN = "noConfirmedIban"


@dataclass(frozen=True, slots=True)
class PayablePurse:
    """How money of one purse is announced to the bank and to the person who gets it (PO-4), and who can get it."""

    purpose: str
    """ISO 20022 external purpose code: SSBE social benefit, ALLW allowance, GIFT gift, LOAN loan."""
    remittance: str
    kinds: tuple[HolderKind, ...] = (HolderKind.PERSON, HolderKind.PAYEE)


# `burgerbudget` itself is not here: it is spent by working, and only `vrij` is the person's own (BB-3).
PAYABLE: Mapping[str, PayablePurse] = {
    "vrij": PayablePurse("SSBE", "Burgerbudget, vrij te besteden"),
    "burgerbaan": PayablePurse("SSBE", "Burgerbaan"),
    # Call credit is spent by calling, and what is left goes back to the fund: only who carried the calls is paid (2).
    "belkosten": PayablePurse("ALLW", "Belkosten", (HolderKind.PAYEE,)),
    "leefgeld": PayablePurse("GIFT", "Leefgeld"),
    "krediet": PayablePurse("LOAN", "Sociaal krediet"),
    # A person spends this credit where it is accepted and never gets it in money: only who accepted it is paid (DP-9).
    "meedoen": PayablePurse("GIFT", "Meedoen", (HolderKind.PAYEE,)),
}


@dataclass(frozen=True, slots=True)
class PayoutPolicy:
    """The dated parameters of one day; amounts in cents."""

    second_approval_above: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A purse or payable as it stands when a batch is drafted or submitted; `available` in cents."""

    holder_id: UUID
    available: int
    usable_iban: UUID | None
    has_cooling_iban: bool
    blocked: bool
    in_other_batch: bool
    kind: HolderKind = HolderKind.PERSON


def exclusion(candidate: Candidate) -> Exclusion | None:
    """Give the reason why a purse is not paid, or None (PO-1, PO-3, PO-6). The first that holds, in this order.

    A purse in another batch has nothing available because it is held there: that reason goes first.
    """
    if candidate.blocked:
        return Exclusion.BLOCKED
    if candidate.in_other_batch:
        return Exclusion.IN_OTHER_BATCH
    if candidate.available <= 0:
        return Exclusion.NOTHING_AVAILABLE
    if candidate.usable_iban is None:
        return Exclusion.COOLING_OFF if candidate.has_cooling_iban else Exclusion.NO_CONFIRMED_IBAN
    return None


def execution_day_instead(execute_on: date, today: date) -> date | None:
    """Give the first day that can be asked for instead, or None where the day asked for is good (PO-4).

    Good is a TARGET day that is not past and at most a year ahead, which is as far as banks plan; today is good.
    """
    if execute_on > today + MAX_DAYS_AHEAD:
        return next_target_day(today)
    if execute_on >= today and is_target_day(execute_on):
        return None
    return next_target_day(max(execute_on, today))


def approvals_needed(total: int, policy: PayoutPolicy) -> int:
    """Give how many people other than the maker must approve a batch of this total (PO-1)."""
    return 2 if total > policy.second_approval_above else 1


def end_to_end_id(line_id: UUID) -> str:
    """Give the id that a payment carries to the bank and back: 32 characters, once in a lifetime."""
    return line_id.hex


def message_id(batch_id: UUID) -> str:
    """Give the id of the file of a batch: 32 characters, the same each time."""
    return batch_id.hex


def remittance(purse: str, batch_number: int) -> str:
    """Give what stands on the bank statement of who is paid, where they gave no reference of their own."""
    return f"{PAYABLE[purse].remittance}, uitbetaling {batch_number}"


def creditor_reference(reference: str | None) -> str | None:
    """Give a reference in the form in which machines read it, where it is one (ISO 11649, `RF…`); otherwise None."""
    return iso11649.compact(reference) if reference is not None and iso11649.is_valid(reference) else None


@dataclass(frozen=True, slots=True)
class ContentHeader:
    """What a batch fixes for all its lines."""

    batch_id: UUID
    number: int
    purse: str
    asset: str
    execute_on: date
    debtor_name: str
    debtor_iban: str


@dataclass(frozen=True, slots=True, repr=False)
class ContentLine:
    """What a batch fixes per line; an IBAN's id stands for its content, which never changes.

    `reference` is what a payee's payment must carry.
    """

    line_no: int
    holder_id: UUID
    iban_id: UUID
    creditor_name: str
    amount: int
    end_to_end_id: str
    kind: HolderKind = HolderKind.PERSON
    reference: str | None = None


def content_hash(header: ContentHeader, lines: Iterable[ContentLine], version: int = CONTENT_VERSION) -> bytes:
    """Hash all that two people put their names under (PO-1): SHA-256 over one line of text each, in line order.

    Fields are separated by a unit separator (which no name can hold), the last line has count and sum in cents. A batch
    keeps the version under which it was frozen.
    """
    digest = hashlib.sha256()
    for part in _written(header, lines, version):
        digest.update("\x1f".join(str(field) for field in part).encode())
        digest.update(b"\n")
    return digest.digest()


def _written(header: ContentHeader, lines: Iterable[ContentLine], version: int) -> Iterable[tuple[object, ...]]:
    yield (
        "stadsbeurs-payout", version, header.batch_id, header.number, header.purse, header.asset,
        header.execute_on.isoformat(), header.debtor_name, header.debtor_iban,
    )  # fmt: skip
    count = total = 0
    for line in lines:
        count += 1
        total += line.amount
        written = (line.line_no, line.holder_id, line.iban_id, line.creditor_name, line.amount, line.end_to_end_id)
        yield written if version == 1 else (*written, line.kind, line.reference or "")
    yield ("end", count, total)
