"""Everything that the ledger does, in any order: what happens and what is refused is what plain Python says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from foundation.access import Caller, Role
from foundation.periods import Month
from foundation.refusals import Refusal
from tests.integration.wallet.bulk_house import CHUCK, MARA, BulkHouse
from tests.integration.wallet.ledger_periods import Periods
from tests.property.wallet.paper import Move, Paper, Terms
from tests.property.wallet.paper_batches import FIRST_LINE, PaperBatch, PaperLine
from tests.support.databases import TestServer
from wallet.ledger.actions import (
    HoldRequest,
    Transfer,
    expire_holds,
    open_account,
    open_fund_account,
    register_owners,
    release_holds,
)
from wallet.ledger.actions.posting import open_each_hold
from wallet.ledger.actions.spending import capture_hold, post_for_service
from wallet.ledger.bulk.working import begin, step
from wallet.ledger.corrections import actions as corrections
from wallet.ledger.corrections.schemas import ReversalIn
from wallet.ledger.holds.schemas import CaptureIn
from wallet.ledger.postings import AskedHold, Granted
from wallet.ledger.refusals import refusal_in
from wallet.ledger.schemas import TransferIn, TransfersIn

PURSES = {
    "vrij": Terms(),
    "burgerbudget": Terms(ceiling=100_000),
    "burgerbaan": Terms(claimable=True),
    "zwemlessen": Terms(asset="LESSON"),
}
AT_THE_START = {
    "bank:current": Terms(None),
    "bank:outgoing": Terms(),
    "bank:stripe": Terms(None),
    "lent:sociaal-krediet": Terms(),
    "clearing:sociaal-krediet": Terms(),
    "clearing:belkosten": Terms(),
    "fund:burgerbudget": Terms(),
}
HOLDERS = ("anna", "ben", "cas")
TESTER = Caller("tester", frozenset({Role.SERVICE}))
# Those that the steps choose from; not all are there from the start, one never is.
ADDRESSES = (
    "bank:current",
    "bank:outgoing",
    "fund:burgerbudget",
    "fund:lessen",
    "issue:LESSON",
    "payable:winkel",
    "fund:nooit",
    *(f"holder:{who}:{purse}" for who in HOLDERS for purse in PURSES),
)
UNIT = 1_000

addresses = st.sampled_from(ADDRESSES)
amounts = st.integers(1, 60).map(lambda amount: amount * UNIT)
picks = st.integers(0, 1_000)
# Mostly what is there from the start and counts in euros, so that there is something to refuse for a better reason.
usual = st.sampled_from(
    [
        "fund:burgerbudget",
        "bank:current",
        *(f"holder:{who}:{purse}" for who in HOLDERS[:2] for purse in list(PURSES)[:3]),
    ]
)
likely = st.one_of(usual, usual, usual, addresses)
a_transfer = st.tuples(likely, likely, amounts, st.one_of(st.none(), st.integers(0, 12)))
kinds = st.sampled_from(["gift", "gift", "gift", "payout"])


class LedgerMachine(RuleBasedStateMachine):
    """One ledger and its model, side by side."""

    def __init__(self, server: TestServer, folder: Path, today: Callable[[str], None]) -> None:
        super().__init__()
        self._stack = ExitStack()
        made = self._stack.enter_context(server.fresh("wallet"))
        self.verifier_url = made.url_of("wallet_auditor")
        self.books = BulkHouse(made.database, deposit=0)
        self.periods = Periods(self.books, Path(mkdtemp(dir=folder)), today)
        self.month = Month.parse("2026-07")
        self._move_to(self.month)
        self.paper = Paper(terms=dict(AT_THE_START), opened=set(AT_THE_START))
        self._register("anna")
        self._register("ben")
        self.moves: list[Move] = []
        self.handed_in: list[PaperBatch] = []
        self.batches: list[PaperBatch] = []
        """Those that are approved and not posted yet."""
        self.unsealed = 0
        self._post([Transfer("bank:current", "fund:burgerbudget", 500 * UNIT)], self._day())
        self._post([Transfer("fund:burgerbudget", "holder:anna:vrij", 50 * UNIT)], self._day())

    def teardown(self) -> None:
        try:
            self.periods.seal()
            report = self.periods.verify(self.verifier_url)
            assert report.as_lines()[-1] == "0 differences", report.as_lines()
        finally:
            self._stack.close()

    # Accounts.

    @rule(who=st.sampled_from(HOLDERS))
    def register(self, who: str) -> None:
        self._register(who)

    @rule()
    def open_fund_of_lessons(self) -> None:
        expected = "fundExists" if "fund:lessen" in self.paper.opened else None
        if {"fund:lessen", "issue:LESSON"} & self.paper.closed:
            expected = "otherTerms"
        self._agree(
            expected,
            lambda: self._in_transaction(lambda db: open_fund_account(db, "lessen", "Zwemlessen", "LESSON", "piet")),
        )
        self.paper.terms |= {"fund:lessen": Terms(asset="LESSON"), "issue:LESSON": Terms(None, asset="LESSON")}
        self.paper.opened |= {"fund:lessen", "issue:LESSON"}

    @rule(ceiling=st.sampled_from([None, None, 5]))
    def open_shop(self, ceiling: int | None) -> None:
        known = self.paper.terms.get("payable:winkel")
        closed = "payable:winkel" in self.paper.closed
        expected = "otherTerms" if known is not None and (closed or known.ceiling != ceiling) else None

        def act(db: Any) -> None:
            open_account(db, "payable:winkel", asset="EUR", kind="payable", floor=0, ceiling=ceiling, lock_rank=10)

        self._agree(expected, lambda: self._in_transaction(act))
        if known is None:
            self.paper.terms["payable:winkel"] = Terms(ceiling=ceiling)
            self.paper.opened.add("payable:winkel")

    @rule(address=addresses)
    def close_account(self, address: str) -> None:
        if address in ("bank:current", "fund:burgerbudget"):
            return  # the rest of the story would be about closed accounts only
        expected = self.paper.close(address)
        statement = text("SELECT ledger.close_account(:address)")
        self._agree(expected, lambda: self._in_transaction(lambda db: db.execute(statement, {"address": address})))

    # Money.

    @rule(asked=st.lists(a_transfer, min_size=1, max_size=3), months_back=st.sampled_from([0, 0, 0, 1, 2]), kind=kinds)
    def post(self, asked: list[tuple[str, str, int, int | None]], months_back: int, kind: str) -> None:
        transfers = [
            Transfer(source, destination, amount, self._asset(source), None if key is None else f"key/{key}")
            for source, destination, amount, key in asked
        ]
        self._post(transfers, self._day(months_back), kind)

    @rule(who=st.sampled_from(HOLDERS), purse=st.sampled_from(sorted(PURSES)), amount=amounts)
    def pay(self, who: str, purse: str, amount: int) -> None:
        """The plain case, so that there is something to take back: out of the fund, into a purse."""
        asset = PURSES[purse].asset
        source = "fund:burgerbudget" if asset == "EUR" else "issue:LESSON"
        self._post([Transfer(source, f"holder:{who}:{purse}", amount, asset)], self._day())

    @rule(address=likely, amount=amounts, late=st.booleans())
    def hold(self, address: str, amount: int, late: bool) -> None:
        made = uuid4()
        asset = self._asset(address)
        expected = self.paper.hold(made, address, amount, asset, late=late)
        until = datetime(2020, 1, 1, tzinfo=UTC) if late else None
        self._agree(expected, lambda: self.books.hold(HoldRequest(made, address, amount, asset), expires_at=until))

    @precondition(lambda self: bool(self._own_holds()))
    @rule(pick=picks, destination=likely, amount=amounts, other=st.sampled_from([False] * 9 + [True]))
    def capture(self, pick: int, destination: str, amount: int, other: bool) -> None:
        hold_id = self._pick_hold(pick)
        source = "fund:burgerbudget" if other else self.paper.holds[hold_id].account
        self._post([Transfer(source, destination, amount, self._asset(source), hold_id=hold_id)], self._day())

    @rule(
        asked=st.lists(st.tuples(likely, amounts, st.integers(1, 100)), min_size=1, max_size=4),
        late=st.booleans(),
    )
    def hold_what_there_is(self, asked: list[tuple[str, int, int]], late: bool) -> None:
        """Several askers together: each gets as much as is left then, and at least a part of what they asked."""
        until = datetime(2020, 1, 1, tzinfo=UTC) if late else None
        requests = [
            AskedHold(
                HoldRequest(uuid4(), address, amount, self._asset(address)),
                max(1, amount * percent // 100),
                "call/1",
                "tester",
                until,
            )
            for address, amount, percent in asked
        ]
        outcomes = self._in_transaction(lambda db: open_each_hold(db, requests))
        for each, outcome in zip(requests, outcomes, strict=True):
            made = each.request
            expected = self.paper.hold(made.id, made.account, made.amount, made.asset, minimum=each.minimum, late=late)
            found = outcome.amount if isinstance(outcome, Granted) else outcome.code
            assert found == (self.paper.holds[made.id].remaining if expected is None else expected)
        # Asked again, what was had is given as it is, and nothing more is set apart.
        had = {one: found for one, found in zip(requests, outcomes, strict=True) if isinstance(found, Granted)}
        if had:
            assert self._in_transaction(lambda db: open_each_hold(db, list(had))) == list(had.values())

    @precondition(lambda self: bool(self._own_holds()))
    @rule(pick=picks, destination=likely, amount=amounts)
    def capture_finally(self, pick: int, destination: str, amount: int) -> None:
        hold_id = self._pick_hold(pick)
        source = self.paper.holds[hold_id].account
        transfers = [Transfer(source, destination, amount, self._asset(source), hold_id=hold_id)]
        asked = CaptureIn(destination=destination, amount=amount, kind="gift", value_date=self._day(), final=True)
        self._post_as(
            transfers,
            lambda: self._in_transaction(lambda db: capture_hold(db, hold_id, asked, TESTER)[0]),
            releases=[hold_id],
        )

    @precondition(lambda self: bool(self._own_holds()))
    @rule(asked=st.lists(a_transfer, min_size=1, max_size=2), some=st.lists(picks, min_size=1, max_size=3))
    def post_and_release(self, asked: list[tuple[str, str, int, int | None]], some: list[int]) -> None:
        transfers = [
            Transfer(source, destination, amount, self._asset(source), None if key is None else f"key/{key}")
            for source, destination, amount, key in asked
        ]
        releases = [self._pick_hold(pick) for pick in some]
        lines = [
            TransferIn(
                source=each.source,
                destination=each.destination,
                amount=each.amount,
                asset=each.asset,
                grant_key=each.grant_key,
            )
            for each in transfers
        ]
        body = TransfersIn(kind="gift", value_date=self._day(), transfers=lines, releases=releases)
        self._post_as(
            transfers,
            lambda: self._in_transaction(lambda db: post_for_service(db, body, TESTER)),
            releases=releases,
        )

    @precondition(lambda self: bool(self._own_holds()))
    @rule(pick=picks)
    def release(self, pick: int) -> None:
        hold_id = self._pick_hold(pick)
        self.paper.release(hold_id)
        self._in_transaction(lambda db: release_holds(db, [hold_id], "tester"))

    @rule()
    def expire(self) -> None:
        closed = self._in_transaction(lambda db: expire_holds(db, datetime(2021, 1, 1, tzinfo=UTC), 1_000, "tester"))
        assert closed == self.paper.expire()

    @precondition(lambda self: bool(self.moves))
    @rule(pick=picks, amount=st.one_of(st.none(), amounts), receivable=st.booleans())
    def reverse(self, pick: int, amount: int | None, receivable: bool) -> None:
        # Mostly one of the last few.
        move = self.moves[-1 - pick % min(len(self.moves), 6 if pick % 4 else len(self.moves))]
        known = dict(self.paper.terms)
        transfers = self.paper.reversal(move, amount, receivable)
        expected = transfers if isinstance(transfers, str) else None
        if not isinstance(transfers, str):
            self.paper.opened |= {each.source for each in transfers if each.source.startswith("receivable:")}
            opened = set(self.paper.opened)
            expected = self.paper.post(transfers, self._day())
            if expected is not None:
                self.paper.terms, self.paper.opened = known, opened & set(known)

        def act() -> Any:
            asked = ReversalIn(amount=amount, reason="dubbel", receivable=receivable)
            proposal = self._in_transaction(lambda db: corrections.propose_reversal(db, move.id, asked, MARA).id)
            return self._in_transaction(lambda db: corrections.confirm_reversal(db, proposal, CHUCK))

        posted = self._agree(expected, act)
        if expected is None and not isinstance(transfers, str):
            self.unsealed += 1
            move.taken += sum(each.amount for each in transfers)
            self._remember(posted, transfers, "reversal", is_reversal=True)

    # Batches.

    @rule(
        asked=st.lists(st.tuples(likely, amounts, st.integers(0, 12)), min_size=1, max_size=6),
        months_back=st.sampled_from([0, 0, 0, 1]),
        chunk_lines=st.sampled_from([1, 2, 3, 100]),
        at_once=st.booleans(),
    )
    def hand_in(self, asked: list[tuple[str, int, int]], months_back: int, chunk_lines: int, at_once: bool) -> None:
        lines = [
            PaperLine(number, destination, amount, f"key/{key}")
            for number, (destination, amount, key) in enumerate(asked, start=FIRST_LINE)
        ]
        batch = PaperBatch("fund:burgerbudget", self._day(months_back), chunk_lines, lines)
        content = [(line.destination, line.amount, line.grant_key) for line in lines]
        closed = "periodClosed" if batch.day < self.paper.first_open else None
        batch.id = self._agree(closed, lambda: self.books.send(content, value_date=batch.day, chunk_lines=chunk_lines))
        if batch.id is None:
            return
        self.handed_in.append(batch)
        self._work_only(batch)
        batch.check(self.paper)
        assert set(self.books.exceptions(batch.id)) == batch.exceptions
        expected = None if batch.good else "nothingToPost"
        self._agree(expected, lambda: self.books.submit(self._id(batch), partial=True))
        if expected is not None:
            return
        refused = batch.approve(self.paper)
        self._agree(refused, lambda: self.books.approve(self._id(batch)))
        if refused is None:
            self.batches.append(batch)
            if at_once:
                self.work_through_batches()

    @precondition(lambda self: bool(self.batches))
    @rule()
    def work_through_batches(self) -> None:
        before = len(self.paper.journals)
        self.books.work()
        for batch in self.batches:
            batch.post(self.paper)
            made = self.books.batch(self._id(batch))
            assert set(self.books.exceptions(self._id(batch))) == batch.exceptions
            assert (made.state, made.posted_total, made.failed_total) == (
                "posted",
                batch.posted,
                made.total - batch.posted,
            )
        self.batches.clear()
        self.unsealed += len(self.paper.journals) - before

    # Time.

    @rule()
    def seal(self) -> None:
        self.periods.seal()
        assert self.books.rows("SELECT count(*) FROM ledger.unsealed")[0][0] == 0
        self.unsealed = 0

    @rule()
    def go_to_the_next_month(self) -> None:
        self.month = self.month.next()
        self._move_to(self.month)

    @rule(months_back=st.sampled_from([0, 1, 1, 1, 2]), sealed_first=st.sampled_from([True, True, False]))
    def close_month(self, months_back: int, sealed_first: bool) -> None:
        if sealed_first:
            self.seal()
        month = Month.of(self._day(months_back))
        expected = self.paper.closing(month, self.month, self.unsealed)
        self._agree(expected, lambda: self.periods.confirm(str(month), self.periods.propose(str(month))))
        if expected is None:
            self.paper.first_open = month.next().start

    # What holds after every step.

    @invariant()
    def balances_and_what_is_held_are_those_of_the_model(self) -> None:
        rows = self.books.rows(
            "SELECT a.address, b.posted, b.held FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id"
        )
        assert {row.address: (row.posted, row.held) for row in rows} == self.paper.figures()

    @invariant()
    def nothing_was_written_that_the_model_did_not_write(self) -> None:
        counted = self.books.rows(
            "SELECT (SELECT count(*) FROM ledger.journal), (SELECT count(*) FROM ledger.entry),"
            "       (SELECT count(*) FROM ledger.unsealed)"
        )
        entries = sum(entries for _, entries in self.paper.journals)
        assert tuple(counted[0]) == (len(self.paper.journals), entries, self.unsealed)

    @invariant()
    def each_asset_adds_up_to_nothing_and_no_chain_has_a_gap(self) -> None:
        sums = self.books.rows(
            "SELECT a.asset, sum(b.posted) AS posted FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id"
            " GROUP BY a.asset HAVING sum(b.posted) <> 0"
        )
        assert sums == []
        assert self.books.faults() == []

    # How it is done.

    def _agree(self, expected: str | None, act: Callable[[], Any]) -> Any:
        """Do it, and find the refusal that the model expects, or none; gives what it gave."""
        given, actual = None, None
        try:
            given = act()
        except Refusal as refusal:
            actual = refusal.errors[0].code
        except DBAPIError as error:
            found = refusal_in(error)
            if found is None:
                raise
            actual = found.code
        assert actual == expected
        return given

    def _in_transaction(self, act: Callable[[Any], Any]) -> Any:
        with self.books.database.transaction() as db:
            return act(db)

    def _post(self, transfers: list[Transfer], day: date, kind: str = "gift") -> None:
        self._post_as(transfers, lambda: self.books.post(*transfers, value_date=day, kind=kind), day=day, kind=kind)

    def _post_as(
        self,
        transfers: list[Transfer],
        act: Callable[[], Any],
        *,
        day: date | None = None,
        kind: str = "gift",
        releases: list[UUID] | None = None,
    ) -> None:
        """Post in this way what the model posts too, and let go of holds after it where it was not refused."""
        expected = self.paper.post(transfers, day or self._day())
        posted = self._agree(expected, act)
        if posted is not None:
            self.unsealed += 1
            self._remember(posted, transfers, kind)
            for hold_id in releases or ():
                self.paper.release(hold_id)

    def _remember(self, posted: Any, transfers: list[Transfer], kind: str, *, is_reversal: bool = False) -> None:
        self.moves += [
            Move(transfer_id, kind, each.source, each.destination, each.amount, each.asset, is_reversal)
            for transfer_id, each in zip(posted.transfer_ids, transfers, strict=True)
        ]

    def _register(self, who: str) -> None:
        self._in_transaction(lambda db: register_owners(db, [f"holder:{who}"]))
        self.paper.terms |= {f"holder:{who}:{purse}": terms for purse, terms in PURSES.items()}

    def _asset(self, address: str) -> str:
        return "LESSON" if "les" in address.lower() else "EUR"

    def _day(self, months_back: int = 0) -> date:
        month = self.month
        for _ in range(months_back):
            month = Month.of(month.start - timedelta(days=1))
        return month.start + timedelta(days=9)

    def _move_to(self, month: Month) -> None:
        self.periods.today((month.start + timedelta(days=9)).isoformat())

    def _own_holds(self) -> list[UUID]:
        """The holds that are nobody's: those of batches only the batches themselves use up and let go of."""
        return [hold for hold in self.paper.holds if all(batch.id != hold for batch in self.handed_in)]

    def _pick_hold(self, pick: int) -> UUID:
        known = self._own_holds()
        return known[-1 - pick % min(len(known), 4)]

    def _id(self, batch: PaperBatch) -> Any:
        return batch.id

    def _work_only(self, batch: PaperBatch) -> None:
        """Let the worker load and check one batch, and leave those that are approved for later."""
        assert self.books.database.run(lambda db: begin(db, self._id(batch)))
        while self.books.database.run(lambda db: step(db, self._id(batch))):
            pass


def test_whatever_is_done_in_whatever_order_the_books_agree_with_plain_python(
    server: TestServer, tmp_path: Path, today: Callable[[str], None]
) -> None:
    run_state_machine_as_test(
        lambda: LedgerMachine(server, tmp_path, today),
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
