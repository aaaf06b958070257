"""The demo's interest-free loan: applied for by a helper, decided by an officer, paid out by finance, repaid in three ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
from schwifty import IBAN

from foundation.money import Cents, cents_of, euros
from stadsbeurs.people import SOCIAAL_KREDIET, WALLET, Person
from stadsbeurs.sample import Municipality
from stadsbeurs.story import Story, wait_until

FUND = "sociaal-krediet"
DEPOSIT = cents_of("25000.00")
PRINCIPAL, MONTHS = cents_of("1750.00"), 36
INSTALMENTS = [cents_of("48.61")] * 35 + [cents_of("48.65")]
RENT, POWER = cents_of("1250.00"), cents_of("500.00")
EARLY = cents_of("500.00")
AFTER_EARLY = [cents_of("48.61")] * 24 + [cents_of("34.75")]
"""SK-5: 1,701.39 less 500.00 is 1,201.39: 24 instalments as before, and a last one of 34.75."""
LEFT = Cents(sum(AFTER_EARLY))
RETURN_REASON = "AC04"
COOLING_OFF = timedelta(days=3)
WITHIN_S = 30.0


@dataclass
class Loan:
    """One loan of one resident, with two creditors."""

    municipality: Municipality
    loan_id: str = ""
    decided_on: date = date.min
    _figures: dict[str, str] = field(default_factory=dict)

    def lend(self) -> None:
        """Apply, decide and pay the creditors, each by somebody else."""
        with self._story.step("An interest-free loan: applied for, decided and paid out, each by somebody else"):
            self.municipality.fill_fund(FUND, "Sociaal krediet, leenfonds", DEPOSIT)
            self._apply_and_decide()
            self._pay_creditors()

    def repay(self) -> None:
        """Repay by bank transfer and iDEAL, remit the rest by two people, and hold all of it against the ledger."""
        with self._story.step("The loan is repaid by bank and iDEAL, the rest is remitted by two people"):
            self._pay_early()
            self._remit()
            self._check_portfolio()

    def figures(self) -> dict[str, str]:
        """What the summary shows of it."""
        return self._figures

    # Lending

    def _apply_and_decide(self) -> None:
        self.decided_on = self.municipality.last_day
        creditors = [
            {"name": "Woonbedrijf De Sleutel", "iban": _iban(1), "reference": "Huur september", "amount": RENT},
            {"name": "Energie Drechtsteden", "iban": _iban(2), "reference": "Klant 884211", "amount": POWER},
        ]
        body = {
            "holderId": self._holder,
            "household": {"size": 1, "members": [self._holder]},
            "kind": "loan",
            "amount": PRINCIPAL,
            "months": MONTHS,
            "acuteNeed": "Ontruiming en afsluiting dreigen deze maand.",
            "perspective": "Met de vaste lasten op orde begint de opleiding in november.",
            "consentGivenOn": self.decided_on.isoformat(),
            "creditors": creditors,
        }
        asked = self._helper.post(f"{SOCIAAL_KREDIET}/applications", "sample-application", body)
        decision = {"outcome": "loan", "product": "leenbijstand", "reason": "De nood is acuut; dit houdt de woning."}
        address = f"{SOCIAAL_KREDIET}/applications/{asked['id']}/decisions"
        self.loan_id = self.municipality.caseworker.post(address, "sample-decision", decision)["loanId"]
        wait_until("the wallet has lent it", lambda: bool(self._loan()["bookedOn"]), WITHIN_S)
        loan = self._loan()
        amounts = [one["amount"] for one in loan["instalments"]]
        what = f"€ {euros(PRINCIPAL)} in {MONTHS} instalments: 35 × € 48,61 and € 48,65"
        self._story.check(what, INSTALMENTS, amounts)
        lent = self.municipality.auditor.get(f"{WALLET}/accounts/lent:{FUND}")["balance"]
        self._story.check(f"the ledger has lent € {euros(PRINCIPAL)}", PRINCIPAL, lent)

    def _pay_creditors(self) -> None:
        """By a batch of purse `krediet`; the bank gives one payment back, and an instalment comes in with it."""
        self.municipality.today(self.decided_on + COOLING_OFF)
        batch = self.municipality.pay_out("krediet")
        self._story.check("one batch pays both creditors", (2, PRINCIPAL), (batch["lines"], batch["total"]))
        self._import_statement(batch["id"])

    def _import_statement(self, batch: str) -> None:
        loan = self._loan()
        due = date.fromisoformat(loan["firstDueOn"])
        self.municipality.today(due)
        returned = loan["creditors"][1]
        body = {
            "batchId": batch,
            "returns": [{"payee": returned["payeeId"], "reason": RETURN_REASON}],
            "receipts": [{"reference": loan["rfReference"], "amount": INSTALMENTS[0], "bookedOn": due.isoformat()}],
        }
        maker = self.municipality.finance_maker
        statement = maker.order(f"{WALLET}/stand-in-bank/statements", "sample-loan-statement", body)
        maker.upload(f"{WALLET}/bank-messages", "sample-loan-statement-read", statement, "application/xml")
        told = f"the first instalment came in under {loan['rfReference']}"
        wait_until(told, lambda: self._loan()["repaid"] == INSTALMENTS[0], WITHIN_S)
        wait_until("the returned payment is known", lambda: self._states() == ["settled", "returned"], WITHIN_S)
        self._story.check(told, "paid", self._loan()["instalments"][0]["state"])
        tasks = self.municipality.caseworker.get(f"{SOCIAAL_KREDIET}/tasks")["items"]
        what = (
            f"{returned['name']}: € {euros(returned['amount'])} came back, and a caseworker looks for the right account"
        )
        self._story.check(what, ["disbursementReturned"], [one["kind"] for one in tasks])

    def _states(self) -> list[str]:
        return [one["state"] for one in self._loan()["creditors"]]

    # Repaying

    def _pay_early(self) -> None:
        """With iDEAL, on the page of the stand-in of Stripe, which tells of it in signed events."""
        address = f"{SOCIAAL_KREDIET}/loans/{self.loan_id}/payments"
        page = self._resident.post(address, "sample-ideal", {"amount": EARLY})
        paid = httpx.post(page["url"], data={"act": "pay", "method": "ideal"}, timeout=10.0)
        self._story.check(
            "the page of the stand-in takes the payment and sends the resident back", 303, paid.status_code
        )
        wait_until("Stripe told of the payment", lambda: self._loan()["outstanding"] == LEFT, WITHIN_S)
        open_ = [one["amount"] for one in self._loan()["instalments"] if one["state"] == "open"]
        what = f"€ {euros(EARLY)} paid early with iDEAL leaves 24 × € 48,61 and € 34,75"
        self._story.check(what, AFTER_EARLY, open_)
        self._figures["repaid on a loan"] = f"€ {euros(self._loan()['repaid'])}"

    def _remit(self) -> None:
        remissions = f"{SOCIAAL_KREDIET}/loans/{self.loan_id}/remissions"
        body = {"ground": "counterPerformance", "reason": "Tegenprestatie geleverd: opleiding afgerond."}
        proposed = self.municipality.caseworker.post(remissions, "sample-remission", body)
        self._story.check("the rest is proposed to be remitted", "proposed", proposed["state"])
        address = f"{remissions}/{proposed['id']}/confirmations"
        done = self.municipality.second_caseworker.post(address, "sample-remission-confirmed")
        self._story.check(f"a second caseworker remits € {euros(LEFT)}", 0, done["outstanding"])
        letter = self._resident.fetch(f"{SOCIAAL_KREDIET}/loans/{self.loan_id}/settlement-letter").content
        self._story.check("the resident has a letter that nothing is owed any more", b"%PDF", letter[:4])
        self._figures["remitted on a loan"] = f"€ {euros(LEFT)}"

    def _check_portfolio(self) -> None:
        def report() -> Any:
            return self.municipality.auditor.get(f"{SOCIAAL_KREDIET}/portfolio")

        wait_until("the wallet has booked all of it", lambda: report()["ledger"]["onItsWay"] == 0, WITHIN_S)
        found = report()
        names = ("principal", "repaid", "remitted", "writtenOff", "outstanding")
        expected = dict(zip(names, (PRINCIPAL, PRINCIPAL - LEFT, LEFT, 0, 0), strict=True))
        self._story.check("principal = repaid + remitted", expected, {name: found[name] for name in names})
        self._story.check(
            "the portfolio ties to the ledger", (0, 0), (found["ledger"]["lent"], found["ledger"]["difference"])
        )

    def _loan(self) -> Any:
        return self.municipality.auditor.get(f"{SOCIAAL_KREDIET}/loans/{self.loan_id}")

    @property
    def _helper(self) -> Person:
        return self.municipality.people.person("helper")

    @property
    def _resident(self) -> Person:
        return self.municipality.people.person("pass-holder", "borrower", holder=self._holder)

    @property
    def _holder(self) -> str:
        return self.municipality.holder_ids[min(self.municipality.holder_ids)]

    @property
    def _story(self) -> Story:
        return self.municipality.story


def _iban(number: int) -> str:
    return str(IBAN.generate("NL", bank_code="TRIO", account_code=f"{880000 + number:010d}"))
