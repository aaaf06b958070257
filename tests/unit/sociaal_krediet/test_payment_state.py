"""SK-12: what became of a payment follows from the set of its events; order and repetition change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.money import Cents
from sociaal_krediet.rules.payments import (
    PaymentBounce,
    PaymentEvent,
    PaymentEventKind,
    PaymentRefund,
    PaymentReinstatement,
    PaymentState,
    PaymentStatus,
    Received,
    RefundStatus,
    Remark,
    payment_state,
)

Kind = PaymentEventKind
ASKED = Cents(48_61)


def at(second: int) -> datetime:
    return datetime(2026, 10, 1, 12, 0, 0, tzinfo=UTC) + timedelta(seconds=second)


def event(name: str, kind: Kind, second: int, **changes: object) -> PaymentEvent:
    return replace(PaymentEvent(name, kind, at(second), ASKED, "eur"), **changes)  # type: ignore[arg-type]


def disputed(name: str, kind: Kind, second: int, **changes: object) -> PaymentEvent:
    return event(
        name, kind, second, **{"subject": "du_1", "subject_at": at(500), "reason": "insufficient_funds"} | changes
    )


def refunded(name: str, kind: Kind, second: int, amount: int = 10_00, refund: str = "re_1") -> PaymentEvent:
    return event(name, kind, second, amount=Cents(amount), subject=refund, subject_at=at(300))


PROCESSING = event("evt_1", Kind.PROCESSING, 0)
SUCCEEDED = event("evt_2", Kind.SUCCEEDED, 100)
WITHDRAWN = disputed("evt_4", Kind.WITHDRAWN, 501)
LOST = disputed("evt_5", Kind.LOST, 501)
REINSTATED = disputed("evt_6", Kind.REINSTATED, 900)
WON = disputed("evt_7", Kind.WON, 901)


def state(*events: PaymentEvent, asked: Cents = ASKED) -> PaymentState:
    return payment_state(events, asked=asked)


def test_a_payment_of_which_nothing_was_told_is_pending() -> None:
    assert state() == PaymentState(PaymentStatus.PENDING, None, (), (), (), None, ())


def test_a_debit_is_processing_and_then_received_once() -> None:
    assert state(PROCESSING).status is PaymentStatus.PROCESSING
    whole = state(PROCESSING, SUCCEEDED)
    assert (whole.status, whole.received, whole.kept) == (PaymentStatus.SUCCEEDED, Received(at(100), ASKED), 4861)


def test_a_receipt_that_is_told_twice_under_two_ids_is_one_and_the_first() -> None:
    again = event("evt_again", Kind.SUCCEEDED, 130)
    assert state(again, SUCCEEDED).received == state(SUCCEEDED, again).received == Received(at(100), ASKED)
    assert state(again, SUCCEEDED).kept == 4861


@pytest.mark.parametrize("late", [PROCESSING, event("evt_9", Kind.PROCESSING, 200), event("e", Kind.FAILED, 150)])
def test_nothing_that_is_told_late_undoes_a_receipt(late: PaymentEvent) -> None:
    assert state(SUCCEEDED, late).status is PaymentStatus.SUCCEEDED


def test_a_try_that_failed_and_was_done_again_stands_where_the_last_one_is() -> None:
    failed = event("evt_f", Kind.FAILED, 50, reason="insufficient_funds")
    assert (state(PROCESSING, failed).status, state(PROCESSING, failed).failure) == ("failed", "insufficient_funds")
    again = event("evt_g", Kind.PROCESSING, 60)
    assert (state(again, failed, PROCESSING).status, state(again, failed, PROCESSING).failure) == ("processing", None)
    assert state(again, failed, PROCESSING, SUCCEEDED).failure is None


def test_within_one_second_the_end_of_a_try_comes_after_its_beginning() -> None:
    failed = event("evt_0", Kind.FAILED, 0, reason="account_closed")
    assert state(failed, PROCESSING).status is PaymentStatus.FAILED


def test_cancelled_is_the_end_unless_the_money_came_after_all() -> None:
    cancelled = event("evt_c", Kind.CANCELLED, 40, reason="abandoned")
    assert (state(cancelled, event("p", Kind.PROCESSING, 60)).status, state(cancelled).failure) == (
        "cancelled",
        "abandoned",
    )
    assert state(cancelled, SUCCEEDED).status is PaymentStatus.SUCCEEDED


def test_a_bounce_is_a_fact_of_the_instant_at_which_the_dispute_began() -> None:
    bounced = state(PROCESSING, SUCCEEDED, WITHDRAWN, LOST)
    assert bounced.status is PaymentStatus.BOUNCED
    assert bounced.received == Received(at(100), ASKED)
    assert bounced.bounces == (PaymentBounce("du_1", at(500), ASKED, "insufficient_funds"),)
    assert (bounced.reinstatements, bounced.kept, bounced.remarks) == ((), 0, ())
    # Either event alone says the same, so that the second to arrive changes nothing.
    assert state(SUCCEEDED, WITHDRAWN).bounces == state(SUCCEEDED, LOST).bounces == bounced.bounces


def test_a_dispute_that_is_won_brings_the_money_back_as_a_fact_of_its_own() -> None:
    won = state(PROCESSING, SUCCEEDED, WITHDRAWN, LOST, REINSTATED, WON)
    assert won.status is PaymentStatus.SUCCEEDED
    assert won.bounces == (PaymentBounce("du_1", at(500), ASKED, "insufficient_funds"),)
    assert won.reinstatements == (PaymentReinstatement("du_1", at(900), ASKED),)
    assert won.kept == 4861


def test_a_dispute_that_is_won_before_anything_was_taken_moves_no_money() -> None:
    assert state(SUCCEEDED, WON) == state(SUCCEEDED)


def test_money_that_came_again_had_been_taken_even_if_nobody_told_so_yet() -> None:
    early = state(SUCCEEDED, REINSTATED)
    assert (len(early.bounces), len(early.reinstatements), early.status) == (1, 1, "succeeded")


def test_a_refund_can_still_fail_after_it_succeeded() -> None:
    pending = refunded("evt_r1", Kind.REFUND_PENDING, 300)
    paid = refunded("evt_r2", Kind.REFUND_SUCCEEDED, 300)
    failed = replace(refunded("evt_r3", Kind.REFUND_FAILED, 300), reason="unknown")
    assert state(SUCCEEDED, pending).refunds[0].status is RefundStatus.PENDING
    whole = state(SUCCEEDED, paid, pending)
    assert whole.refunds == (PaymentRefund("re_1", at(300), Cents(10_00), RefundStatus.SUCCEEDED, None),)
    assert (whole.status, whole.kept) == (PaymentStatus.SUCCEEDED, 3861)
    lost = state(SUCCEEDED, failed, paid, pending)
    assert (state(SUCCEEDED, failed).kept, state(SUCCEEDED, pending).kept) == (4861, 3861)
    assert (lost.refunds[0].status, lost.refunds[0].reason, lost.kept) == (RefundStatus.FAILED, "unknown", 4861)


def test_another_amount_than_asked_counts_and_is_said() -> None:
    less = replace(SUCCEEDED, amount=Cents(4000))
    odd = state(PROCESSING, less)
    assert (odd.received, odd.remarks) == (Received(at(100), Cents(4000)), (Remark("evt_2", "otherAmount"),))


def test_another_currency_counts_for_nothing_and_is_said() -> None:
    foreign = state(PROCESSING, replace(SUCCEEDED, currency="usd"))
    assert (foreign.status, foreign.received) == (PaymentStatus.PROCESSING, None)
    assert foreign.remarks == (Remark("evt_2", "wrongCurrency"),)


def test_more_that_bounces_or_goes_back_than_came_is_said() -> None:
    twice = disputed("evt_8", Kind.WITHDRAWN, 700, subject="du_2", subject_at=at(700))
    assert state(SUCCEEDED, WITHDRAWN, twice).remarks == (
        Remark("evt_4", "bouncedTooMuch"),
        Remark("evt_8", "bouncedTooMuch"),
    )
    back = refunded("evt_r", Kind.REFUND_SUCCEEDED, 300, amount=4862)
    assert state(SUCCEEDED, back).remarks == (Remark("evt_r", "refundedTooMuch"),)
    after = refunded("evt_r", Kind.REFUND_SUCCEEDED, 300, amount=1)
    assert state(SUCCEEDED, WITHDRAWN, after).remarks == (Remark("evt_r", "refundedTooMuch"),)


def test_one_id_with_two_contents_has_one_outcome_and_is_said() -> None:
    other = replace(SUCCEEDED, amount=Cents(1))
    assert state(SUCCEEDED, other) == state(other, SUCCEEDED)
    assert Remark("evt_2", "idReused") in state(SUCCEEDED, other).remarks


LIFE = (PROCESSING, SUCCEEDED, WITHDRAWN, LOST, event("evt_late", Kind.PROCESSING, 0), SUCCEEDED)


def test_all_720_orders_of_a_life_of_six_events_end_the_same() -> None:
    outcomes = {payment_state(order, asked=ASKED) for order in permutations(LIFE)}
    assert len(outcomes) == 1
    [outcome] = outcomes
    assert (outcome.status, outcome.received, len(outcome.bounces)) == ("bounced", Received(at(100), ASKED), 1)


def test_all_720_orders_of_a_dispute_that_is_won_end_the_same() -> None:
    outcomes = {
        payment_state(order, asked=ASKED)
        for order in permutations((PROCESSING, SUCCEEDED, WITHDRAWN, LOST, REINSTATED, WON))
    }
    assert {(one.status, one.kept) for one in outcomes} == {("succeeded", 4861)}
    assert len(outcomes) == 1


@st.composite
def any_event(draw: st.DrawFn) -> PaymentEvent:
    kind = draw(st.sampled_from(Kind))
    second = draw(st.integers(0, 3))
    refund = kind.value.startswith("refund")
    dispute = kind in (Kind.WITHDRAWN, Kind.LOST, Kind.REINSTATED, Kind.WON)
    subject = draw(st.sampled_from(["a", "b"])) if refund or dispute else None
    return PaymentEvent(
        id=draw(st.sampled_from("vwxyz")),
        kind=kind,
        at=at(second),
        amount=Cents(draw(st.sampled_from([4861, 100]))),
        currency=draw(st.sampled_from(["eur", "eur", "eur", "usd"])),
        subject=subject,
        subject_at=draw(st.sampled_from([None, at(1)])) if subject else None,
        reason=draw(st.sampled_from([None, "insufficient_funds"])),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(any_event(), max_size=7), st.randoms(use_true_random=False))
def test_any_events_in_any_order_and_repeated_at_will_end_the_same(events: list[PaymentEvent], chance: Random) -> None:
    told = payment_state(events, asked=ASKED)
    again = [*events, *chance.choices(events, k=3)] if events else []
    chance.shuffle(again)
    assert payment_state(again, asked=ASKED) == told
    # What comes again was taken: no dispute gives more than it took, and each gives at most once.
    assert {one.dispute for one in told.reinstatements} <= {one.dispute for one in told.bounces}
    assert (told.status is PaymentStatus.SUCCEEDED) <= (told.received is not None)
    assert all(one.currency == "eur" for one in events) or told.remarks


@settings(max_examples=100, deadline=None)
@given(st.lists(any_event(), max_size=6, unique_by=lambda one: one.id), any_event())
def test_what_was_received_stays_received_whatever_comes_next(events: list[PaymentEvent], more: PaymentEvent) -> None:
    before = payment_state(events, asked=ASKED)
    after = payment_state([*events, replace(more, id="new")], asked=ASKED)
    assert before.received is None or after.received is not None
    assert {one.dispute for one in before.bounces} <= {one.dispute for one in after.bounces}
    assert {one.refund for one in before.refunds} <= {one.refund for one in after.refunds}
