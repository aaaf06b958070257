"""The sample municipality, brought in as its own people would: enrolments, two quarters of hours, two closings.

`stadsbeurs up` loads it at the first start (`load`); `make demo` tells the same steps and goes on to the bank. Every
write has an idempotency key that follows from the sample, so that loading it once more changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from foundation.money import cents_of, euros
from foundation.periods import Quarter
from foundation.target_days import next_target_day
from stadsbeurs import business_date
from stadsbeurs.accounts import write_private
from stadsbeurs.installation import Installation
from stadsbeurs.mistakes import Mistake
from stadsbeurs.people import BURGERBUDGET, WALLET, People, Person
from stadsbeurs.sample_data import HoursFile, Sample, SampleOrganisation, SampleParticipant
from stadsbeurs.story import Story, differences, wait_until

ENROLMENT_DAY = date(2026, 6, 25)
"""After the last enrolment in the sample, and long enough before the first payout for every IBAN to cool off."""
FUND = "burgerbudget"
DEPOSIT = cents_of("1000000.00")
IBANS_AT_ONCE = 100
FILE_WITHIN_S = 60.0
CLOSING_WITHIN_S = 120.0
POSTED_WITHIN_S = 120.0
LOOK_EVERY_S = 0.03
"""For what is normally there at once; the longer waits look less often."""
STEPS = 4


def load(installation: Installation, address: str) -> None:
    """Load the sample through the gateway at `address`. Raises `Mistake` when it fails or a figure is not as expected.

    A business date that somebody had set is in force again afterwards; else it stays at the last day of the sample.
    """
    story = Story(STEPS)
    with People(address, installation.keys) as people, _date_kept(installation):
        municipality = Municipality(story, people, installation)
        municipality.enrol()
        for quarter in municipality.sample.quarters:
            municipality.work_through(quarter)
        municipality.compare()
    story.require_all_ok()


@dataclass
class Municipality:
    """The sample municipality at work; what it was given back is kept for the steps that follow."""

    story: Story
    people: People
    installation: Installation
    sample: Sample = field(default_factory=Sample)
    holder_ids: dict[str, str] = field(default_factory=dict)
    """The wallet's id of each person, by participant number."""
    organisation_ids: dict[str, str] = field(default_factory=dict)
    """The id of each organisation, by its code."""
    last_day: date = ENROLMENT_DAY
    _figures: dict[str, str] = field(default_factory=dict)

    @property
    def caseworker(self) -> Person:
        return self.people.person("caseworker")

    @property
    def second_caseworker(self) -> Person:
        return self.people.person("caseworker", "second-caseworker")

    @property
    def finance_maker(self) -> Person:
        return self.people.person("finance-maker")

    @property
    def finance_checker(self) -> Person:
        return self.people.person("finance-checker")

    @property
    def auditor(self) -> Person:
        return self.people.person("auditor")

    def figures(self) -> dict[str, str]:
        """What a summary shows of it."""
        enrolled = {
            "organisations": str(len(self.sample.organisations)),
            "participants": str(len(self.sample.participants)),
            "put in the fund": f"€ {euros(DEPOSIT)}",
        }
        return {**enrolled, **self._figures}

    def today(self, day: date) -> None:
        """Move the business date of the whole house."""
        business_date.write(self.installation.business_date_file, day)
        self.last_day = day
        self.story.tell(f"the business date is {day}")

    def fill_fund(self, code: str, name: str, amount: int, asset: str = "EUR") -> None:
        """Open a fund and have two people put an amount in, in its smallest unit."""
        self.finance_maker.post(f"{WALLET}/funds", f"sample-{code}", {"code": code, "name": name, "asset": asset})
        deposit = {"amount": amount, "reference": "begroting-2026", "reason": f"Begroting 2026, {name}"}
        proposed = self.finance_maker.post(f"{WALLET}/funds/{code}/deposits", f"sample-{code}-deposit", deposit)
        confirmations = f"{WALLET}/funds/{code}/deposits/{proposed['id']}/confirmations"
        self.finance_checker.post(confirmations, f"sample-{code}-confirmed")

    def pay_out(self, purse: str) -> Any:
        """Pay all that is due out of one kind of purse on the next TARGET day: one person makes the batch, another approves."""
        body = {"purse": purse, "executeOn": next_target_day(self.last_day).isoformat()}
        batch = self.finance_maker.post(f"{WALLET}/payout-batches", f"sample-{purse}-payout", body)
        address, key = f"{WALLET}/payout-batches/{batch['id']}", f"sample-{purse}-payout"
        submitted = self.finance_maker.post(f"{address}/submissions", f"{key}-submitted")
        hash_ = {"contentHash": submitted["contentHash"]}
        self.finance_checker.post(f"{address}/approvals", f"{key}-approved", hash_)
        self.finance_maker.post(f"{address}/sendings", f"{key}-sent", {"channel": "sepa"})
        return batch

    # Step 1: money in the fund, and people who take part

    def enrol(self) -> None:
        """Fill the fund with two people, and enrol everybody with the IBANs confirmed by a second caseworker."""
        with self.story.step("The fund is filled, organisations and participants are enrolled"):
            self.today(ENROLMENT_DAY)
            self._fill_fund()
            iban_ids = self._register_holders()
            self._confirm_ibans(iban_ids)
            organisations = self.sample.organisations
            ids = self.story.for_each("organisations registered", organisations, self._register_organisation)
            self.organisation_ids = {one.code: id_ for one, id_ in zip(organisations, ids, strict=True)}
            self.story.for_each("participants enrolled", self.sample.participants, self._enrol)

    def _fill_fund(self) -> None:
        self.fill_fund(FUND, "Burgerbudget", DEPOSIT)
        self.story.tell(f"fund {FUND}: € {euros(DEPOSIT)} proposed by finance-maker, confirmed by finance-checker")

    def _register_holders(self) -> list[str]:
        participants = self.sample.participants
        registered = self.story.for_each("holders registered", participants, self._register_holder)
        self.holder_ids = {one.number: answer["id"] for one, answer in zip(participants, registered, strict=True)}
        return [answer["ibanId"] for answer in registered]

    def _register_holder(self, one: SampleParticipant) -> Any:
        return self.caseworker.post(f"{WALLET}/holders", f"sample-holder-{one.number}", one.as_holder())

    def _confirm_ibans(self, iban_ids: list[str]) -> None:
        confirmed, refused = 0, []
        for start in range(0, len(iban_ids), IBANS_AT_ONCE):
            body = {"ibanIds": iban_ids[start : start + IBANS_AT_ONCE]}
            answer = self.second_caseworker.post(f"{WALLET}/iban-confirmations", f"sample-ibans-{start}", body)
            confirmed += answer["confirmed"]
            refused += answer["refused"]
        self.story.check(
            f"IBANs confirmed by a second caseworker: {confirmed}",
            {"confirmed": len(iban_ids), "refused": []},
            {"confirmed": confirmed, "refused": refused},
        )

    def _register_organisation(self, one: SampleOrganisation) -> str:
        answer = self.caseworker.post(f"{BURGERBUDGET}/organisations", f"sample-{one.code}", one.as_json())
        return str(answer["id"])

    def _enrol(self, one: SampleParticipant) -> Any:
        body = one.as_enrolment(self.holder_ids[one.number])
        return self.caseworker.post(f"{BURGERBUDGET}/participants", f"sample-participant-{one.number}", body)

    # Steps 2 and 3: a quarter's hours, and its close on the day after it

    def work_through(self, quarter: Quarter) -> None:
        """Hand in every hours file of a quarter on the day after it has ended, and close it."""
        expected = self.sample.expected["quarters"][str(quarter)]
        with self.story.step(f"The hours of {quarter} come in and the quarter is closed"):
            self.today(quarter.next().start)
            files = self._import_files(self.sample.files(quarter))
            rows = _counted(files)
            self.story.check(f"{len(files)} hours files of {quarter}: {rows}", expected["files"], files)
            closing = self._close(quarter)
            judged = f"{closing['sufficient']} sufficient, {closing['insufficient']} insufficient"
            topped_up = f"€ {euros(closing['toppedUp'])}"
            found = {name: closing[name] for name in expected["closing"]}
            self.story.check(f"closing of {quarter}: {judged}, topped up {topped_up}", expected["closing"], found)
            self._figures[f"hour rows {quarter}"] = rows
            self._figures[f"judged {quarter}"] = judged
            self._figures[f"topped up {quarter}"] = topped_up

    def _import_files(self, files: list[HoursFile]) -> dict[str, Any]:
        """One after the other, as their order decides which of two rows for a full day is refused."""
        found = {}
        with self.story.progress("hours files imported", len(files)) as advance:
            for file in files:
                found[file.organisation] = self._import_file(file)
                advance()
        return found

    def _import_file(self, file: HoursFile) -> dict[str, Any]:
        id_ = self.organisation_ids[file.organisation]
        organisation = self.people.person("organisation", file.organisation, organisation=id_)
        batches = f"{BURGERBUDGET}/hours/batches"
        key = f"sample-{file.quarter}-{file.organisation}"
        batch = organisation.upload(batches, key, file.content, "text/csv", partial="true")
        name = f"the file of {file.organisation} for {file.quarter}"
        report: dict[str, Any] = {}

        def is_imported() -> bool:
            report.update(organisation.get(f"{batches}/{batch['id']}"))
            if report["state"] == "refused":
                raise Mistake(f"{name} was refused: {report.get('problem')}.")
            return bool(report["state"] == "imported")

        wait_until(f"{name} was imported", is_imported, FILE_WITHIN_S, LOOK_EVERY_S)
        reasons = Counter(row["errors"][0]["code"] for row in report["rows"] if row["outcome"] == "refused")
        return {"accepted": report["accepted"], "known": report["known"], "refused": dict(reasons)}

    def _close(self, quarter: Quarter) -> Any:
        self.finance_maker.post(f"{BURGERBUDGET}/quarters/{quarter}/closings", f"sample-close-{quarter}")
        state: dict[str, Any] = {}

        def is_closed() -> bool:
            state.update(self.finance_maker.get(f"{BURGERBUDGET}/quarters/{quarter}"))
            if state.get("problem"):
                raise Mistake(f"{quarter} cannot be closed: {state['problem']['message']}")
            return bool(state["state"] == "closed")

        wait_until(
            f"{quarter} was closed", is_closed, CLOSING_WITHIN_S, last_seen=lambda: f"phase {state.get('phase')}"
        )
        return state

    # Step 4: every figure of every participant

    def compare(self) -> None:
        """Compare every participant's page and purses, and the totals, with the figures that must come out."""
        expected = self.sample.expected
        with self.story.step("Every figure is compared with the expected ones"):
            self.wait_until_posted()
            numbers = list(expected["participants"])
            read = self.story.for_each("participants' pages read", numbers, self._figures_of)
            budget, free = self.balances("burgerbudget"), self.balances("vrij")
            found = {
                number: {**figures, "budget": budget[number], "vrij": free[number]}
                for number, figures in zip(numbers, read, strict=True)
            }
            self._check_participants(expected["participants"], found)
            totals = expected["totals"]
            for purse, title in (("budget", "burgerbudget"), ("vrij", "vrij")):
                total = sum(figures[purse] for figures in found.values())
                self.story.check(f"in all purses {title} together: € {euros(total)}", totals[purse], total)
                self._figures[f"in purses {title}"] = f"€ {euros(total)}"
            credited = DEPOSIT - self.fund_balance()
            self.story.check(f"paid by the fund to budgets: € {euros(credited)}", totals["creditedToBudgets"], credited)

    def wait_until_posted(self) -> None:
        """Wait until the wallet has everything that the burgerbudget sent it; raises `Mistake` on a refused message."""
        outbox = f"{BURGERBUDGET}/outbox"
        admin = self.people.person("admin")

        waiting: list[Any] = []

        def is_empty() -> bool:
            refused = admin.get(outbox, state="dead", limit=1)["items"]
            if refused:
                raise Mistake(f"The wallet refused a message of burgerbudget: {refused[0]['lastError']}.")
            waiting[:] = [one for state in ("pending", "leased") for one in admin.get(outbox, state=state)["items"]]
            return not waiting

        what = "the wallet had all postings of burgerbudget"
        wait_until(what, is_empty, POSTED_WITHIN_S, last_seen=lambda: f"{len(waiting)} messages or more that wait")

    def balances(self, purse: str) -> dict[str, int]:
        """One purse of every participant as the auditor finds it in the books, in cents, by number."""
        accounts = self.auditor.items(f"{WALLET}/accounts", prefix="holder:")
        found = {account["address"]: int(account["balance"]) for account in accounts}
        return {number: found.get(f"holder:{id_}:{purse}", 0) for number, id_ in self.holder_ids.items()}

    def fund_balance(self) -> int:
        """What is left in the fund, in cents."""
        return int(self.finance_maker.get(f"{WALLET}/funds/{FUND}")["balance"])

    def _figures_of(self, number: str) -> dict[str, Any]:
        """What a caseworker sees of one participant."""
        page = self.caseworker.get(f"{BURGERBUDGET}/participants/{number}")
        names = ("hours", "used", "toppedUp", "judgement")
        return {
            "insufficientQuarters": page["insufficientQuarters"],
            "status": page["status"],
            "startQuarter": page["startQuarter"],
            "quarters": {row["quarter"]: {name: row[name] for name in names} for row in page["quarters"]},
        }

    def _check_participants(self, expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """One check; of those who differ it says only in what, as a whole page of figures tells nobody anything."""
        wrong = {number: differences(expected[number], found[number]) for number in expected}
        self.story.check(
            f"purses, status, hours, use and top-up of {len(found)} participants",
            {},
            {number: "; ".join(lines) for number, lines in wrong.items() if lines},
        )


def _counted(files: Mapping[str, Mapping[str, Any]]) -> str:
    accepted = sum(file["accepted"] for file in files.values())
    known = sum(file["known"] for file in files.values())
    refused = sum(sum(file["refused"].values()) for file in files.values())
    return f"{accepted} rows accepted, {known} known, {refused} refused"


@contextmanager
def _date_kept(installation: Installation) -> Iterator[None]:
    """Put a business date that somebody had set back in force at the end.

    It is kept in a file: when loading is broken off and done again, the date found then is one of the sample's own.
    """
    kept, date_file = installation.root / "date-before-sample", installation.business_date_file
    text = date_file.read_text(encoding="ascii").strip() if date_file.exists() else ""
    own = {str(day) for day in (ENROLMENT_DAY, *(quarter.next().start for quarter in Sample().quarters))}
    if not (kept.exists() and text in own):
        write_private(kept, text)
    yield
    before = kept.read_text(encoding="ascii")
    if before:
        business_date.write(date_file, business_date.parse(before))
    kept.unlink()
