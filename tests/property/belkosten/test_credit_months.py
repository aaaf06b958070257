"""Credits whatever happens: never above the ceiling, once a month, and nothing left when it is over; months of SIM cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from belkosten import postings
from belkosten.rules.credits import credit, months_touched
from foundation.database import Database
from foundation.identifiers import new_id
from foundation.money import Cents
from foundation.periods import Month
from tests.integration.belkosten.phone_town import Town, open_town
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase
from wallet_contract.messages import OpenHold, PostTransfers, TransferLine

CEILING = 1_000
BEGINNING = date(2026, 10, 1)
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
SPANS = st.integers(0, 2_000)


@given(first=DAYS, span=SPANS)
def test_the_months_touched_are_all_there_are_from_the_first_to_the_last(first: date, span: int) -> None:
    last = first + timedelta(days=span)
    months = months_touched(first, last)
    assert len(months) == (last.year - first.year) * 12 + last.month - first.month + 1
    assert months == sorted(set(months))
    assert set(months) == {Month.of(first + timedelta(days=day)) for day in range(span + 1)}


@given(first=DAYS, before=SPANS, after=SPANS)
def test_a_card_that_is_looked_at_twice_touches_no_month_more(first: date, before: int, after: int) -> None:
    between, last = first + timedelta(days=before), first + timedelta(days=before + after)
    seen = {*months_touched(first, between), *months_touched(between, last)}
    assert seen == set(months_touched(first, last))


@given(ceiling=st.integers(0, 10**6), steps=st.lists(st.integers(0, 10**6)))
def test_a_purse_that_is_credited_each_month_never_holds_more_than_the_ceiling(ceiling: int, steps: list[int]) -> None:
    balance = 0
    for asked in steps:
        balance += credit(Cents(ceiling), Cents(balance))
        assert balance == ceiling
        balance -= min(asked, balance)


class Purse(RuleBasedStateMachine):
    """One person with call credit who calls, moves, stops and comes back, in a town in which others went before."""

    def __init__(self, town: Town, days: list[date]) -> None:
        super().__init__()
        self.town, self.days = town, days
        self.holds: list[str] = []

    @property
    def today(self) -> date:
        return self.days[-1]

    def pass_to(self, day: date) -> None:
        self.days.append(day)
        self.town.on(day.isoformat())

    @initialize(product=st.sampled_from(["belapp", "prepaid"]))
    def enrol(self, product: str) -> None:
        self.holder = self.town.holder()
        self.number = self.town.enrol(product, holder=self.holder)
        self.purse = postings.purse_of(self.holder)

    @rule(days=st.integers(1, 40))
    def pass_days(self, days: int) -> None:
        self.pass_to(self.today + timedelta(days=days))

    @rule(part=st.integers(1, 4))
    def spend(self, part: int) -> None:
        if amount := (self.town.balance(self.number) - self.town.held(self.number)) // part:
            line = TransferLine(self.purse, postings.CLEARING, amount)
            self.town.wallet.post_transfers(
                PostTransfers("call", self.today, [line]).as_json(), key=f"spend/{new_id()}"
            )

    @rule(part=st.integers(1, 4))
    def begin_a_call(self, part: int) -> None:
        if amount := (self.town.balance(self.number) - self.town.held(self.number)) // part:
            asked = OpenHold(self.purse, amount, "call/telco/c1").as_json()
            self.holds.append(self.town.wallet.open_hold(asked, key=f"hold/{new_id()}")["id"])

    @rule()
    def end_the_calls(self) -> None:
        while self.holds:
            self.town.wallet.release_hold(self.holds.pop(), key=f"release/{new_id()}")

    @rule(days=st.integers(0, 40))
    def stop(self, days: int) -> None:
        self.ask("endings", {"until": (self.today + timedelta(days=days)).isoformat()})

    @rule(product=st.sampled_from(["belapp", "prepaid", "toestel"]))
    def move(self, product: str) -> None:
        first = self.today if self.today.day == 1 else Month.of(self.today).next().start
        self.ask("product-changes", {"product": product, "from": first.isoformat()})

    @rule()
    def take_back(self) -> None:
        self.ask("withdrawals", None)

    @rule(product=st.sampled_from(["belapp", "prepaid"]))
    def come_back(self, product: str) -> None:
        body = self.town.body(self.holder, product)
        assert self.town.helper.post("/participants", json=body).status_code in (201, 409)
        self.town.settle()

    def ask(self, deed: str, body: object) -> None:
        answer = self.town.helper.post(f"/participants/{self.number}/{deed}", json=body)
        assert answer.status_code in (201, 409), answer.text
        self.town.settle()

    @invariant()
    def nobody_has_more_than_a_month_gives(self) -> None:
        assert 0 <= self.town.balance(self.number) <= CEILING
        with self.town.database.reading() as db:
            months = db.execute(
                text("SELECT month, amount, balance_before FROM belkosten.credit WHERE participant_number = :number"),
                {"number": self.number},
            ).all()
        assert all(row.amount + row.balance_before == CEILING for row in months)
        # What was credited is in the purse, spent, or back in the fund: all of it went through this purse.
        assert self.town.parked() == []

    def teardown(self) -> None:
        # The next person begins on a later day, so that the business date never goes back.
        self.end_the_calls()
        self.pass_to(self.today + timedelta(days=1))
        found = self.town.get(f"/participants/{self.number}")
        if found["product"] is not None:
            self.ask("withdrawals", None)
            self.ask("endings", {"until": self.today.isoformat()})
        # One day for the return, and one for what a call had held until after it.
        self.pass_to(self.today + timedelta(days=1))
        self.pass_to(self.today + timedelta(days=1))
        assert self.town.get(f"/participants/{self.number}")["product"] is None
        assert (self.town.balance(self.number), self.town.held(self.number)) == (0, 0)


@pytest.fixture
def town(
    wallet_database: Database,
    belkosten_db: ServiceDatabase,
    callers: Callers,
    today: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Town]:
    """A town on 1 October 2026, with 10,000.00 in its fund."""
    with open_town(belkosten_db.database, wallet_database, callers, today, tmp_path, monkeypatch) as made:
        yield made


def test_a_purse_never_holds_more_than_its_ceiling_and_nothing_once_it_is_over(town: Town) -> None:
    days = [BEGINNING]
    run_state_machine_as_test(
        lambda: Purse(town, days),
        settings=settings(
            max_examples=8,
            stateful_step_count=10,
            deadline=None,
            # A smaller example would cost a whole run for each try; the steps that failed are printed as they were.
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    balances = town.balances()
    credited_and_spent = balances["fund"] + balances.get("clearing", 0)
    assert credited_and_spent == 1_000_000
