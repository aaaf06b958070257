"""What holds for every loan, whatever happens to it and in whatever order that becomes known (SK-3, SK-5, SK-9, SK-12)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from foundation.money import Cents
from sociaal_krediet.rules.facts import (
    Bounce,
    EarlyMode,
    Fact,
    Mode,
    Pause,
    Receipt,
    Refunded,
    Reinstated,
    Remission,
    Reschedule,
    WriteOff,
)
from sociaal_krediet.rules.loans import Terms
from sociaal_krediet.rules.replaying import replay
from sociaal_krediet.rules.schedules import schedule, split
from tests.property.sociaal_krediet.ledger_of_cents import LoanOfCents

START = date(2026, 12, 31)
MODES: tuple[Mode, ...] = ("shorten", "lower")
modes = st.sampled_from(MODES)
amounts = st.one_of(st.integers(1, 60), st.integers(1, 4000)).map(Cents)
some_or_all = st.none() | amounts


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    months = draw(st.integers(1, 36))
    principal = draw(st.integers(months, 3000) | st.integers(months, months + 5))
    return Terms(Cents(principal), months, START + timedelta(days=draw(st.integers(1, 40))))


def instant(number: int) -> datetime:
    return datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=number)


@st.composite
def facts(draw: st.DrawFn, *, with_bounces: bool = True, least: int = 0) -> list[Fact]:
    """Facts in order of their days; a bounce is mostly of a receipt that is there, sometimes of more than it has."""
    made: list[Fact] = []
    receipts: list[str] = []
    day = START
    kinds = ["receipt", "receipt", "receipt", "mode", "pause", "reschedule", "remission", "writeOff"]
    if with_bounces:
        kinds += ["bounce", "bounce", "reinstated", "refunded"]
    for number in range(draw(st.integers(least, 10))):
        day += timedelta(days=draw(st.integers(0, 100)))
        key = (f"{number:02d}", day, instant(number))
        of = draw(st.sampled_from([*receipts, "unknown"])) if receipts else "unknown"
        kind = draw(st.sampled_from(kinds))
        if kind == "receipt":
            receipts.append(key[0])
            made.append(Receipt(*key, draw(amounts)))
        elif kind == "mode":
            made.append(EarlyMode(*key, draw(modes)))
        elif kind == "pause":
            made.append(Pause(*key, draw(st.integers(1, 6)), day + timedelta(days=draw(st.integers(-50, 400)))))
        elif kind == "reschedule":
            made.append(Reschedule(*key, draw(st.integers(1, 48))))
        elif kind == "remission":
            made.append(Remission(*key, draw(some_or_all), draw(modes)))
        elif kind == "writeOff":
            made.append(WriteOff(*key, draw(some_or_all)))
        else:
            change = {"bounce": Bounce, "reinstated": Reinstated, "refunded": Refunded}[kind]
            made.append(change(*key, of, draw(amounts)))
    return made


def came_in(known: list[Fact], receipt: str) -> int:
    return sum(fact.amount for fact in known if isinstance(fact, Receipt) and fact.id == receipt) + sum(
        fact.amount if isinstance(fact, Reinstated) else -fact.amount
        for fact in known
        if isinstance(fact, Bounce | Refunded | Reinstated) and fact.receipt_id == receipt
    )


@given(st.integers(1, 5000), st.integers(1, 36), st.integers(0, 60))
def test_sk3_a_schedule_adds_up_to_the_cent_and_only_its_last_instalment_differs(
    principal: int, months: int, later: int
) -> None:
    if principal < months:
        return
    made = schedule(Cents(principal), months, START + timedelta(days=later))
    first, last = made[0].amount, made[-1].amount
    assert sum(due.amount for due in made) == principal and len(made) == months
    assert last > 0 and {due.amount for due in made[:-1]} <= {first}
    assert abs(principal - first * months) <= max(months / 2, months - 1)
    assert [due.number for due in made] == list(range(1, months + 1))
    assert all(a.due_on < b.due_on for a, b in pairwise(made))
    assert {due.due_on.day for due in made} <= {28, 29, 30, (START + timedelta(days=later)).day}


@given(terms(), facts(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_repeats_change_nothing(agreed: Terms, known: list[Fact], chance: object) -> None:
    shuffled = [*known, *known[:3]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert replay(agreed, shuffled) == replay(agreed, known)


@given(terms(), facts(least=3))
def test_after_every_fact_the_sums_agree_and_the_schedule_is_whole(agreed: Terms, known: list[Fact]) -> None:
    for number in range(len(known) + 1):
        state = replay(agreed, known[:number])
        assert sum(one.open for one in state.instalments) == state.outstanding >= 0
        assert state.principal == state.repaid + state.outstanding + state.remitted + state.written_off
        assert [one.number for one in state.instalments] == list(range(1, len(state.instalments) + 1))
        dates = [one.due_on for one in state.instalments]
        assert dates == sorted(dates)
        assert all(one.amount > 0 and one.open >= 0 for one in state.instalments)
        assert (state.state == "active") == bool(state.outstanding) == bool(state.open_instalments)
        assert len(state.instalments) <= agreed.months + 48 * number


@given(terms(), facts(least=3))
def test_sk9_what_came_in_of_a_receipt_either_counts_or_is_excess_never_both_and_never_nothing(
    agreed: Terms, known: list[Fact]
) -> None:
    state = replay(agreed, known)
    for fact in known:
        if isinstance(fact, Receipt):
            kept = state.applied.get(fact.id, 0) + state.excess.get(fact.id, 0)
            assert kept == min(fact.amount, max(0, came_in(known, fact.id)))
    assert state.repaid == sum(state.applied.values())


@given(terms(), facts(least=1, with_bounces=False))
def test_sk9_only_what_is_above_the_outstanding_is_excess(agreed: Terms, known: list[Fact]) -> None:
    for number, fact in enumerate(known):
        if isinstance(fact, Receipt):
            before, after = replay(agreed, known[:number]), replay(agreed, known[: number + 1])
            assert after.excess.get(fact.id, 0) == max(0, fact.amount - before.outstanding)
            assert after.outstanding == max(0, before.outstanding - fact.amount)


@given(terms(), facts(with_bounces=False))
def test_the_rules_agree_with_a_model_that_moves_every_cent_by_hand(agreed: Terms, known: list[Fact]) -> None:
    by_hand = LoanOfCents(agreed)
    for number, fact in enumerate(known, start=1):
        by_hand.take(fact)
        state = replay(agreed, known[:number])
        opened: dict[date, int] = {}
        for one in state.open_instalments:
            opened[one.due_on] = opened.get(one.due_on, 0) + one.open
        assert list(opened.items()) == by_hand.open_by_month()
        assert state.repaid == len(by_hand.paid) + by_hand.repaid_early
        assert state.remitted + state.written_off == by_hand.given_up
        assert dict(state.excess) == by_hand.returned
        assert state.early_mode == by_hand.mode


@given(terms(), facts(), amounts, st.integers(0, 100), st.booleans())
def test_sk12_a_receipt_that_bounces_at_once_leaves_what_was_there(
    agreed: Terms, known: list[Fact], amount: Cents, days: int, in_two: bool
) -> None:
    day = (known[-1].on if known else START) + timedelta(days=days)
    before = replay(agreed, known)
    receipt = Receipt("50", day, instant(50), amount)
    bounces: list[Fact] = [Bounce("51", day, instant(51), "50", amount)]
    if in_two and amount > 1:
        part = Cents(amount // 2)
        rest = Cents(amount - part)
        bounces = [Bounce("51", day, instant(51), "50", part), Bounce("52", day, instant(52), "50", rest)]
    after = replay(agreed, [*known, receipt, *bounces])
    assert after.outstanding == before.outstanding and after.applied == before.applied
    assert after.excess == before.excess and after.ignored == before.ignored
    if before.early_mode == "shorten":
        assert after.instalments == before.instalments
    assert [one.due_on for one in after.open_instalments] == [one.due_on for one in before.open_instalments]
    won = Reinstated("53", day, instant(53), "50", amount)
    assert replay(agreed, [*known, receipt, *bounces, won]) == replay(agreed, [*known, receipt])


@given(terms(), facts(), amounts, st.integers(0, 800))
def test_one_more_receipt_never_makes_a_borrower_owe_more(
    agreed: Terms, known: list[Fact], amount: Cents, days: int
) -> None:
    more = Receipt("50", START + timedelta(days=days), instant(50), amount)
    assert replay(agreed, [*known, more]).outstanding <= replay(agreed, known).outstanding


@given(
    terms(),
    st.lists(st.tuples(amounts, st.integers(0, 200), modes), min_size=1, max_size=6),
    st.lists(st.integers(0, 200), min_size=6, max_size=6),
)
def test_sk12_when_every_receipt_bounces_the_whole_principal_is_open_again_and_no_instalment_is_higher(
    agreed: Terms, received: list[tuple[Cents, int, Mode]], days: list[int]
) -> None:
    day, known = START, list[Fact]()
    for number, (amount, later, mode) in enumerate(received):
        day += timedelta(days=later)
        known.append(EarlyMode(f"m{number}", day, instant(number), mode))
        known.append(Receipt(f"{number}", day, instant(number), amount))
    for number, (amount, _, _) in enumerate(received):
        day += timedelta(days=days[number])
        known.append(Bounce(f"b{number}", day, instant(20 + number), f"{number}", amount))
    state = replay(agreed, known)
    assert (state.outstanding, state.repaid, state.state) == (agreed.principal, 0, "active")
    assert not state.excess and not state.ignored
    # An instalment that was lowered and raised again is rounded anew; the last one takes the difference.
    most = max(split(agreed.principal, agreed.months)) + agreed.months
    assert all(one.amount <= most for one in state.instalments)
