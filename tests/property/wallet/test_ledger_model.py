"""Any sequence of postings, holds and releases gives what a few lines of plain Python say it gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.database import Database
from tests.integration.wallet.ledger_books import Books
from tests.property.wallet.paper import MERGED, Paper, PaperHold, Terms
from wallet.ledger import refusals
from wallet.ledger.actions import HoldRequest, Transfer, expire_holds, release_holds

ACCOUNTS = (
    "bank:current",
    "bank:outgoing",
    "fund:burgerbudget",
    "a:burgerbudget",
    "a:vrij",
    "b:burgerbudget",
    "b:vrij",
)

accounts = st.sampled_from(ACCOUNTS)
amounts = st.integers(1, 30)
a_transfer = st.tuples(
    accounts,
    # Mostly to another account.
    st.integers(0, 30).map(lambda step: 0 if step == 30 else 1 + step % (len(ACCOUNTS) - 1)),
    amounts,
    st.one_of(st.none(), st.integers(0, 30)),
    # Which hold to capture, if any; the source is then mostly the hold's own account.
    st.one_of(st.none(), st.none(), st.tuples(st.integers(0, 5), st.integers(0, 9))),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.lists(a_transfer, min_size=1, max_size=5)),
        st.tuples(st.just("post"), st.lists(a_transfer, min_size=1, max_size=2)),
        st.tuples(st.just("hold"), st.tuples(accounts, amounts, st.one_of(st.none(), st.integers(1, 5)))),
        st.tuples(st.just("release"), st.integers(0, 5)),
        st.tuples(st.just("expire"), st.integers(1, 6)),
    ),
    min_size=4,
    max_size=16,
)
UNIT = 1_000
days = itertools.count()


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database, deposit=0)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=steps)
def test_the_books_agree_with_plain_python_after_every_step(books: Books, plan: list[tuple[str, object]]) -> None:
    owners = {"a": books.holder(), "b": books.holder()}
    nonce = uuid4().hex

    def real(account: str) -> str:
        head, _, purse = account.partition(":")
        return f"{owners[head]}:{purse}" if head in owners else account

    # The shared accounts keep what the examples before left on them, so the model starts from there.
    addresses = [real(account) for account in ACCOUNTS]
    paper = Paper(
        terms={
            address: Terms(
                floor=None if address == "bank:current" else 0,
                ceiling=100_000 if address.endswith(":burgerbudget") and "holder" in address else None,
            )
            for address in addresses
        },
        opened={address for address in addresses if address.startswith(MERGED)},
    )
    for address in paper.opened:
        paper.posted[address], held = books.figures(address) or (0, 0)
        if held:
            paper.holds[uuid4()] = PaperHold(address, held)
    fund, a, b = "fund:burgerbudget", "a:burgerbudget", "b:vrij"
    first = [("bank:current", fund, 300), (fund, a, 80), (fund, b, 60), (fund, "bank:outgoing", 40)]
    opening = [Transfer(real(source), real(destination), amount * UNIT) for source, destination, amount in first]
    for each in opening:
        books.post(each)
        assert paper.post([each]) is None
    holds: list[UUID] = []
    hours: dict[UUID, int | None] = {}
    # Each example lives on a day before those of the others, whose holds it then cannot see expire.
    midnight = datetime(2100, 1, 1, tzinfo=UTC) - timedelta(days=next(days))

    def transfer(source: str, step: int, amount: int, key: int | None, capture: tuple[int, int] | None) -> Transfer:
        destination = ACCOUNTS[(ACCOUNTS.index(source) + step) % len(ACCOUNTS)]
        made = Transfer(
            real(source), real(destination), amount * UNIT, grant_key=None if key is None else f"{nonce}/{key}"
        )
        if capture is None or not holds:
            return made
        hold = holds[capture[0] % len(holds)]
        own = paper.holds[hold].account
        if capture[1] == 0 or own == made.destination:
            return replace(made, hold_id=hold)
        return replace(made, hold_id=hold, source=own)

    for kind, what in plan:
        expected: str | int | None = None
        actual: str | int | None = None
        if kind == "post":
            asked = [transfer(*each) for each in what]  # type: ignore[attr-defined]
            expected = paper.post(asked)
            actual = refusal_of(lambda asked=asked: books.post(*asked))
        elif kind == "hold":
            account, amount, hour = what  # type: ignore[misc]
            made = uuid4()
            expected = paper.hold(made, real(account), amount * UNIT)
            request = HoldRequest(made, real(account), amount * UNIT)
            until = None if hour is None else midnight + timedelta(hours=hour)
            actual = refusal_of(lambda request=request, until=until: books.hold(request, expires_at=until))
            if actual is None:
                holds.append(made)
                hours[made] = hour
        elif kind == "expire":
            past = [hold for hold, hour in hours.items() if hour is not None and hour < what]  # type: ignore[operator]
            expected = sum(paper.holds[hold].remaining > 0 for hold in past)
            with books.database.transaction() as db:
                actual = expire_holds(db, midnight + timedelta(hours=what), 100, "tester")  # type: ignore[arg-type]
            for hold in past:
                paper.release(hold)
        elif holds:
            made = holds[what % len(holds)]  # type: ignore[operator]
            paper.release(made)
            with books.database.transaction() as db:
                release_holds(db, [made], "tester")
        assert actual == expected, (kind, what)
        assert books.all_figures(addresses) == paper.figures()
    assert books.faults() == []


def refusal_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except refusals.LedgerRefusal as refusal:
        return refusal.code
    return None
