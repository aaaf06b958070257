"""What the entries of a bank's message mean for us (PO-2, PO-5, SK-12). Pure: facts in, verdicts out.

Every entry gets one outcome: matched (with a batch of ours, or as a receipt for a scheme), returned (money goes back
into a purse), unknown (kept for people to look at, nothing is booked) or repeated. When in doubt an entry is unknown:
money is never moved on a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID

from wallet.payouts.bank_messages import Direction, Entry, Level
from wallet.payouts.bank_messages.status_reports import REJECTED
from wallet.payouts.rules import BatchState, LineState

CURRENCY = "EUR"
_AT_THE_BANK = (LineState.SENT, LineState.SETTLED, LineState.REJECTED, LineState.RETURNED)


class Outcome(StrEnum):
    """What became of an entry."""

    MATCHED = "matched"
    RETURNED = "returned"
    UNKNOWN = "unknown"
    REPEATED = "repeated"


class Effect(StrEnum):
    """What an entry does to a line or a batch, or that it came in for a scheme."""

    SETTLE_BATCH = "settle-batch"
    SETTLE_LINE = "settle-line"
    RETURN_LINE = "return-line"
    REJECT_LINE = "reject-line"
    REJECT_BATCH = "reject-batch"
    LINE_STATUS = "line-status"
    BATCH_STATUS = "batch-status"
    RECEIPT = "receipt"


@dataclass(slots=True)
class BatchFacts:
    """A batch that was handed to the bank; counts and cents of what the bank still has to book."""

    id: UUID
    message_id: str
    account: str
    state: str
    open_lines: int
    open_total: int


@dataclass(slots=True)
class LineFacts:
    """A line that an entry names. `cleared`: the bank has booked its debit."""

    id: UUID
    batch_id: UUID
    end_to_end_id: str
    amount: int
    state: str
    cleared: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """A payment reference that a scheme registered, and what it registered it for."""

    reference: str
    scheme: str
    subject: str


@dataclass(frozen=True, slots=True)
class Booked:
    """What makes a receipt the same booking on another statement: the bank's own reference alone may be of several."""

    account: str | None
    reference: str | None
    amount: int | None
    booked_on: date | None
    payment_reference: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one entry, what it does, and (for unknown) why it is not understood."""

    outcome: Outcome
    effect: Effect | None = None
    batch_id: UUID | None = None
    line_id: UUID | None = None
    note: str | None = None
    receipt: Expected | None = None


@dataclass(slots=True)
class Book:
    """What we know while one message is read; each verdict changes it, so that the next entry is judged after it."""

    batches: Sequence[BatchFacts]
    lines: Sequence[LineFacts]
    handled_keys: Collection[bytes] = ()
    """Entries booked before, from whatever message."""
    unknown_keys: Collection[bytes] = ()
    """Entries read before that were not understood then: they may be now."""
    handled_references: Collection[tuple[str | None, str | None]] = ()
    """Account and bank's own reference of bookings handled before: the same booking on another statement."""
    own_account: str | None = None
    """The account on which money comes in for schemes."""
    expected: Mapping[str, Expected] = field(default_factory=dict)
    """Of the payment references that the entries name, those that a scheme registered."""
    booked_receipts: Collection[Booked] = ()
    """Receipts that were booked from earlier messages."""
    _by_message: dict[str, BatchFacts] = field(init=False)
    _by_batch: dict[UUID, BatchFacts] = field(init=False)
    _by_end_to_end: dict[str, LineFacts] = field(init=False)
    _seen: set[bytes] = field(init=False)
    _references: set[tuple[str | None, str | None]] = field(init=False)

    def __post_init__(self) -> None:
        self._by_message = {batch.message_id: batch for batch in self.batches}
        self._by_batch = {batch.id: batch for batch in self.batches}
        self._by_end_to_end = {line.end_to_end_id: line for line in self.lines}
        self._seen = set(self.handled_keys)
        self._references = set(self.handled_references)

    def judge_all(self, entries: Iterable[Entry]) -> list[Verdict]:
        """Judge the entries of one message in their order."""
        return [self.judge(entry) for entry in entries]

    def judge(self, entry: Entry) -> Verdict:
        """Judge one entry and remember what it does."""
        if entry.key in self._seen:
            return Verdict(Outcome.REPEATED)
        verdict = self._judge(entry)
        if verdict.outcome in (Outcome.MATCHED, Outcome.RETURNED):
            self._seen.add(entry.key)
            if entry.reference is not None:
                self._references.add((entry.account, entry.reference))
        elif verdict.outcome is Outcome.UNKNOWN and entry.key in self.unknown_keys:
            return Verdict(Outcome.REPEATED, note=verdict.note)
        return verdict

    def _judge(self, entry: Entry) -> Verdict:
        if entry.direction is not Direction.NONE:
            if not entry.booked:
                return _unknown("notBooked")
            if entry.currency != CURRENCY:
                return _unknown("otherCurrency")
        if entry.level is Level.TRANSACTION:
            return self._judge_line(entry)
        return self._judge_batch(entry)

    def _judge_line(self, entry: Entry) -> Verdict:
        line = self._by_end_to_end.get(entry.end_to_end_id or "")
        if line is None:
            return self._judge_receipt(entry)
        batch = self._by_batch[line.batch_id]
        if entry.direction is Direction.NONE:
            return self._judge_line_status(entry, line, batch)
        if entry.account != batch.account:
            return _unknown("otherAccount", line)
        if entry.amount != line.amount:
            return _unknown("amountDiffers", line)
        if entry.direction is Direction.DEBIT:
            return self._judge_line_debit(entry, line, batch)
        return self._judge_return(entry, line)

    def _judge_receipt(self, entry: Entry) -> Verdict:
        """Judge an entry that is no payment of ours: what came in under one registered reference is that scheme's."""
        if not entry.payment_references or entry.is_return or entry.direction is Direction.NONE:
            return _unknown("noSuchPayment")
        known = sorted(entry.payment_references & self.expected.keys())
        if len(known) != 1:
            return _unknown("severalReferences" if known else "unknownReference")
        if entry.is_reversal:
            return _unknown("reversal")
        if entry.direction is Direction.DEBIT:
            return _unknown("referenceDebited")
        if entry.account is None or entry.account != self.own_account:
            return _unknown("otherAccount")
        if not entry.amount:
            return _unknown("noAmount")
        booked = Booked(entry.account, entry.reference, entry.amount, entry.booked_on, known[0])
        if entry.reference is not None and booked in self.booked_receipts:
            return Verdict(Outcome.REPEATED)
        return Verdict(Outcome.MATCHED, Effect.RECEIPT, receipt=self.expected[known[0]])

    def _judge_line_debit(self, entry: Entry, line: LineFacts, batch: BatchFacts) -> Verdict:
        if line.cleared:
            return self._again(entry, "alreadySettled", line)
        if line.state not in (LineState.SENT, LineState.RETURNED):
            return _unknown("alreadyRejected" if line.state == LineState.REJECTED else "notSent", line)
        line.cleared = True
        if line.state == LineState.SENT:
            line.state = LineState.SETTLED
        batch.open_lines -= 1
        batch.open_total -= line.amount
        return Verdict(Outcome.MATCHED, Effect.SETTLE_LINE, batch.id, line.id)

    def _judge_return(self, entry: Entry, line: LineFacts) -> Verdict:
        if line.state == LineState.RETURNED:
            return self._again(entry, "alreadyReturned", line)
        if line.state not in (LineState.SENT, LineState.SETTLED):
            return _unknown("alreadyRejected" if line.state == LineState.REJECTED else "notSent", line)
        # A return may be read before the debit that it undoes: the line stays open for that debit.
        line.state = LineState.RETURNED
        return Verdict(Outcome.RETURNED, Effect.RETURN_LINE, line.batch_id, line.id)

    def _judge_line_status(self, entry: Entry, line: LineFacts, batch: BatchFacts) -> Verdict:
        if entry.message_id is not None and entry.message_id != batch.message_id:
            return _unknown("otherMessage", line)
        if line.state not in _AT_THE_BANK:
            return _unknown("notSent", line)
        if entry.status != REJECTED:
            return Verdict(Outcome.MATCHED, Effect.LINE_STATUS, batch.id, line.id)
        if line.state == LineState.REJECTED:
            return Verdict(Outcome.REPEATED, None, batch.id, line.id)
        if line.state != LineState.SENT:
            return _unknown("alreadySettled", line)
        line.state = LineState.REJECTED
        batch.open_lines -= 1
        batch.open_total -= line.amount
        return Verdict(Outcome.RETURNED, Effect.REJECT_LINE, batch.id, line.id)

    def _judge_batch(self, entry: Entry) -> Verdict:
        batch = self._batch_of(entry)
        if batch is None:
            return _unknown("noSuchPayment")
        if batch.state not in (BatchState.SENT, BatchState.SETTLED):
            return Verdict(Outcome.UNKNOWN, None, batch.id, note="notSent")
        if entry.direction is Direction.NONE:
            return self._judge_batch_status(entry, batch)
        if entry.direction is Direction.CREDIT:
            return Verdict(Outcome.UNKNOWN, None, batch.id, note="batchCredited")
        if entry.account != batch.account:
            return Verdict(Outcome.UNKNOWN, None, batch.id, note="otherAccount")
        if batch.open_lines == 0:
            return self._again(entry, "alreadySettled", None, batch.id)
        if entry.amount != batch.open_total or entry.transactions not in (None, batch.open_lines):
            # Also the same booking read again after a part of it was handled line by line.
            return self._again(entry, "totalDiffers", None, batch.id)
        self._settle_open(batch)
        return Verdict(Outcome.MATCHED, Effect.SETTLE_BATCH, batch.id)

    def _judge_batch_status(self, entry: Entry, batch: BatchFacts) -> Verdict:
        if entry.status != REJECTED:
            return Verdict(Outcome.MATCHED, Effect.BATCH_STATUS, batch.id)
        if batch.open_lines == 0:
            return Verdict(Outcome.UNKNOWN, None, batch.id, note="alreadySettled")
        batch.open_lines = batch.open_total = 0
        for line in self.lines:
            if line.batch_id == batch.id and line.state == LineState.SENT:
                line.state = LineState.REJECTED
        return Verdict(Outcome.RETURNED, Effect.REJECT_BATCH, batch.id)

    def _settle_open(self, batch: BatchFacts) -> None:
        batch.open_lines = batch.open_total = 0
        for line in self.lines:
            if line.batch_id == batch.id and line.state in (LineState.SENT, LineState.RETURNED):
                line.cleared = True
                if line.state == LineState.SENT:
                    line.state = LineState.SETTLED

    def _batch_of(self, entry: Entry) -> BatchFacts | None:
        # PmtInfId is MsgId with "-1": either names the batch.
        for name in (entry.payment_information_id, entry.message_id):
            batch = self._by_message.get((name or "").removesuffix("-1"))
            if batch is not None:
                return batch
        return None

    def _again(self, entry: Entry, note: str, line: LineFacts | None, batch_id: UUID | None = None) -> Verdict:
        """Tell the same booking on another statement from a second booking, which somebody must look at."""
        if entry.reference is not None and (entry.account, entry.reference) in self._references:
            return Verdict(Outcome.REPEATED, None, line.batch_id if line else batch_id, line.id if line else None)
        if line is not None:
            return _unknown(note, line)
        return Verdict(Outcome.UNKNOWN, None, batch_id, note=note)


def batch_message_ids(entries: Iterable[Entry]) -> set[str]:
    """Give the message ids under which the batches of these entries can be found."""
    return {
        name.removesuffix("-1")
        for entry in entries
        for name in (entry.payment_information_id, entry.message_id)
        if name is not None
    }


def payment_references(entries: Iterable[Entry]) -> set[str]:
    """Give every payment reference that these entries name."""
    return {reference for entry in entries for reference in entry.payment_references}


def _unknown(note: str, line: LineFacts | None = None) -> Verdict:
    if line is None:
        return Verdict(Outcome.UNKNOWN, note=note)
    return Verdict(Outcome.UNKNOWN, None, line.batch_id, line.id, note)
