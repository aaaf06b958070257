"""Settling that dies after any of its requests: what was done stays done, and each call is paid once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from belkosten import tasks
from foundation import outbox
from foundation.outbox import DeliveryFailed
from tests.integration.belkosten.call_desk import Desk, as_csv, expire_holds, record
from tests.integration.belkosten.phone_town import Town
from wallet_contract.client import WalletClient


class UnheardWallet:
    """The real wallet, of which no answer is heard any more after some: it did what was asked, and nobody knows."""

    def __init__(self, wallet: WalletClient, answers: int) -> None:
        self._wallet, self._answers = wallet, answers

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._wallet, name)

        def done(*arguments: Any, **named: Any) -> Any:
            answer = act(*arguments, **named)
            self._answers -= 1
            if self._answers < 0:
                raise DeliveryFailed("nobody heard the answer")
            return answer

        return done


def deliver_what_is_due(town: Town, wallet: Any) -> None:
    """Have every message delivered once; one that failed is due again at once."""
    handlers = tasks.handlers(wallet, lambda: town.database)
    for message in outbox.due(town.database):
        outbox.deliver_one(town.database, handlers, message)
    with town.database.transaction() as db:
        db.execute(text("UPDATE outbox SET next_at = created_at WHERE state = 'pending'"))


@pytest.mark.parametrize("answers", range(6))
def test_a_settlement_that_dies_after_any_request_pays_each_call_once(desk: Desk, answers: int) -> None:
    town = desk.town
    held, late, unasked = (town.enrol() for _ in range(3))
    desk.ask("late", late)
    expire_holds(town)
    desk.ask("held", held)
    rows = [record("held", held, 90), record("late", late, 60), record("unasked", unasked, 3_600)]
    assert desk.post(as_csv(*rows), "text/csv").status_code == 202
    tasks.do_jobs(town.database, town.wallet, lambda: None)
    # Together they are refused, since one hold is gone. Then one by one: one request for the call whose hold is there, and
    # two for each of the others, from the purse and then from wherever it is paid.
    deliver_what_is_due(town, UnheardWallet(town.wallet, answers))
    waiting = [one for one in desk.calls().values() if one["state"] == "waiting"]
    assert len(waiting) == {0: 3, 1: 2, 2: 2, 3: 1, 4: 1, 5: 0}[answers]
    town.settle()
    assert desk.paid("held") == ("rated", 35, 35, 0)
    assert desk.paid("late") == ("rated", 23, 23, 0)
    assert desk.paid("unasked") == ("rated", 1_380, 1_000, 380)
    assert [desk.purse(one) for one in (held, late, unasked)] == [(965, 0), (977, 0), (0, 0)]
    assert desk.clearing() == 35 + 23 + 1_380
