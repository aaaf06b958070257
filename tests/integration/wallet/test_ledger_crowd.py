"""Everybody at once, over real connections, on accounts that overlap: nothing is lost, and nobody waits in a ring."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from foundation.database import is_retried
from foundation.refusals import Refusal
from tests.integration.wallet.bulk_house import CHUCK, MARA, BulkHouse
from tests.integration.wallet.ledger_books import BANK, FUND, OUTGOING
from tests.integration.wallet.ledger_periods import Periods
from tests.support.databases import ServiceDatabase
from wallet.ledger.actions import HoldRequest, Transfer, open_holds, post, release_holds
from wallet.ledger.corrections import actions as corrections
from wallet.ledger.corrections.schemas import ReversalIn

JULY, OCTOBER = date(2026, 7, 10), date(2026, 10, 5)
CROWD, ROUNDS = 5, 40
# What a rule may say when others were first; anything else is a fault.
MAY_BE_REFUSED = {
    "tooLittle",
    "periodClosed",
    "holdNotOpen",
    "holdTooSmall",
    "reversedAlready",
    "overReversal",
    "notSealed",
}


class Crowd:
    """The shared books, and what everybody saw happen: each success is told here, and the sum must be the books."""

    def __init__(self, house: BulkHouse) -> None:
        self.house = house
        self.purses = [f"{owner}:vrij" for owner in house.holders(6)] + [f"{house.holder()}:burgerbaan"]
        self._lock = threading.Lock()
        self.moved: Counter[str] = Counter()
        self.taken_back: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.transfers: list[tuple[str, Transfer]] = []
        self.holds: list[tuple[UUID, str]] = []

    def told(self, transfers: list[Transfer], ids: list[str] | None = None) -> None:
        with self._lock:
            for each in transfers:
                self.moved[each.source] -= each.amount
                self.moved[each.destination] += each.amount
            if ids is not None:
                self.transfers += zip(ids, transfers, strict=True)

    def one(self, chosen: random.Random) -> None:
        """Do one thing that somebody might do, and count how it ended."""
        act: Callable[[random.Random], str] = chosen.choice(
            [self._post, self._post, self._hold, self._capture, self._release, self._reverse]
        )
        try:
            ended = act(chosen)
        except Refusal as refusal:
            ended = refusal.errors[0].code
        with self._lock:
            self.ended[ended] += 1

    def _post(self, chosen: random.Random) -> str:
        accounts = chosen.sample([FUND, OUTGOING, *self.purses], chosen.randint(2, 6))
        # A ring through the accounts: each is both paid and paying, in an order of its own.
        transfers = [
            Transfer(source, destination, chosen.randint(1, 300))
            for source, destination in zip(accounts, accounts[1:] + accounts[:1], strict=True)
        ]
        day = chosen.choice([JULY, OCTOBER, OCTOBER])
        posted = self.house.database.run(
            lambda db: post(db, kind="crowd", value_date=day, actor="crowd", transfers=transfers)
        )
        self.told(transfers, posted.transfer_ids)
        return "posted"

    def _hold(self, chosen: random.Random) -> str:
        requests = [
            HoldRequest(uuid4(), account, chosen.randint(1, 300))
            for account in chosen.sample([FUND, *self.purses], chosen.randint(1, 4))
        ]
        self.house.database.run(lambda db: open_holds(db, requests, "crowd", "crowd"))
        with self._lock:
            self.holds += [(request.id, request.account) for request in requests]
        return "held"

    def _some_hold(self, chosen: random.Random) -> tuple[UUID, str] | None:
        with self._lock:
            return chosen.choice(self.holds) if self.holds else None

    def _capture(self, chosen: random.Random) -> str:
        found = self._some_hold(chosen)
        if found is None:
            return "nothing to do"
        hold, account = found
        transfers = [Transfer(account, OUTGOING, chosen.randint(1, 100), hold_id=hold)]
        self.house.database.run(
            lambda db: post(db, kind="crowd", value_date=OCTOBER, actor="crowd", transfers=transfers)
        )
        self.told(transfers)
        return "captured"

    def _release(self, chosen: random.Random) -> str:
        with self._lock:
            some = [hold for hold, _ in chosen.sample(self.holds, min(3, len(self.holds)))]
        self.house.database.run(lambda db: release_holds(db, some, "crowd"))
        return "released"

    def _reverse(self, chosen: random.Random) -> str:
        with self._lock:
            # The first few are everybody's: most are reversed by several at once.
            found = chosen.choice(self.transfers[:12]) if self.transfers else None
        if found is None:
            return "nothing to do"
        transfer_id, original = found
        asked = ReversalIn(amount=chosen.choice([1, original.amount // 2 + 1, original.amount]), reason="dubbel")
        database = self.house.database
        proposal = database.run(lambda db: corrections.propose_reversal(db, transfer_id, asked, MARA).id)
        database.run(lambda db: corrections.confirm_reversal(db, proposal, CHUCK))
        assert asked.amount is not None
        self.told([Transfer(original.destination, original.source, asked.amount)])
        with self._lock:
            self.taken_back[transfer_id] += asked.amount
        return "reversed"


@pytest.fixture
def house(wallet_db: ServiceDatabase) -> BulkHouse:
    return BulkHouse(wallet_db.database, deposit=0)


def every(threads: list[Callable[[], Any]]) -> Iterator[Any]:
    """Run all of these at once, and raise what any of them raised."""
    together = threading.Barrier(len(threads))

    def run(act: Callable[[], Any]) -> Any:
        together.wait()
        return act()

    with ThreadPoolExecutor(len(threads)) as pool:
        yield from [future.result() for future in [pool.submit(run, act) for act in threads]]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_crowd_a_batch_a_sealer_and_a_close_at_once_leave_exact_books(
    house: BulkHouse, wallet_db: ServiceDatabase, tmp_path: Path, today: Callable[[str], None], seed: int
) -> None:
    today("2026-10-05")
    crowd = Crowd(house)
    periods = Periods(house, tmp_path, today)
    opening = [Transfer(BANK, FUND, 1_000_000), *(Transfer(FUND, purse, 5_000) for purse in crowd.purses)]
    for each in opening:
        posted = house.post(each, value_date=JULY)
        crowd.told([each], posted.transfer_ids if each.source == FUND else None)
    lines = [(crowd.purses[number % 7], 10 + number, f"batch/{number}") for number in range(60)]
    batch_id = house.approved(lines, value_date=OCTOBER, chunk_lines=5)
    going = threading.Event()

    def wander(number: int) -> None:
        chosen = random.Random(1_000 * seed + number)
        for _ in range(ROUNDS):
            crowd.one(chosen)

    def seal() -> None:
        while not going.is_set():
            periods.seal()
            going.wait(0.02)

    def close() -> bool:
        proposal = periods.propose("2026-07")
        while not going.is_set():
            try:
                periods.confirm("2026-07", proposal)
            except Refusal as refusal:
                assert refusal.errors[0].code == "notSealed"
                going.wait(0.02)
            except DBAPIError as error:
                # Somebody posted in July at each of its tries, which is what the crowd is for.
                assert is_retried(error)
                going.wait(0.02)
            else:
                return True
        return False

    def work() -> None:
        # Two workers on one batch: each chunk is posted by one of them.
        house.work()

    def wander_all() -> None:
        try:
            list(every([lambda number=number: wander(number) for number in range(CROWD)]))  # type: ignore[misc]
        finally:
            going.set()

    ended = list(every([wander_all, seal, close, work, work]))
    house.work()
    if not ended[2]:
        periods.close("2026-07")

    batch = house.batch(batch_id)
    paid = [(destination, amount) for _, destination, amount, *_ in house.entries(batch_id)]
    crowd.told([Transfer(FUND, destination, amount) for destination, amount in paid])
    assert (batch.state, batch.posted_total) == ("posted", sum(amount for _, amount in paid))
    assert {account: posted for account, (posted, _) in house.all_figures([*crowd.moved]).items()} == dict(crowd.moved)
    assert sum(crowd.moved.values()) == 0
    assert crowd.ended.total() == CROWD * ROUNDS
    assert set(crowd.ended) - MAY_BE_REFUSED <= {"posted", "held", "captured", "released", "reversed", "nothing to do"}
    assert min(crowd.ended[what] for what in ("posted", "held", "released")) > 0
    amounts = dict(crowd.transfers)
    assert {each: taken for each, taken in crowd.taken_back.items() if taken > amounts[each].amount} == {}
    assert house.faults() == []
    periods.seal()
    assert periods.verify(wallet_db.url_of("wallet_auditor")).as_lines()[-1] == "0 differences"
    assert deadlocks(wallet_db) == 0


def deadlocks(made: ServiceDatabase) -> int:
    """Give how often the server had to break a ring; what sessions counted is told when they end."""
    made.database.close()
    with psycopg.connect(made.superuser_url, autocommit=True) as db:
        db.execute("SELECT pg_stat_force_next_flush()")
        found = db.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = %s", (made.name,)).fetchall()
    return int(found[0][0])
