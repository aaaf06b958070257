"""What became of one payment through Stripe (SK-12): decided from the set of its events, never from their arrival.

Stripe tells things twice, late and out of order. So nothing here remembers what came first: the same events give the
same `PaymentState` whatever their order, and one that is out of date changes nothing. The facts for the loan (what was
received, what bounced, what came back after all, what was refunded) each carry the instant at which it happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from foundation.money import Cents

EUR = "eur"


class PaymentEventKind(StrEnum):
    """What an event says; the order is the rank by which events of one instant follow each other."""

    PROCESSING = "processing"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    WITHDRAWN = "withdrawn"
    """The money was taken back: a debit that bounced."""
    LOST = "lost"
    """The dispute ended against us; says the same of the money as `WITHDRAWN`."""
    REINSTATED = "reinstated"
    """The money that was taken back came to us again."""
    WON = "won"
    """The dispute ended for us; says the same of the money as `REINSTATED`, if it had been taken back."""
    REFUND_PENDING = "refundPending"
    REFUND_SUCCEEDED = "refundSucceeded"
    REFUND_FAILED = "refundFailed"


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    BOUNCED = "bounced"


class RefundStatus(StrEnum):
    """Where a refund stands; a later one replaces an earlier one, for a refund can still fail after it succeeded."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One thing that Stripe told of one payment.

    `at` is the instant of the event. `subject` is the dispute or refund that it is about and `subject_at` the instant
    at which that began; both `None` where it is about the payment itself.
    """

    id: str
    kind: PaymentEventKind
    at: datetime
    amount: Cents
    currency: str
    subject: str | None = None
    subject_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """The payment was received, once."""

    at: datetime
    amount: Cents


@dataclass(frozen=True, slots=True)
class PaymentBounce:
    """A dispute took (part of) the payment back."""

    dispute: str
    at: datetime
    amount: Cents
    reason: str | None


@dataclass(frozen=True, slots=True)
class PaymentReinstatement:
    """What a dispute had taken back came to us again."""

    dispute: str
    at: datetime
    amount: Cents


@dataclass(frozen=True, slots=True)
class PaymentRefund:
    """What was given back to whoever paid; `at` is when it was asked for."""

    refund: str
    at: datetime
    amount: Cents
    status: RefundStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a person must look at: the event that says it, and the code of what is odd."""

    event: str
    code: str


@dataclass(frozen=True, slots=True)
class PaymentState:
    """All that is known of one payment.

    A bounce can be known before the receipt that it takes back: whoever writes facts down waits for `received`.
    """

    status: PaymentStatus
    received: Received | None
    bounces: tuple[PaymentBounce, ...]
    reinstatements: tuple[PaymentReinstatement, ...]
    refunds: tuple[PaymentRefund, ...]
    failure: str | None
    """Why it failed or was cancelled, in Stripe's code; only while that is where it stands."""
    remarks: tuple[Remark, ...]

    @property
    def kept(self) -> Cents:
        """What of the receipt is still ours: less bounces and refunds that did not fail."""
        received = self.received.amount if self.received else 0
        back = sum(one.amount for one in self.refunds if one.status is not RefundStatus.FAILED)
        return Cents(received - _bounced(self.bounces, self.reinstatements) - back)


WRONG_CURRENCY = "wrongCurrency"
"""The event is not in euros; it has no effect on the amounts."""
OTHER_AMOUNT = "otherAmount"
"""Another amount was received than was asked for; what was received counts."""
BOUNCED_TOO_MUCH = "bouncedTooMuch"
"""Disputes took back more than was received."""
REFUNDED_TOO_MUCH = "refundedTooMuch"
"""More was refunded than was received and not taken back."""
NO_AMOUNT = "noAmount"
"""The event says that money moved, and not how much; it has no effect on the amounts."""
ID_REUSED = "idReused"
"""Two events with one id say different things; the one that comes first in the order of events counts."""

_RANK = {kind: rank for rank, kind in enumerate(PaymentEventKind)}
_TAKEN_BACK = (PaymentEventKind.WITHDRAWN, PaymentEventKind.LOST)
_GIVEN_AGAIN = (PaymentEventKind.REINSTATED, PaymentEventKind.WON)
_REFUND = {
    PaymentEventKind.REFUND_PENDING: RefundStatus.PENDING,
    PaymentEventKind.REFUND_SUCCEEDED: RefundStatus.SUCCEEDED,
    PaymentEventKind.REFUND_FAILED: RefundStatus.FAILED,
}
_MONEY = frozenset({PaymentEventKind.SUCCEEDED, *_TAKEN_BACK, *_GIVEN_AGAIN, *_REFUND})


def payment_state(events: Collection[PaymentEvent], *, asked: Cents) -> PaymentState:
    """Say what became of one payment of which `asked` was to be received (SK-12).

    `events` are those of this payment, in any order and repeated at will.
    """
    remarks: list[Remark] = []
    known = _known(events, remarks)
    received = _received(known, asked, remarks)
    bounces, reinstatements = _disputes(known)
    refunds = _refunds(known)
    _compare_with_received(known, received, bounces, reinstatements, refunds, remarks)
    last = _last_try(known)
    if _bounced(bounces, reinstatements) > 0:
        status = PaymentStatus.BOUNCED
    elif received is not None:
        status = PaymentStatus.SUCCEEDED
    elif last is not None:
        status = PaymentStatus(last.kind.value)
    else:
        status = PaymentStatus.PENDING
    failed = status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED)
    return PaymentState(
        status=status,
        received=received,
        bounces=bounces,
        reinstatements=reinstatements,
        refunds=refunds,
        failure=last.reason if failed and last is not None else None,
        remarks=tuple(sorted(set(remarks), key=lambda one: (one.code, one.event))),
    )


def _known(events: Iterable[PaymentEvent], remarks: list[Remark]) -> list[PaymentEvent]:
    """Give each event once, in euros only, in an order that depends on what they say and on nothing else."""
    known: dict[str, PaymentEvent] = {}
    for event in sorted(set(events), key=_order):
        if known.setdefault(event.id, event) is not event:
            remarks.append(Remark(event.id, ID_REUSED))
    remarks += [Remark(event.id, WRONG_CURRENCY) for event in known.values() if event.currency != EUR]
    remarks += [Remark(event.id, NO_AMOUNT) for event in known.values() if event.kind in _MONEY and event.amount <= 0]
    return [
        event for event in known.values() if event.currency == EUR and (event.amount > 0 or event.kind not in _MONEY)
    ]


def _order(event: PaymentEvent) -> tuple[object, ...]:
    # The last four only tell apart events that should never differ, so that even nonsense has one outcome.
    subject_at = event.subject_at.isoformat() if event.subject_at else ""
    rest = (event.amount, event.currency, event.reason or "", subject_at)
    return (event.at, _RANK[event.kind], event.subject or "", event.id, *rest)


def _received(known: list[PaymentEvent], asked: Cents, remarks: list[Remark]) -> Received | None:
    told = [event for event in known if event.kind is PaymentEventKind.SUCCEEDED]
    remarks += [Remark(event.id, OTHER_AMOUNT) for event in told if event.amount != asked]
    # A payment intent succeeds once: what is told again, under whatever id, is the same receipt.
    return Received(told[0].at, told[0].amount) if told else None


def _last_try(known: list[PaymentEvent]) -> PaymentEvent | None:
    """Give where it stands while nothing was received: cancelled is the end, else the last thing tried."""
    cancelled = [event for event in known if event.kind is PaymentEventKind.CANCELLED]
    tried = [event for event in known if event.kind in (PaymentEventKind.PROCESSING, PaymentEventKind.FAILED)]
    return next(iter(cancelled), None) or (tried[-1] if tried else None)


def _disputes(known: list[PaymentEvent]) -> tuple[tuple[PaymentBounce, ...], tuple[PaymentReinstatement, ...]]:
    bounces: list[PaymentBounce] = []
    reinstatements: list[PaymentReinstatement] = []
    for dispute, events in _by_subject(known, (*_TAKEN_BACK, *_GIVEN_AGAIN)):
        taken = [event for event in events if event.kind in _TAKEN_BACK]
        given = [event for event in events if event.kind in _GIVEN_AGAIN]
        told = taken or [event for event in given if event.kind is PaymentEventKind.REINSTATED]
        if not told:
            # Won before anything was taken back: no money moved.
            continue
        # When the dispute began is the same in all its events, so that one which comes late moves no fact.
        bounces.append(PaymentBounce(dispute, told[0].subject_at or told[0].at, told[0].amount, told[0].reason))
        if given:
            reinstatements.append(PaymentReinstatement(dispute, given[0].at, given[0].amount))
    return (
        tuple(sorted(bounces, key=lambda one: (one.at, one.dispute))),
        tuple(sorted(reinstatements, key=lambda one: (one.at, one.dispute))),
    )


def _refunds(known: list[PaymentEvent]) -> tuple[PaymentRefund, ...]:
    found = []
    for refund, events in _by_subject(known, tuple(_REFUND)):
        # By rank, not by time: within one second Stripe tells of the request and of its end.
        last = max(events, key=lambda event: _RANK[event.kind])
        found.append(
            PaymentRefund(refund, last.subject_at or events[0].at, last.amount, _REFUND[last.kind], last.reason)
        )
    return tuple(sorted(found, key=lambda one: (one.at, one.refund)))


def _by_subject(
    known: list[PaymentEvent], kinds: tuple[PaymentEventKind, ...]
) -> Iterable[tuple[str, list[PaymentEvent]]]:
    found: dict[str, list[PaymentEvent]] = {}
    for event in known:
        if event.kind in kinds and event.subject is not None:
            found.setdefault(event.subject, []).append(event)
    return found.items()


def _bounced(bounces: Iterable[PaymentBounce], reinstatements: Iterable[PaymentReinstatement]) -> int:
    return sum(one.amount for one in bounces) - sum(one.amount for one in reinstatements)


def _compare_with_received(
    known: list[PaymentEvent],
    received: Received | None,
    bounces: tuple[PaymentBounce, ...],
    reinstatements: tuple[PaymentReinstatement, ...],
    refunds: tuple[PaymentRefund, ...],
    remarks: list[Remark],
) -> None:
    if received is None:
        # What it would be compared with may still come.
        return
    bounced = _bounced(bounces, reinstatements)
    refunded = sum(one.amount for one in refunds if one.status is not RefundStatus.FAILED)
    if bounced > received.amount:
        remarks += [Remark(event.id, BOUNCED_TOO_MUCH) for event in known if event.kind in _TAKEN_BACK]
    if refunded > received.amount - min(bounced, received.amount):
        remarks += [Remark(event.id, REFUNDED_TOO_MUCH) for event in known if event.kind in _REFUND]
