"""The demo's call costs: twelve people call free of charge, and the provider's bill with all its faults is held against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from schwifty import IBAN

from foundation.money import cents_of, euros
from foundation.periods import Month
from stadsbeurs import house
from stadsbeurs.installation import Installation
from stadsbeurs.people import BELKOSTEN, WALLET, Person
from stadsbeurs.sample import Municipality
from stadsbeurs.story import Story, wait_until

FUND = PURSE = "belkosten"
DEPOSIT = cents_of("2500.00")
PROVIDER = "telecom-stand-in"
CREDIT = cents_of("10.00")
CALLERS = 12
NUMBERS = """number;organisation;category;from
+31881234567;Kredietbank Nederland;kredietbank;2026-01-01
+31787708905;Gemeente Dordrecht;overheid;2026-01-01
+31786206666;Woonbron;woningcorporatie;2026-01-01
"""
DIALLED = ("+31881234567", "+31787708905", "+31786206666")
SECONDS = 90
COST = 35
"""90 seconds at 0.23 a minute: 34.5 cents, half up."""
LEFT = CREDIT - 3 * COST
SIM_MONTH = cents_of("10.00")
FAULTS = 2
"""Of each kind: a price that differs, somebody who is not registered, a call billed twice, a call that was never made."""
OWED = (3 * CALLERS - 2 * FAULTS) * COST
"""A wrong price and a wrong person take the line of a call away; a call billed twice is owed once, one never made not at all."""
COOLING_OFF = timedelta(days=3)
WITHIN_S = 30.0
# 10,900 a year and 7,500 once over 700 users; 10.00 a month; 10.00 at 0.23 a minute.
COMPARED = {
    "belapp": {"perUserYear": 1557, "oneOffPerUser": 1071, "firstYearPerUser": 2629},
    "sim-only": {"perUserYear": 12000, "yearly": 8_400_000},
    "prepaid": {"minutesForTenEuro": 43},
}


def stand_in_of(installation: Installation) -> str:
    """Give the address of the telephone provider that stands in, in a house that runs."""
    return f"http://127.0.0.1:{house.Plan.of(installation.plan()).ports[house.TELECOM_STAND_IN]}"


@dataclass
class Calling:
    """Twelve people with the belapp and one with a SIM card, and a month of calls."""

    municipality: Municipality
    provider: str
    """Where the provider's stand-in answers."""
    _callers: list[str] = field(default_factory=list)
    _month: Month = field(default_factory=lambda: Month(1, 1))
    _figures: dict[str, str] = field(default_factory=dict)

    def call(self) -> None:
        """Enrol people, credit them, and have them call: each call is held before it and charged to the cent after it."""
        with self._story.step(
            "People call free of charge: enrolled, credited, held before a call and charged after it"
        ):
            self.municipality.fill_fund(FUND, "Belkosten", DEPOSIT)
            self._register_provider()
            self._approve_numbers()
            self._enrol()
            self._make_calls()
            self._tell_of_calls()
            self._look_as_a_caller()

    def settle_bill(self) -> None:
        """Hold the bill against the calls, pay what is right, and say what the month came to."""
        with self._story.step("The provider's bill is held against every call; only what is right is paid"):
            self._check_bill()
            self._pay()
            self._look_at_the_month()

    def figures(self) -> dict[str, str]:
        """What the summary shows of it."""
        return self._figures

    # Calling

    def _register_provider(self) -> None:
        iban = str(IBAN.generate("NL", bank_code="RABO", account_code="0777000001"))
        body = {"organisation": PROVIDER, "name": "Bel & Co", "offers": ["calls", "sim"], "iban": iban}
        made = self.municipality.caseworker.post(f"{BELKOSTEN}/providers", "sample-telecom", body)
        confirmed = {"ibanIds": [made["ibanId"]]}
        self.municipality.second_caseworker.post(f"{WALLET}/iban-confirmations", "sample-telecom-iban", confirmed)

    def _approve_numbers(self) -> None:
        officer, batches = self.municipality.caseworker, f"{BELKOSTEN}/numbers/batches"
        sent = officer.upload(batches, "sample-numbers", NUMBERS.encode(), "text/csv")
        found = self._finished(officer, f"{batches}/{sent['id']}")
        self._story.check("3 numbers may be called", ("imported", 3), (found["state"], found["accepted"]))

    def _enrol(self) -> None:
        self._month = Month.of(self.municipality.last_day)
        holders = [self.municipality.holder_ids[number] for number in sorted(self.municipality.holder_ids)]
        wanted = [(holder, "belapp") for holder in holders[1 : CALLERS + 1]] + [(holders[CALLERS + 1], "sim-only")]
        numbers = self._story.for_each("people enrolled", wanted, self._enrol_one)
        self._callers = numbers[:CALLERS]
        first = f"{BELKOSTEN}/participants/{self._callers[0]}"

        def is_credited() -> bool:
            month = self._officer.get(f"{BELKOSTEN}/credit-months/{self._month}")
            return bool(month["booked"] == CALLERS * CREDIT)

        wait_until("everybody has their credit", is_credited, WITHIN_S)
        found = self._officer.get(first)
        what = f"each has € {euros(CREDIT)}: 43 whole minutes"
        self._story.check(what, (CREDIT, 43), (found["creditLeft"], found["minutesLeft"]))

    def _enrol_one(self, wanted: tuple[str, str]) -> str:
        holder, product = wanted
        day = self.municipality.last_day.isoformat()
        body = {
            "holderId": holder,
            "product": product,
            "ground": "minimapas",
            "from": day,
            "neighbourhood": "Crabbehof",
        }
        helper = self.municipality.people.person("helper")
        return str(helper.post(f"{BELKOSTEN}/participants", f"sample-calling-{holder}", body)["number"])

    def _make_calls(self) -> None:
        calls = [(caller, dialled) for caller in self._callers for dialled in DIALLED]
        made = self._story.for_each("calls made", calls, self._make_call)
        allowed = {(call["allowed"], call["seconds"]) for call in made}
        self._story.check(f"{len(calls)} calls are allowed and last {SECONDS} seconds", {(True, SECONDS)}, allowed)
        refused = self._make_call((self._callers[0], "+31900123456"))
        what = "a call to a number that is not on the list is refused"
        self._story.check(what, (False, "numberNotApproved"), (refused["allowed"], refused["reason"]))

    def _make_call(self, call: tuple[str, str]) -> Any:
        caller, dialled = call
        return self._ask("/calls", {"participantNumber": caller, "calledNumber": dialled, "seconds": SECONDS})

    def _tell_of_calls(self) -> None:
        """Some records go out twice, some late; in the end all are there once."""
        first = self._ask("/record-batches", {"late": 4, "twice": 3})
        second = self._ask("/record-batches", {"twice": 2})
        for batch in (first, second):
            self._wait_for_records(batch["batchId"])
        made = len(first["sent"]) + len(second["sent"])
        self._story.check("every call is told of, some late and some twice", 3 * CALLERS, made)

        def clearing() -> Any:
            return self._auditor.get(f"{WALLET}/accounts/clearing:{PURSE}")["balance"]

        total = 3 * CALLERS * COST
        wait_until("every call is charged", lambda: clearing() == total, WITHIN_S)
        what = f"{3 * CALLERS} calls cost € {euros(total)}, which waits for the bill"
        self._story.check(what, total, clearing())

    def _wait_for_records(self, batch: str) -> None:
        def is_done() -> bool:
            answer = httpx.get(f"{self.provider}/record-batches/{batch}", timeout=10.0)
            return bool(answer.json()["state"] != "processing")

        wait_until("the records are worked through", is_done, WITHIN_S)

    def _look_as_a_caller(self) -> None:
        number = self._callers[0]
        holder = self._officer.get(f"{BELKOSTEN}/participants/{number}")["holderId"]
        resident = self.municipality.people.person("pass-holder", "caller", holder=holder)
        [purse] = [one for one in resident.get(f"{WALLET}/holders/{holder}/purses")["items"] if one["purse"] == PURSE]
        what = f"three calls later € {euros(LEFT)} is left, and nothing is held any more"
        self._story.check(what, (LEFT, 0), (purse["balance"], purse["held"]))
        listed = resident.get(f"{WALLET}/holders/{holder}/transactions", purse=PURSE)["items"]
        told = [(one["kind"], one["amount"]) for one in listed]
        self._story.check("they see one total of the month, never a list of calls", [("calls", -3 * COST)], told[:-1])

    # The bill

    def _check_bill(self) -> None:
        address = f"{self.provider}/invoices/{self._month}"
        asked = {"faults": str(FAULTS)}
        bill = httpx.get(address, params=asked, timeout=10.0).content
        manifest = httpx.get(f"{address}/faults", params=asked, timeout=10.0).json()
        maker, invoices = self.municipality.finance_maker, f"{BELKOSTEN}/invoices"
        sent = maker.upload(invoices, "sample-telecom-bill", bill, "text/csv", provider=PROVIDER)
        found = self._finished(maker, f"{invoices}/{sent['id']}")
        planted = sorted((fault["row"], fault["code"], fault["amount"]) for fault in manifest["faults"])
        told = sorted((one["row"], one["code"], one["amount"]) for one in found["differences"])
        self._story.check(f"all {len(planted)} planted faults are found, none invented", planted, told)
        what = f"{found['matched']} of {found['lines']} lines are right: € {euros(OWED)} is approved"
        self._story.check(what, (OWED, manifest["owed"]), (found["approvedTotal"], found["approvedTotal"]))
        self._figures["calls billed and paid"] = f"€ {euros(OWED)}"
        wait_until("the provider is owed it", lambda: maker.get(f"{invoices}/{sent['id']}")["booked"], WITHIN_S)

    def _pay(self) -> None:
        self.municipality.today(self.municipality.last_day + COOLING_OFF)
        batch = self.municipality.pay_out(PURSE)
        total = OWED + SIM_MONTH
        what = f"one payment to the provider: the calls and one month of a SIM card, € {euros(total)}"
        self._story.check(what, (1, total), (batch["lines"], batch["total"]))

    def _look_at_the_month(self) -> None:
        usage = self._officer.get(f"{BELKOSTEN}/usage", month=str(self._month))
        expected = (CALLERS, CALLERS, 3 * CALLERS * SECONDS, 3 * CALLERS * COST)
        found = tuple(usage[name] for name in ("participants", "activeUsers", "seconds", "cost"))
        self._story.check(f"the month: {CALLERS} people called {3 * CALLERS * SECONDS // 60} minutes", expected, found)
        compared = self._officer.post(f"{BELKOSTEN}/cost-comparisons", "sample-comparison", {"users": 700})
        options = {one["product"]: one for one in compared["options"]}
        for product, figures in COMPARED.items():
            found_there = {name: options[product][name] for name in figures}
            self._story.check(f"{product} for 700 users costs what the source says", figures, found_there)

    def _finished(self, who: Person, address: str) -> Any:
        wait_until("the file is worked through", lambda: who.get(address)["state"] != "processing", WITHIN_S)
        return who.get(address)

    def _ask(self, path: str, body: Any) -> Any:
        answer = httpx.post(f"{self.provider}{path}", json=body, timeout=30.0)
        answer.raise_for_status()
        return answer.json()

    @property
    def _officer(self) -> Person:
        return self.municipality.caseworker

    @property
    def _auditor(self) -> Person:
        return self.municipality.auditor

    @property
    def _story(self) -> Story:
        return self.municipality.story
