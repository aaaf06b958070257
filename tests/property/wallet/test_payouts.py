"""Whatever is done with payouts in whatever order, money is conserved and no entitlement is paid twice (PO-2, PO-3)."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from lxml import etree
from sqlalchemy import text

from foundation.access import Caller, Role
from foundation.database import Database
from foundation.refusals import Refusal
from tests.integration.wallet.payouts_house import House, open_house
from tests.support.callers import Callers
from wallet.holders.vault import Vault, open_vault
from wallet.payouts import actions
from wallet.payouts.bank_messages.actions import book_message
from wallet.payouts.bank_messages.reader import read_message
from wallet.payouts.channels import Order, Payment, stand_in
from wallet.payouts.channels.sepa import NAMESPACE, SepaChannel
from wallet.payouts.channels.sepa_text import ALLOWED, sepa_name
from wallet.payouts.files import batch_file
from wallet.payouts.rules import Exclusion

MARA = Caller("mara", frozenset({Role.FINANCE_MAKER}))
CHUCK = Caller("chuck", frozenset({Role.FINANCE_CHECKER}))
PEOPLE = 3
which = st.integers(0, 50)


class Payouts(RuleBasedStateMachine):
    """A finance department, three people with purses, and a bank; the model counts what each person was given."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house
        self.db = house.database
        self.vault: Vault = open_vault()
        self.people = [UUID(house.holder(number + 1)) for number in range(PEOPLE)]
        house.today("2026-10-01")
        self.given = dict.fromkeys(self.people, 0)
        self.batches: list[UUID] = []
        self.messages: list[bytes] = []
        for person in range(PEOPLE):
            self.put_money_in_a_purse(person, 100 * (person + 1))

    def teardown(self) -> None:
        # Another example begins a month before, so that its accounts too are past cooling-off.
        self.house.today("2026-09-01")

    @rule(person=st.integers(0, PEOPLE - 1), amount=st.integers(1, 1_000))
    def put_money_in_a_purse(self, person: int, amount: int) -> None:
        self.house.put(str(self.people[person]), amount)
        self.given[self.people[person]] += amount

    @rule()
    def draft(self) -> None:
        batch, excluded = self.db.run(
            lambda db: actions.draft_batch(db, "mara", "vrij", date(2026, 10, 1), self.people)
        )
        self.batches.append(batch.id)
        assert batch.lines + len(excluded) == PEOPLE
        assert {reason for _, reason in excluded} <= {Exclusion.NOTHING_AVAILABLE, Exclusion.IN_OTHER_BATCH}

    @rule(number=which)
    def submit_a_part(self, number: int) -> None:
        self._try(number, lambda batch: self.db.run(lambda db: actions.hold_next_chunk(db, batch, MARA)))

    @rule(number=which)
    def submit(self, number: int) -> None:
        def act(batch: UUID) -> None:
            while self.db.run(lambda db: actions.hold_next_chunk(db, batch, MARA)):
                pass
            self.db.run(lambda db: actions.finish_submission(db, batch, MARA, "Gemeente", "NL66BNGH0123456789"))

        self._try(number, act)

    @rule(number=which)
    def approve(self, number: int) -> None:
        def act(batch: UUID) -> None:
            with self.db.reading() as db:
                found = db.execute(
                    text("SELECT content_hash FROM payouts.batch WHERE id = :id"), {"id": batch}
                ).scalar()
            self.db.run(lambda db: actions.approve(db, batch, CHUCK, bytes(found or b"")))

        self._try(number, act)

    @rule(number=which)
    def send_a_part(self, number: int) -> None:
        self._try(number, lambda batch: self.db.run(lambda db: actions.send_next_chunk(db, batch, MARA, "sepa")))

    @rule(number=which)
    def send(self, number: int) -> None:
        def act(batch: UUID) -> None:
            while self.db.run(lambda db: actions.send_next_chunk(db, batch, MARA, "sepa")):
                pass
            self.db.run(lambda db: actions.finish_sending(db, self.vault, batch, MARA))

        self._try(number, act)

    @rule(number=which, part=st.booleans(), sure=st.integers(0, 3))
    def withdraw(self, number: int, part: bool, sure: int) -> None:
        if sure:
            return

        def act(batch: UUID) -> None:
            while self.db.run(lambda db: actions.release_next_chunk(db, batch, MARA)) and not part:
                pass
            if not part:
                self.db.run(lambda db: actions.finish_withdrawal(db, batch, MARA))

        self._try(number, act)

    @rule(number=which, chosen=st.sets(st.integers(0, PEOPLE - 1)), rejected=st.sets(st.integers(0, PEOPLE - 1)))
    def have_the_bank_write(self, number: int, chosen: set[int], rejected: set[int]) -> None:
        def act(batch: UUID) -> None:
            with self.db.reading() as db:
                _, file = batch_file(db, self.vault, batch)
            ids = list(stand_in.receive(file).payments)
            returns = {ids[n]: "AC04" for n in chosen if n < len(ids)}
            rejects = {ids[n]: "AC01" for n in rejected if n < len(ids)}
            self.messages.append(stand_in.statement(file, returns, rejects))
            self.messages.append(stand_in.status_report(file, rejects))

        self._try(number, act)

    @rule(number=which)
    def read_a_message(self, number: int) -> None:
        if self.messages:
            raw = self.messages[number % len(self.messages)]
            self.db.run(lambda db: book_message(db, self.vault, raw, read_message(raw), "mara"))

    @rule(number=which, steps=st.integers(1, 6), coming_back=st.integers(0, PEOPLE - 1))
    def go_on(self, number: int, steps: int, coming_back: int) -> None:
        """Take the next steps that are due on a batch: steps at random alone would hardly ever reach the bank."""
        for _ in range(steps):
            if not self.batches:
                self.draft()
            batch = self.batches[number % len(self.batches)]
            with self.db.reading() as db:
                state = db.execute(text("SELECT state FROM payouts.batch WHERE id = :id"), {"id": batch}).scalar()
            match state:
                case "draft":
                    self.submit(number)
                case "submitted":
                    self.approve(number)
                case "approved":
                    self.send(number)
                case "sent":
                    self.have_the_bank_write(number, {coming_back}, set())
                    self.read_a_message(len(self.messages) - 2)
                case _:
                    self.draft()

    def _try(self, number: int, act: Callable[[UUID], object]) -> None:
        """Take a step with one of the batches; a step that a rule refuses changes nothing, which the invariants see."""
        if self.batches:
            try:
                act(self.batches[number % len(self.batches)])
            except Refusal as refusal:
                assert refusal.status in (403, 404, 409)

    @invariant()
    def the_books_are_what_the_lines_say(self) -> None:
        with self.db.reading() as db:
            lines = db.execute(
                text("SELECT holder_id, state, cleared, amount FROM payouts.line WHERE holder_id = ANY (:people)"),
                {"people": self.people},
            ).all()
            (total, outgoing) = db.execute(
                text(
                    "SELECT sum(b.posted), sum(b.posted) FILTER (WHERE a.address = 'bank:outgoing')"
                    "  FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id"
                )
            ).one()
            open_everywhere = db.execute(
                text(
                    "SELECT coalesce(sum(amount) FILTER (WHERE state = 'sent'), 0) AS sent,"
                    "       coalesce(sum(amount) FILTER (WHERE state = 'returned' AND NOT cleared), 0) AS early FROM payouts.line"
                )
            ).one()
        balances = self.house.balances()
        for person in self.people:
            own = [line for line in lines if line.holder_id == person]
            gone = sum(line.amount for line in own if line.state in ("sent", "settled"))
            held = sum(line.amount for line in own if line.state == "held")
            assert balances.get(f"holder:{person}:vrij", (0, 0)) == (self.given[person] - gone, held)
            assert sum(line.state in ("drafted", "held") for line in own) <= 1
        assert total in (0, None)
        assert (outgoing or 0) == open_everywhere.sent + open_everywhere.early


@pytest.fixture
def house(
    wallet_database: Database,
    callers: Callers,
    today: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    monkeypatch.setattr(actions, "CHUNK", 1)
    return open_house(wallet_database, callers, today, tmp_path, monkeypatch)


def test_no_sequence_of_steps_loses_money_or_pays_twice(house: House) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Payouts(house),
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

    with house.database.reading() as db:
        reached = set(db.execute(text("SELECT DISTINCT state FROM payouts.line")).scalars())
    # Otherwise the sequences tried too little to say anything.
    assert reached >= {"settled", "returned"}


@given(name=st.text(max_size=300))
def test_any_name_becomes_one_that_a_bank_can_write(name: str) -> None:
    written = sepa_name(name)
    assert 1 <= len(written) <= 70
    assert ALLOWED.issuperset(written)
    assert written == written.strip()
    assert sepa_name(written) == written


@given(payments=st.lists(st.tuples(st.integers(1, 10**11 - 1), st.text(max_size=80)), min_size=1, max_size=20))
def test_any_batch_is_a_file_whose_totals_are_those_of_its_payments(payments: list[tuple[int, str]]) -> None:
    order = Order(
        "a" * 32, datetime(2026, 10, 1, tzinfo=UTC), date(2026, 10, 1), "Gemeente", "NL66BNGH0123456789", "SSBE",
        len(payments), sum(amount for amount, _ in payments),
    )  # fmt: skip
    target = io.BytesIO()
    lines = [
        Payment(f"{number:032x}", amount, name, "NL91ABNA0417164300", name)
        for number, (amount, name) in enumerate(payments)
    ]
    SepaChannel().write(order, lines, target)
    received = stand_in.receive(target.getvalue())
    assert list(received.payments.values()) == [amount for amount, _ in payments]
    assert len(list(etree.fromstring(target.getvalue()).iter(f"{{{NAMESPACE}}}CdtTrfTxInf"))) == len(payments)
