"""Whatever happens to a loan, in whatever order it becomes known: the loan, its instalments and the ledger agree."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.integration.sociaal_krediet.lending_town import Town

PRINCIPAL, MONTHS = 4_000, 4
MODES = st.sampled_from(["shorten", "lower"])
AMOUNTS = st.integers(1, 2_500)
BEGINNING = date(2026, 9, 1)


class LoanInTheLedger(RuleBasedStateMachine):
    """One loan of 40.00 in 4 months, in a town in which others went before it."""

    def __init__(self, town: Town, days: list[date]) -> None:
        super().__init__()
        self.town, self.days = town, days
        self.received = 0

    @property
    def today(self) -> date:
        return self.days[-1]

    @initialize()
    def lend(self) -> None:
        self.holder = self.town.holder(len(self.days))
        self.opened_on = self.today
        consent = {"consentGivenOn": self.today.isoformat()}
        self.loan = self.town.loan(self.holder, PRINCIPAL, MONTHS, **consent)

    @rule(days=st.integers(1, 70))
    def pass_days(self, days: int) -> None:
        self.days.append(self.today + timedelta(days=days))
        self.town.on(self.today.isoformat())

    @rule(amount=AMOUNTS, days_ago=st.integers(0, 60))
    def repay(self, amount: int, days_ago: int) -> None:
        on = max(self.opened_on, self.today - timedelta(days=days_ago))
        answer = self.town.repay(self.loan, amount, on.isoformat())
        assert answer["counted"] + answer["returned"] == amount
        self.received += amount

    @rule(amount=AMOUNTS, mode=MODES)
    def announce_an_early_repayment(self, amount: int, mode: str) -> None:
        self.ask("early-repayments", {"amount": amount, "mode": mode})

    @rule(months=st.integers(1, 24))
    def pause(self, months: int) -> None:
        self.ask("pauses", {"months": months, "reason": "Minder werk."})

    @rule(months=st.integers(1, 48))
    def reschedule(self, months: int) -> None:
        self.ask("reschedules", {"months": months, "reason": "Lager."})

    @rule(amount=AMOUNTS, mode=MODES)
    def remit(self, amount: int, mode: str) -> None:
        self.ask("remissions", {"amount": amount, "mode": mode, "reason": "JPF"})

    @rule(amount=AMOUNTS)
    def write_off(self, amount: int) -> None:
        self.ask("write-offs", {"amount": amount, "reason": "Komt niet meer binnen."})

    def ask(self, path: str, body: dict[str, Any]) -> None:
        """Ask for a change and have it confirmed where that takes two; a rule may say no."""
        asked = self.town.officer.post(f"/loans/{self.loan}/{path}", json=body)
        assert asked.status_code in (200, 201, 202, 409), asked.text
        if asked.status_code == 202:
            confirmation = f"/loans/{self.loan}/{path}/{asked.json()['id']}/confirmations"
            confirmed = self.town.second_officer.post(confirmation)
            assert confirmed.status_code == 200, confirmed.text
            assert confirmed.json()["outstanding"] == asked.json()["outstanding"]
        self.town.settle()

    @invariant()
    def everything_agrees(self) -> None:
        loan = self.town.get(f"/loans/{self.loan}")
        balances = self.town.balances()
        assert loan["problem"] is None
        assert sum(loan[name] for name in ("repaid", "outstanding", "remitted", "writtenOff")) == PRINCIPAL
        assert loan["outstanding"] == sum(one["amount"] - one["paid"] for one in loan["instalments"])
        assert loan["outstanding"] == -balances.get(f"loan:{self.loan}:outstanding", 0)
        # What came in is repaid or the borrower's own again, to the cent.
        assert self.received == loan["repaid"] + balances.get(f"holder:{self.holder}:krediet", 0)
        report = self.town.get("/portfolio")
        assert report["ledger"] == {"lent": balances.get("lent", 0), "onItsWay": 0, "difference": 0}
        versions = self.town.get(f"/loans/{self.loan}/schedules")["items"]
        assert [one["version"] for one in versions] == list(range(loan["scheduleVersion"], 0, -1))
        in_force = [(one["dueOn"], one["amount"]) for one in loan["instalments"]]
        assert [(one["dueOn"], one["amount"]) for one in versions[0]["instalments"]] == in_force

    def teardown(self) -> None:
        # The next loan begins on a later day, so that the business date never goes back.
        self.days.append(self.today + timedelta(days=1))
        self.town.on(self.today.isoformat())


def test_a_loan_its_instalments_and_the_ledger_agree_after_every_step(town: Town) -> None:
    days = [BEGINNING]
    run_state_machine_as_test(
        lambda: LoanInTheLedger(town, days),
        settings=settings(
            max_examples=8,
            stateful_step_count=10,
            deadline=None,
            # A smaller example would cost a whole run for each try; the steps that failed are printed as they were.
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    town.assert_agrees()
