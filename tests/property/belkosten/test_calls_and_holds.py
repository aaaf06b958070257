"""Questions, records and the end of holds in any order: no purse is overspent, nothing stays held, the sums agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.integration.belkosten.call_desk import (
    BANK,
    SHELTER,
    UNLISTED,
    Desk,
    as_csv,
    expire_holds,
    open_shared_town,
    record,
)
from tests.integration.belkosten.phone_town import Town
from tests.support.callers import Callers
from tests.support.databases import TestServer

MORNING = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
CALLS = st.integers(1, 5)
PEOPLE = st.integers(0, 1)
NUMBERS = st.sampled_from([BANK, BANK, SHELTER, UNLISTED])
SECONDS = st.one_of(st.integers(0, 300), st.integers(0, 5_000))


class CallsAndHolds(RuleBasedStateMachine):
    """Two people with 10.00 each, a provider of their own, and five calls that are asked, told and told again."""

    def __init__(self, town: Town) -> None:
        super().__init__()
        self.town = town

    @initialize()
    def enrol(self) -> None:
        self.desk = Desk(self.town)
        self.people = [self.town.enrol(), self.town.enrol()]

    @rule(call=CALLS, person=PEOPLE, number=NUMBERS)
    def ask(self, call: int, person: int, number: str) -> None:
        answer = self.desk.asked(f"c{call}", self.people[person], number)
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 200:
            assert answer.json()["allowed"] == (answer.json()["maxSeconds"] > 0)

    @rule(told=st.lists(st.tuples(CALLS, PEOPLE, NUMBERS, SECONDS), min_size=1, max_size=4))
    def tell(self, told: list[tuple[int, int, str, int]]) -> None:
        rows = [
            record(f"c{call}", self.people[person], seconds, number, (MORNING + timedelta(hours=call)).isoformat())
            for call, person, number, seconds in told
        ]
        assert self.desk.post(as_csv(*rows), "text/csv").status_code == 202

    @rule()
    def work(self) -> None:
        self.town.settle()

    @rule()
    def expire(self) -> None:
        expire_holds(self.town)

    @invariant()
    def no_purse_is_overspent(self) -> None:
        for balance, held in map(self.desk.purse, self.people):
            assert 0 <= held <= balance <= 1_000

    def teardown(self) -> None:
        self.town.settle()
        calls = self.desk.calls()
        # What is left is held for calls whose record never came.
        asked = self._held_for()
        assert asked.isdisjoint(str(one["id"]) for one in calls.values())
        expire_holds(self.town)
        assert [self.desk.purse(one)[1] for one in self.people] == [0, 0]
        assert all(one["state"] == "settled" for one in calls.values())
        assert sum(one["cost"] for one in calls.values()) == self.desk.clearing()
        for person in self.people:
            spent = sum(one["from_hold"] for one in calls.values() if one["participant_number"] == person)
            assert self.desk.purse(person) == (1_000 - spent, 0)

    def _held_for(self) -> set[str]:
        items: list[dict[str, Any]] = []
        for person in self.people:
            account = f"holder:{self.town.holder_of(person)}:belkosten"
            answer = self.town.wallet_auditor.get("/holds", params={"account": account, "state": "open"})
            items += answer.json()["items"]
        return {one["purpose"].removeprefix("call/") for one in items}


@pytest.fixture
def town(server: TestServer, callers: Callers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town where two numbers may be called, with enough in its fund for whoever calls too long."""
    with open_shared_town(server, callers, tmp_path_factory.mktemp("town")) as made:
        made.deposit(10_000_000)
        yield made


def test_in_any_order_nothing_is_overspent_and_nothing_stays_held(town: Town) -> None:
    run_state_machine_as_test(
        lambda: CallsAndHolds(town),
        settings=settings(
            max_examples=8,
            stateful_step_count=10,
            deadline=None,
            # A smaller example would cost a whole run for each try; the steps that failed are printed as they were.
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
