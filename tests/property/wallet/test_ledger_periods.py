"""Any sequence of postings, partial reversals, seals and closes: the books as they were are what plain Python says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.refusals import Refusal
from tests.integration.wallet.ledger_books import BANK, FUND, OUTGOING, Books
from tests.integration.wallet.ledger_periods import CHRIS, MIA, Periods
from tests.support.databases import TestServer
from wallet.ledger.actions import Transfer
from wallet.ledger.corrections import actions as corrections
from wallet.ledger.corrections.schemas import ReversalIn

TODAY = date(2026, 12, 31)
DAYS = [date(2026, month, day) for month in (5, 6, 7, 8) for day in (1, 17, 30)]
MONTHS = ["2026-05", "2026-06", "2026-07", "2026-08"]


@dataclass
class Line:
    """One leg on paper."""

    account: str
    amount: int
    day: date
    block: int | None = None


@dataclass
class Move:
    """A transfer on paper, with what was taken back of it."""

    id: str
    source: str
    destination: str
    amount: int
    taken: int = 0


@dataclass
class Paper:
    """The books in plain Python: a list of legs, added up anew for every question."""

    claimable: str
    lines: list[Line] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    closed: str = ""

    def balance(self, account: str) -> int:
        return sum(line.amount for line in self.lines if line.account == account)

    def opened(self, account: str) -> bool:
        return account in (BANK, FUND, OUTGOING) or any(line.account == account for line in self.lines)

    def short(self, account: str, amount: int) -> bool:
        return account != BANK and self.balance(account) < amount

    def post(self, source: str, destination: str, amount: int, day: date) -> str | None:
        if not self.opened(source):
            return "tooLittle"
        if f"{day:%Y-%m}" <= self.closed:
            return "periodClosed"
        if self.short(source, amount):
            return "tooLittle"
        self.lines += [Line(source, -amount, day), Line(destination, amount, day)]
        return None

    def reverse(self, move: Move, amount: int, receivable: bool) -> str | None:
        left = move.amount - move.taken
        if left == 0:
            return "reversedAlready"
        if amount > left:
            return "overReversal"
        if receivable and move.destination != self.claimable:
            return "notClaimable"
        there = amount if move.destination == BANK else min(amount, self.balance(move.destination))
        if there < amount and not receivable:
            return "tooLittle"
        givers = ((move.destination, there), (f"receivable:{move.destination}", amount - there))
        for giver, part in givers:
            if part:
                self.lines += [Line(giver, -part, TODAY), Line(move.source, part, TODAY)]
        move.taken += amount
        return None

    def close(self, month: str) -> str | None:
        if month <= self.closed:
            return "closedAlready"
        if any(self.closed < f"{line.day:%Y-%m}" < month for line in self.lines):
            return "earlierMonthOpen"
        self.closed = month
        return None

    def totals(self, block: int | None, day: date | None) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for line in self.lines:
            sealed = block is None or (line.block is not None and line.block <= block)
            if sealed and (day is None or line.day <= day):
                debit, credit = found[line.account]
                found[line.account] = (debit - min(line.amount, 0), credit + max(line.amount, 0))
        return dict(found)


amounts = st.integers(1, 12)
plans = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.tuples(st.integers(0, 6), amounts, st.sampled_from(DAYS))),
        st.tuples(st.just("post"), st.tuples(st.integers(0, 6), amounts, st.sampled_from(DAYS))),
        st.tuples(st.just("reverse"), st.tuples(st.integers(0, 30), amounts, st.booleans())),
        st.tuples(st.just("seal"), st.none()),
        st.tuples(st.just("close"), st.sampled_from(MONTHS)),
    ),
    min_size=6,
    max_size=24,
)


def refusal_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except Refusal as refusal:
        return refusal.errors[0].code
    return None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans)
def test_the_books_as_of_any_block_and_day_are_what_plain_python_adds_up(
    server: TestServer, today: Callable[[str], None], plan: list[tuple[str, object]]
) -> None:
    today(TODAY.isoformat())
    with server.fresh("wallet") as made, TemporaryDirectory() as folder:
        books = Books(made.database, deposit=0)
        periods = Periods(books, Path(folder), today)
        one, two = f"{books.holder()}:leefgeld", f"{books.holder()}:burgerbaan"
        ways = [(BANK, FUND), (FUND, one), (FUND, two), (one, OUTGOING), (two, OUTGOING), (one, two), (two, FUND)]
        paper = Paper(claimable=two)

        def post(way: int, amount: int, day: date) -> tuple[str | None, str | None]:
            source, destination = ways[way]
            posted: list[str] = []
            asked = Transfer(source, destination, amount)
            actual = refusal_of(lambda: posted.extend(books.post(asked, value_date=day).transfer_ids))
            paper.moves += [Move(each, source, destination, amount) for each in posted]
            return actual, paper.post(source, destination, amount, day)

        def reverse(number: int, amount: int, receivable: bool) -> tuple[str | None, str | None]:
            if not paper.moves:
                return None, None
            move = paper.moves[number % len(paper.moves)]
            asked = ReversalIn(amount=amount, reason="x", receivable=receivable)

            def by_two() -> None:
                with made.database.transaction() as db:
                    proposal = corrections.propose_reversal(db, move.id, asked, MIA).id
                with made.database.transaction() as db:
                    corrections.confirm_reversal(db, proposal, CHRIS)

            return refusal_of(by_two), paper.reverse(move, amount, receivable)

        def seal() -> int:
            newest = periods.seal()
            for line in paper.lines:
                line.block = line.block or newest
            return newest

        # So that something can be spent from the start.
        for way, amount in ((0, 40), (1, 15), (2, 15)):
            assert post(way, amount, DAYS[0]) == (None, None)
        for kind, what in plan:
            actual: str | None = None
            expected: str | None = None
            if kind == "post":
                actual, expected = post(*what)  # type: ignore[misc]
            elif kind == "reverse":
                actual, expected = reverse(*what)  # type: ignore[misc]
            elif kind == "close":
                seal()
                actual = refusal_of(lambda month=what: periods.close(month))  # type: ignore[misc]
                expected = paper.close(what)  # type: ignore[arg-type]
            else:
                seal()
            assert actual == expected, (kind, what)
        blocks = made.database.run(lambda db: books.rows("SELECT coalesce(max(number), 0) FROM ledger.block"))[0][0]
        for block in (None, *range(blocks + 1)):
            for day in (None, *DAYS, date(2026, 4, 30), date(2026, 7, 31), TODAY):
                assert periods.totals(block, day) == paper.totals(block, day), (block, day)
        assert periods.one_by_one(None, date(2026, 7, 31)) == paper.totals(None, date(2026, 7, 31))
        assert periods.one_by_one(blocks, None) == paper.totals(blocks, None)
        assert (books.faults(), periods.verify(made.service_url).differences) == ([], [])
