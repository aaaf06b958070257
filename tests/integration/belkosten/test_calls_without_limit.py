"""A municipality whose monthly credit has no limit: calls are held on the fund and paid by it, and no purse is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from belkosten import parameters, postings
from belkosten.actions import authorising, settling
from tests.integration.belkosten.call_desk import Desk, expire_holds, record


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (authorising, settling):
        monkeypatch.setattr(module, "call_policy_on", lambda day: replace(parameters.call_policy_on(day), credit=None))


def fund(desk: Desk) -> tuple[int, int]:
    """What is in the fund, and what of it is set apart."""
    return desk.town.house.balances()[postings.FUND]


def test_a_call_is_held_on_the_fund_and_takes_its_cost_from_it(desk: Desk, caller: str) -> None:
    before, _ = fund(desk)
    # 20 minutes at 0.23 are 4.60.
    assert desk.ask("c1", caller) == {"allowed": True, "maxSeconds": 1_200}
    assert fund(desk) == (before, 460)
    desk.tell(record("c1", caller, 90))
    assert (fund(desk), desk.clearing()) == ((before - 35, 0), 35)
    assert desk.purse(caller) == (1_000, 0)


def test_a_call_that_nobody_asked_for_or_whose_hold_expired_is_paid_by_the_fund_alone(desk: Desk, caller: str) -> None:
    before, _ = fund(desk)
    desk.ask("c1", caller)
    expire_holds(desk.town)
    desk.tell(record("c1", caller, 60), record("c2", caller, 120))
    # 60 seconds are 0.23, 120 are 0.46.
    assert (fund(desk), desk.clearing()) == ((before - 69, 0), 69)
    assert desk.paid("c2") == ("rated", 46, 0, 46)
    assert desk.purse(caller) == (1_000, 0)


def test_a_call_that_is_never_told_of_gives_everything_back_to_the_fund(desk: Desk, caller: str) -> None:
    before = fund(desk)
    desk.ask("c1", caller)
    expire_holds(desk.town)
    assert (fund(desk), desk.clearing()) == (before, 0)
