"""What the facts of a loan come to, worked out by hand (SK-5, SK-7, SK-9)."""

from __future__ import annotations

from datetime import date

import pytest

from foundation.money import Cents
from sociaal_krediet.rules.facts import Mode, Receipt
from sociaal_krediet.rules.loans import (
    last_month_number,
    needs_second_person,
    refusal_of_early_repayment,
    refusal_of_pause,
    refusal_of_remission,
    refusal_of_reschedule,
)
from sociaal_krediet.rules.replaying import replay
from tests.unit.sociaal_krediet.loan_facts import (
    APR,
    FEB,
    FULL,
    HUNDRED_IN_FOUR,
    JAN,
    MAR,
    NOVEMBER,
    TEN_PAID,
    amounts_of,
    bounce,
    early_mode,
    pause,
    receipt,
    refunded,
    reinstated,
    remission,
    reschedule,
    unpaid,
    write_off,
)


def test_sk9_receipts_fill_what_is_due_oldest_first() -> None:
    state = replay(HUNDRED_IN_FOUR, [receipt("a", FEB, 3000)])
    assert [(one.number, one.amount, one.paid, one.state) for one in state.instalments] == [
        (1, 2500, 2500, "paid"),
        (2, 2500, 500, "open"),
        (3, 2500, 0, "open"),
        (4, 2500, 0, "open"),
    ]
    assert (state.outstanding, state.repaid, state.state, dict(state.applied)) == (7000, 3000, "active", {"a": 3000})


def test_sk9_what_is_paid_the_day_before_an_instalment_is_early_and_on_the_day_itself_is_not() -> None:
    assert unpaid(replay(HUNDRED_IN_FOUR, [receipt("a", date(2026, 1, 30), 2500)])) == [
        ("2026-01-31", 2500),
        ("2026-02-28", 2500),
        ("2026-03-31", 2500),
    ]
    assert unpaid(replay(HUNDRED_IN_FOUR, [receipt("a", JAN, 2500)])) == [
        ("2026-02-28", 2500),
        ("2026-03-31", 2500),
        ("2026-04-30", 2500),
    ]


@pytest.mark.parametrize(
    ("mode", "expected"), [("shorten", [4861] * 15 + [3475]), ("lower", [2938] * 25 + [2940])], ids=str
)
def test_sk5_500_more_after_ten_instalments_of_1750_shortens_to_16_or_lowers_to_2938(
    mode: Mode, expected: list[int]
) -> None:
    assert replay(FULL, TEN_PAID).outstanding == 126390
    state = replay(FULL, [*TEN_PAID, early_mode(NOVEMBER, mode), receipt("e", NOVEMBER, 50000)])
    assert [one.open for one in state.open_instalments] == expected
    assert state.outstanding == 76390
    assert state.open_instalments[0].due_on == date(2026, 11, 30)
    assert state.early_mode == "shorten"


def test_sk5_two_cents_early_come_off_the_last_instalment_and_never_make_one_more() -> None:
    assert amounts_of(FULL, *TEN_PAID, receipt("e", NOVEMBER, 2)) == [4861] * 25 + [4863]
    assert amounts_of(FULL, *TEN_PAID, receipt("e", NOVEMBER, 4865)) == [4861] * 25


def test_sk5_lowered_to_fewer_cents_than_months_leaves_as_many_instalments_as_cents() -> None:
    assert amounts_of(HUNDRED_IN_FOUR, early_mode(JAN, "lower"), receipt("e", JAN, 9997)) == [1, 1, 1]
    state = replay(HUNDRED_IN_FOUR, [early_mode(JAN, "lower"), receipt("e", JAN, 9999)])
    assert unpaid(state) == [("2026-02-28", 1)]


def test_sk9_a_choice_waits_for_a_receipt_with_an_early_part_and_is_used_once() -> None:
    chosen = [early_mode(JAN, "lower"), receipt("a", JAN, 2500)]
    assert replay(HUNDRED_IN_FOUR, chosen).early_mode == "lower"
    lowered = [*chosen, receipt("b", FEB, 3500)]
    assert unpaid(replay(HUNDRED_IN_FOUR, lowered)) == [("2026-03-31", 2000), ("2026-04-30", 2000)]
    shortened = [*lowered, receipt("c", date(2026, 3, 1), 1000)]
    assert unpaid(replay(HUNDRED_IN_FOUR, shortened)) == [("2026-03-31", 2000), ("2026-04-30", 1000)]


def test_sk9_only_what_is_above_the_outstanding_is_excess_of_the_receipt_that_brought_it() -> None:
    facts = [receipt("a", JAN, 2500), receipt("b", FEB, 8000), receipt("c", MAR, 100)]
    state = replay(HUNDRED_IN_FOUR, facts)
    assert (state.outstanding, state.repaid, state.state) == (0, 10000, "repaid")
    assert dict(state.excess) == {"b": 500, "c": 100}
    assert dict(state.applied) == {"a": 2500, "b": 7500}


def test_a_late_message_with_an_earlier_booking_date_moves_the_excess_to_the_later_receipt() -> None:
    facts = [receipt("second", MAR, 6000), receipt("first", FEB, 6000)]
    assert dict(replay(HUNDRED_IN_FOUR, facts).excess) == {"second": 2000}


def test_the_order_within_a_day_is_that_of_the_instant() -> None:
    morning, evening = receipt("z", FEB, 6000, hour=9), receipt("a", FEB, 6000, hour=20)
    assert dict(replay(HUNDRED_IN_FOUR, [evening, morning]).excess) == {"a": 2000}
    together = receipt("a", FEB, 6000), receipt("z", FEB, 6000)
    assert dict(replay(HUNDRED_IN_FOUR, together).excess) == {"z": 2000}


def test_a_choice_of_the_same_instant_comes_before_the_money_it_is_for() -> None:
    facts = [receipt("a", JAN, 5500, hour=12), early_mode(JAN, "lower", hour=12)]
    assert amounts_of(HUNDRED_IN_FOUR, *facts) == [1500, 1500, 1500]


def test_a_fact_told_twice_counts_once() -> None:
    assert replay(HUNDRED_IN_FOUR, [receipt("a", JAN, 2500)] * 3).outstanding == 7500


def test_sk9_a_pause_moves_what_is_not_wholly_paid_and_keeps_the_day_of_the_month() -> None:
    facts = [receipt("a", FEB, 3000), pause(date(2026, 3, 1), 2, date(2026, 2, 1))]
    state = replay(HUNDRED_IN_FOUR, facts)
    assert [(one.due_on, one.paid) for one in state.instalments] == [
        (JAN, 2500),
        (date(2026, 4, 30), 500),
        (date(2026, 5, 31), 0),
        (date(2026, 6, 30), 0),
    ]
    assert state.outstanding == 7000
    assert last_month_number(state, HUNDRED_IN_FOUR) == 6


def test_sk9_a_pause_leaves_arrears_before_its_first_day_where_they_are() -> None:
    state = replay(HUNDRED_IN_FOUR, [pause(MAR, 1, MAR)])
    assert [date_ for date_, _ in unpaid(state)] == ["2026-01-31", "2026-02-28", "2026-04-30", "2026-05-31"]


def test_sk9_a_bounce_after_a_pause_opens_the_instalment_on_the_day_it_was_due() -> None:
    facts = [receipt("a", JAN, 2500), pause(FEB, 3, date(2026, 2, 1)), bounce("x", date(2026, 3, 15), "a", 2500)]
    assert [date_ for date_, _ in unpaid(replay(HUNDRED_IN_FOUR, facts))] == [
        "2026-01-31",
        "2026-05-31",
        "2026-06-30",
        "2026-07-31",
    ]


def test_sk9_a_lower_instalment_spreads_arrears_and_the_rest_from_the_next_due_date_on() -> None:
    state = replay(HUNDRED_IN_FOUR, [receipt("a", FEB, 3000), reschedule(date(2026, 3, 5), 6)])
    assert unpaid(state) == [
        ("2026-03-31", 1167),
        ("2026-04-30", 1167),
        ("2026-05-31", 1167),
        ("2026-06-30", 1167),
        ("2026-07-31", 1167),
        ("2026-08-31", 1165),
    ]
    assert [(one.amount, one.paid) for one in state.instalments[:2]] == [(2500, 2500), (500, 500)]
    # A bounce afterwards opens the old instalments on their own days.
    bounced = replay(
        HUNDRED_IN_FOUR,
        [receipt("a", FEB, 3000), reschedule(date(2026, 3, 5), 6), bounce("x", date(2026, 3, 6), "a", 3000)],
    )
    assert unpaid(bounced)[:3] == [("2026-01-31", 2500), ("2026-02-28", 500), ("2026-03-31", 1167)]


def test_sk9_a_lower_instalment_during_a_pause_begins_when_the_pause_ends() -> None:
    state = replay(HUNDRED_IN_FOUR, [pause(JAN, 3, JAN), reschedule(date(2026, 2, 10), 5)])
    assert unpaid(state)[0] == ("2026-04-30", 2000)
    assert len(unpaid(state)) == 5


def test_sk9_a_lower_instalment_long_after_the_end_begins_with_the_next_due_day() -> None:
    state = replay(HUNDRED_IN_FOUR, [reschedule(date(2027, 1, 31), 8)])
    assert [unpaid(state)[0], unpaid(state)[-1]] == [("2027-02-28", 1250), ("2027-09-30", 1250)]


def test_sk7_a_remission_takes_what_is_to_come_before_arrears_and_arrears_oldest_first() -> None:
    # 50.00 is late, 50.00 to come; 60.00 is remitted: all that is to come, and 10.00 of the oldest.
    state = replay(HUNDRED_IN_FOUR, [remission(date(2026, 3, 1), 6000)])
    assert unpaid(state) == [("2026-01-31", 1500), ("2026-02-28", 2500)]
    assert (state.remitted, state.outstanding, state.state) == (6000, 4000, "active")


def test_sk7_a_remission_shortens_or_lowers() -> None:
    assert amounts_of(HUNDRED_IN_FOUR, remission(date(2026, 1, 1), 3000)) == [2500, 2500, 2000]
    assert amounts_of(HUNDRED_IN_FOUR, remission(date(2026, 1, 1), 3000, "lower")) == [1750] * 4


def test_sk7_a_loan_remitted_to_a_gift_returns_what_is_paid_afterwards() -> None:
    facts = [receipt("a", JAN, 2500), remission(FEB, None), receipt("b", MAR, 2500)]
    state = replay(HUNDRED_IN_FOUR, facts)
    assert (state.state, state.remitted, state.repaid, dict(state.excess)) == ("remitted", 7500, 2500, {"b": 2500})
    # The first instalment bounces: that one was paid, not remitted, and is open again.
    again = replay(HUNDRED_IN_FOUR, [*facts, bounce("x", APR, "a", 2500)])
    assert (again.state, again.outstanding, unpaid(again)) == ("active", 2500, [("2026-01-31", 2500)])


def test_the_last_act_that_left_nothing_names_the_end_of_a_loan() -> None:
    bounced = [receipt("a", APR, 10000), bounce("x", date(2026, 5, 1), "a", 10000)]
    assert replay(HUNDRED_IN_FOUR, bounced[:1]).state == "repaid"
    assert replay(HUNDRED_IN_FOUR, [*bounced, write_off(date(2026, 6, 1), None)]).state == "writtenOff"
    partly = [remission(JAN, 9000), write_off(FEB, 999), receipt("b", MAR, 1)]
    state = replay(HUNDRED_IN_FOUR, partly)
    assert (state.state, state.remitted, state.written_off, state.repaid) == ("repaid", 9000, 999, 1)


@pytest.mark.parametrize(
    ("facts", "ignored"),
    [
        ([bounce("x", JAN, "nobody", 100)], [("x", "unknownReceipt")]),
        ([refunded("x", JAN, "nobody", 100)], [("x", "unknownReceipt")]),
        ([receipt("a", JAN, 100), bounce("x", FEB, "a", 101)], [("x", "bounceAboveReceipt")]),
        ([receipt("a", JAN, 100), refunded("x", FEB, "a", 101)], [("x", "refundAboveReceipt")]),
        ([receipt("a", JAN, 100), reinstated("x", FEB, "a", 1)], [("x", "reinstatedAboveBounce")]),
        ([remission(JAN, None), pause(FEB, 1, FEB)], [("pause-2026-02-28", "loanSettled")]),
        ([remission(JAN, None), reschedule(FEB, 1)], [("reschedule-2026-02-28", "loanSettled")]),
        ([remission(JAN, None), write_off(FEB, None)], [("write-off-2026-02-28", "loanSettled")]),
        ([pause(FEB, 1, date(2026, 5, 1))], [("pause-2026-02-28", "nothingToPause")]),
        ([remission(JAN, 10001)], [("remission-2026-01-31", "aboveOutstanding")]),
        ([remission(JAN, 9999), reschedule(FEB, 2)], [("reschedule-2026-02-28", "amountTooSmall")]),
    ],
    ids=str,
)
def test_facts_that_cannot_be_do_not_stop_the_replay_and_are_named(
    facts: list[Receipt], ignored: list[tuple[str, str]]
) -> None:
    state = replay(HUNDRED_IN_FOUR, facts)
    assert list(state.ignored) == ignored
    assert state.principal == state.repaid + state.outstanding + state.remitted + state.written_off


def test_sk9_past_month_36_takes_a_second_person_and_staying_there_does_not() -> None:
    before = replay(FULL, TEN_PAID)
    assert last_month_number(before, FULL) == 36
    paused = replay(FULL, [*TEN_PAID, pause(NOVEMBER, 1, NOVEMBER)])
    assert last_month_number(paused, FULL) == 37
    assert needs_second_person(before, paused, FULL)
    assert not needs_second_person(paused, paused, FULL)
    assert not needs_second_person(before, paused, FULL, most_months=48)
    shortened = replay(FULL, [*TEN_PAID, receipt("e", NOVEMBER, 50000), pause(NOVEMBER, 10, NOVEMBER)])
    assert last_month_number(shortened, FULL) == 36
    assert not needs_second_person(before, shortened, FULL)


def test_what_is_refused_beforehand() -> None:
    active, settled = replay(HUNDRED_IN_FOUR, []), replay(HUNDRED_IN_FOUR, [receipt("a", APR, 10000)])
    assert refusal_of_pause(active, 1, APR) is None
    assert refusal_of_pause(active, 1, date(2026, 5, 1)) == "nothingToPause"
    assert refusal_of_pause(active, 0, APR) == refusal_of_pause(active, 37, APR) == "monthsOutOfRange"
    assert refusal_of_pause(settled, 1, APR) == "loanSettled"
    assert refusal_of_reschedule(active, 10000) is None
    assert refusal_of_reschedule(active, 10001) == "amountTooSmall"
    assert refusal_of_reschedule(active, 0) == "monthsOutOfRange"
    assert refusal_of_reschedule(settled, 1) == "loanSettled"
    for refusal in (refusal_of_remission, refusal_of_early_repayment):
        assert refusal(active, Cents(10000)) is None
        assert refusal(active, Cents(10001)) == "aboveOutstanding"
        assert refusal(active, Cents(0)) == "amountTooSmall"
        assert refusal(settled, Cents(1)) == "loanSettled"
    assert refusal_of_remission(active, None) is None
