"""What a loan comes to when money is taken back, comes in after all, or is given back (SK-9, SK-12)."""

from __future__ import annotations

from datetime import date
from itertools import permutations

from foundation.money import Cents
from sociaal_krediet.rules.facts import LoanCode
from sociaal_krediet.rules.loans import (
    Terms,
    last_month_number,
)
from sociaal_krediet.rules.replaying import replay
from tests.unit.sociaal_krediet.loan_facts import (
    APR,
    FEB,
    FIRST,
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
    reschedule,
    unpaid,
)


def test_sk12_a_bounce_opens_exactly_what_the_receipt_had_filled() -> None:
    facts = [receipt("a", FEB, 3000), receipt("b", FEB, 2000, hour=14), bounce("x", MAR, "a", 3000)]
    assert [(one.number, one.paid) for one in replay(HUNDRED_IN_FOUR, facts).instalments] == [
        (1, 0),
        (2, 2000),
        (3, 0),
        (4, 0),
    ]


def test_sk12_two_bounces_of_one_receipt_open_it_from_its_end() -> None:
    paid = receipt("a", FEB, 4000)
    first, second = bounce("x", MAR, "a", 1000), bounce("y", MAR, "a", 1000, hour=14)
    assert [one.paid for one in replay(HUNDRED_IN_FOUR, [paid, first]).instalments] == [2500, 500, 0, 0]
    assert [one.paid for one in replay(HUNDRED_IN_FOUR, [paid, first, second]).instalments] == [2000, 0, 0, 0]


def test_sk12_a_bounce_of_an_early_repayment_lengthens_again_what_it_had_shortened() -> None:
    early = [*TEN_PAID, receipt("e", NOVEMBER, 50000)]
    state = replay(FULL, [*early, bounce("x", date(2026, 11, 20), "e", 50000)])
    assert state == replay(FULL, TEN_PAID)
    # Half of it: 1,013.90 in 20 × 48.61 and 41.70.
    part = replay(FULL, [*early, bounce("x", date(2026, 11, 20), "e", 25000)])
    assert [one.open for one in part.open_instalments] == [4861] * 20 + [4170]


def test_sk12_a_bounce_of_an_early_repayment_raises_again_what_it_had_lowered() -> None:
    early = [*TEN_PAID, early_mode(NOVEMBER, "lower"), receipt("e", NOVEMBER, 50000)]
    assert amounts_of(FULL, *early, bounce("x", NOVEMBER, "e", 50000)) == [4861] * 25 + [4865]
    # One of the 26 was paid since: 734.52 and the 250.00 are spread over 25, 24 × 39.38 and 39.40.
    paid = receipt("n", date(2026, 11, 30), 2938)
    amounts = amounts_of(FULL, *early, paid, bounce("x", date(2026, 12, 1), "e", 25000))
    assert amounts == [3938] * 24 + [3940]


def test_sk12_a_bounce_after_a_pause_comes_back_in_the_months_to_which_the_pause_has_moved() -> None:
    early = [*TEN_PAID, receipt("e", NOVEMBER, 50000), pause(date(2026, 11, 10), 3, date(2026, 11, 30))]
    shortened = replay(FULL, early)
    assert [shortened.open_instalments[index].due_on for index in (0, -1)] == [date(2027, 2, 28), date(2028, 5, 31)]
    state = replay(FULL, [*early, bounce("x", date(2026, 12, 1), "e", 50000)])
    assert [one.open for one in state.open_instalments] == [4861] * 25 + [4865]
    assert [state.open_instalments[index].due_on for index in (0, -1)] == [date(2027, 2, 28), date(2029, 3, 31)]
    assert last_month_number(state, FULL) == 39


def test_sk12_a_bounce_after_settlement_opens_what_was_due_and_plans_the_rest_at_the_end() -> None:
    # 25.00 was due, 75.00 early; the bounce comes when two of those three months have passed.
    facts = [receipt("a", JAN, 10000), bounce("x", date(2026, 4, 1), "a", 10000)]
    state = replay(HUNDRED_IN_FOUR, facts)
    assert unpaid(state) == [("2026-01-31", 2500), ("2026-04-30", 2500), ("2026-05-31", 2500), ("2026-06-30", 2500)]
    assert state.state == "active"
    # After the last due date nothing is asked at once either.
    late = replay(HUNDRED_IN_FOUR, [facts[0], bounce("x", date(2027, 1, 31), "a", 10000)])
    assert unpaid(late) == [("2026-01-31", 2500), ("2027-02-28", 2500), ("2027-03-31", 2500), ("2027-04-30", 2500)]


def test_sk12_a_lowered_loan_paid_off_and_bounced_late_has_no_higher_instalments_than_before() -> None:
    facts = [early_mode(JAN, "lower"), receipt("a", JAN, 10000), bounce("x", date(2026, 4, 1), "a", 10000)]
    assert unpaid(replay(HUNDRED_IN_FOUR, facts)) == [
        ("2026-01-31", 2500),
        ("2026-04-30", 2500),
        ("2026-05-31", 2500),
        ("2026-06-30", 2500),
    ]


def test_sk12_a_lowered_loan_paid_off_and_bounced_at_once_has_the_instalments_that_it_had() -> None:
    half = Terms(Cents(50), 36, FIRST)
    day = date(2026, 1, 1)
    facts = [early_mode(day, "lower"), receipt("a", day, 50), bounce("x", day, "a", 50)]
    assert [one.open for one in replay(half, facts).open_instalments] == [1] * 35 + [15]


def test_sk12_a_bounce_finds_room_where_an_earlier_repayment_had_shortened() -> None:
    shorter = [receipt("a", JAN, 5000), early_mode(JAN, "lower", hour=13), receipt("b", JAN, 5000, hour=14)]
    assert replay(HUNDRED_IN_FOUR, shorter).state == "repaid"
    # February has passed when the second 50.00 bounces: March, and April which the first receipt had emptied.
    state = replay(HUNDRED_IN_FOUR, [*shorter, bounce("x", FEB, "b", 5000)])
    assert unpaid(state) == [("2026-03-31", 2500), ("2026-04-30", 2500)]


def test_sk12_a_bounce_lengthens_and_leaves_instalments_low_that_were_lowered_since() -> None:
    facts = [receipt("a", JAN, 5000), early_mode(JAN, "lower", hour=13), receipt("b", JAN, 1000, hour=14)]
    state = replay(HUNDRED_IN_FOUR, [*facts, bounce("x", date(2026, 2, 1), "a", 2500)])
    assert unpaid(state) == [("2026-02-28", 2000), ("2026-03-31", 2000), ("2026-04-30", 2500)]


def test_sk12_a_bounce_of_the_last_cent_keeps_to_the_instalments_of_the_rest() -> None:
    day = date(2026, 1, 1)
    facts = [receipt("a", day, 9999), early_mode(day, "lower", hour=13), receipt("b", day, 1, hour=14)]
    bounces = [bounce("x", day, "a", 9999, hour=15), bounce("y", day, "b", 1, hour=16)]
    assert [one.open for one in replay(HUNDRED_IN_FOUR, [*facts, *bounces]).open_instalments] == [2500] * 4


def test_sk12_a_bounce_after_a_lower_instalment_comes_back_in_the_new_schedule() -> None:
    facts = [receipt("a", FEB, 3000), pause(FEB, 3, FEB), reschedule(date(2026, 3, 1), 7)]
    spread = replay(HUNDRED_IN_FOUR, facts)
    assert [(one.amount, one.paid) for one in spread.instalments] == [(2500, 2500), (500, 500)] + [(1000, 0)] * 7
    early = [receipt("b", date(2026, 3, 2), 3000), bounce("x", date(2026, 3, 3), "b", 3000)]
    assert replay(HUNDRED_IN_FOUR, [*facts, *early]).instalments == spread.instalments


def test_sk12_a_bounce_takes_the_excess_first() -> None:
    facts = [receipt("a", APR, 12000), bounce("x", APR, "a", 3000)]
    state = replay(HUNDRED_IN_FOUR, facts)
    assert (state.outstanding, dict(state.excess), dict(state.applied)) == (1000, {}, {"a": 9000})


def test_sk12_a_dispute_won_counts_again_and_what_was_paid_instead_makes_it_excess() -> None:
    facts = [receipt("a", APR, 10000), bounce("x", date(2026, 5, 1), "a", 10000)]
    won = reinstated("w", date(2026, 6, 1), "a", 10000)
    assert replay(HUNDRED_IN_FOUR, [*facts, won]) == replay(HUNDRED_IN_FOUR, facts[:1])
    instead = receipt("b", date(2026, 5, 20), 4000)
    state = replay(HUNDRED_IN_FOUR, [*facts, instead, won])
    assert (dict(state.applied), dict(state.excess)) == ({"a": 6000, "b": 4000}, {"a": 4000})


def test_sk12_a_dispute_won_lowers_again_what_it_had_lowered_and_leaves_a_new_choice_alone() -> None:
    lowered = [early_mode(JAN, "lower"), receipt("a", JAN, 5500), bounce("x", JAN, "a", 5500)]
    won = reinstated("w", JAN, "a", 5500)
    assert amounts_of(HUNDRED_IN_FOUR, *lowered, won) == [1500, 1500, 1500]
    chosen = [receipt("a", JAN, 5500), bounce("x", JAN, "a", 5500), early_mode(JAN, "lower", hour=13), won]
    state = replay(HUNDRED_IN_FOUR, chosen)
    assert ([one.open for one in state.open_instalments], state.early_mode) == ([2500, 2000], "lower")


def test_sk12_more_won_than_had_bounced_counts_as_far_as_the_receipt_goes() -> None:
    state = replay(HUNDRED_IN_FOUR, [receipt("a", JAN, 2500), reinstated("w", FEB, "a", 1000)])
    assert (state.repaid, dict(state.excess), state.ignored) == (2500, {}, (("w", "reinstatedAboveBounce"),))


def test_sk12_what_bounces_twice_comes_back_in_the_instalments_of_the_first_time() -> None:
    day, late = date(2026, 1, 1), date(2027, 1, 31)
    facts = [receipt("a", day, 10000), bounce("x", day, "a", 1), reinstated("w", day, "a", 1)]
    assert amounts_of(HUNDRED_IN_FOUR, *facts, bounce("y", late, "a", 10000)) == [2500] * 4
    half = Terms(Cents(50), 36, FIRST)
    facts = [early_mode(day, "lower"), receipt("a", day, 50), bounce("x", day, "a", 1), reinstated("w", day, "a", 1)]
    assert amounts_of(half, *facts, bounce("y", day, "a", 50, hour=15)) == [1] * 35 + [15]


def test_sk12_a_bounce_in_two_parts_long_afterwards_is_planned_as_one() -> None:
    late = date(2027, 1, 31)
    facts = [receipt("a", JAN, 10000), bounce("x", late, "a", 3000), bounce("y", late, "a", 3000, hour=14)]
    assert unpaid(replay(HUNDRED_IN_FOUR, facts)) == [("2027-02-28", 2500), ("2027-03-31", 2500), ("2027-04-30", 1000)]


def test_sk9_a_refund_of_the_excess_lowers_what_the_receipt_counts_for_and_nothing_else() -> None:
    paid, given_back = receipt("a", APR, 12000), refunded("g", APR, "a", 2000)
    state = replay(HUNDRED_IN_FOUR, [paid, given_back])
    assert (state.outstanding, dict(state.excess), state.ignored) == (0, {}, ())
    # The whole 120.00 bounces after all: 100.00 is open again, and 20.00 is not this loan's.
    bounced = replay(HUNDRED_IN_FOUR, [paid, given_back, bounce("x", date(2026, 5, 2), "a", 12000)])
    assert bounced.outstanding == 10000
    assert bounced.ignored == (("x", "bounceAboveReceipt"),)
    # Of that bounce 50.00 is won: 120.00 − 20.00 − 120.00 + 50.00 came in.
    won = reinstated("w", date(2026, 6, 2), "a", 5000)
    facts = [paid, given_back, bounce("x", date(2026, 5, 2), "a", 12000), won]
    assert (replay(HUNDRED_IN_FOUR, facts).repaid, replay(HUNDRED_IN_FOUR, facts).ignored) == (3000, ())


def test_sk9_money_given_back_no_longer_counts_though_the_loan_turns_out_to_be_open() -> None:
    # 40.00 seemed above the loan and went back; then the bank tells that the 100.00 before it had bounced.
    facts = [receipt("a", JAN, 10000), receipt("b", MAR, 4000), refunded("g", MAR, "b", 4000)]
    assert replay(HUNDRED_IN_FOUR, facts).outstanding == 0
    state = replay(HUNDRED_IN_FOUR, [*facts, bounce("x", FEB, "a", 10000)])
    assert (state.outstanding, dict(state.applied), dict(state.excess)) == (10000, {}, {})


def test_a_bounce_booked_before_its_receipt_ends_where_the_other_order_ends() -> None:
    for early, late in permutations([JAN, MAR]):
        state = replay(HUNDRED_IN_FOUR, [receipt("a", late, 6000), bounce("x", early, "a", 4000)])
        assert (state.repaid, state.outstanding, state.ignored) == (2000, 8000, ())


def test_a_loan_of_one_cent_is_paid_bounced_and_paid_again() -> None:
    cent = Terms(Cents(1), 1, FIRST)
    facts = [receipt("a", date(2026, 1, 1), 1), bounce("x", date(2027, 1, 1), "a", 1)]
    assert (replay(cent, facts[:1]).state, replay(cent, facts[:1]).instalments) == ("repaid", ())
    assert last_month_number(replay(cent, facts[:1]), cent) == 0
    assert unpaid(replay(cent, facts)) == [("2027-01-31", 1)]
    assert replay(cent, [*facts, receipt("b", date(2027, 1, 31), 1)]).state == "repaid"


def test_sk12_what_went_back_of_a_receipt_comes_before_a_bounce_of_the_same_second() -> None:
    # 75.00 of 100.00 are paid; of the next 100.00 only 25.00 is owed, and 75.00 goes back in the receipt's own second.
    before = receipt("a", JAN, 7500)
    second = [receipt("b", FEB, 10000), refunded("r", FEB, "b", 7500, hour=12), bounce("x", FEB, "b", 10000, hour=12)]
    state = replay(HUNDRED_IN_FOUR, [before, *second])
    assert state.outstanding == 2500
    assert [code for _, code in state.ignored] == [LoanCode.BOUNCE_ABOVE_RECEIPT]
