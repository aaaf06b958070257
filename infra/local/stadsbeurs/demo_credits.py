"""The demo's credits of schemes that follow: lessons, pieces, points and leefgeld in the same books as the euros.

No service decides about these yet. The stand-in service, which a local installation has, asks what they will ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from foundation.money import cents_of, euros
from stadsbeurs.people import WALLET, Person
from stadsbeurs.sample import Municipality

PROVIDER = "zwembad-1"
SET_APART, SPENT = 10, 6
"""Lessons: a course of ten is set apart, six are taken, and what is left of the course goes back."""


@dataclass(frozen=True)
class Credit:
    """A fund, what two people put in, and what one holder gets of it; amounts in the smallest unit of the asset."""

    fund: str
    name: str
    asset: str
    deposit: int
    purse: str
    granted: int

    @property
    def left(self) -> int:
        return self.deposit - self.granted


CREDITS = (
    Credit("dordtpas-lessen", "Dordtpas: zwemlessen", "LESSON", 40, "zwemlessen", 40),
    Credit("dordtpas-stuks", "Dordtpas: fietsen", "PIECE", 25, "fiets", 1),
    Credit("dordtpas-punten", "Dordtpas: punten", "POINT", 5000, "punten", 120),
    # Bouwdepot: 30 people × 1,050.00 × 12 months; this is one month of one of them.
    Credit("cash-pilots-bouwdepot", "Bouwdepot", "EUR", cents_of("378000.00"), "leefgeld", cents_of("1050.00")),
)
SWIMMING = CREDITS[0]


@dataclass
class Credits:
    """One holder with a credit in every unit, who spends some with a provider."""

    municipality: Municipality
    _figures: dict[str, str] = field(default_factory=dict)

    def give_and_spend(self) -> None:
        """Fill a fund for each by two people, credit one holder, and spend lessons by hold, capture and release."""
        with self.municipality.story.step(
            "The same books count lessons, pieces, points and leefgeld: filled and spent"
        ):
            for credit in CREDITS:
                self.municipality.fill_fund(credit.fund, credit.name, credit.deposit, credit.asset)
                self._grant(credit)
                self._check_fund(credit)
            self._spend()
            self._check_purses()

    def figures(self) -> dict[str, str]:
        """What the summary shows of it."""
        return self._figures

    def _grant(self, credit: Credit) -> None:
        transfer = {
            "source": f"fund:{credit.fund}",
            "destination": f"{self._owner}:{credit.purse}",
            "amount": credit.granted,
            "asset": credit.asset,
            "grantKey": f"sample/{credit.purse}",
        }
        self._service.post(f"{WALLET}/transfers", f"sample-{credit.purse}", {"kind": "credit", "transfers": [transfer]})

    def _check_fund(self, credit: Credit) -> None:
        put_in, granted, left = (_counted(n, credit.asset) for n in (credit.deposit, credit.granted, credit.left))
        fund = self.municipality.finance_maker.get(f"{WALLET}/funds/{credit.fund}")
        self.municipality.story.check(
            f"fund {credit.fund}: {put_in} by two people, {granted} to one holder, {left} left",
            {"asset": credit.asset, "balance": credit.left, "held": 0},
            {name: fund[name] for name in ("asset", "balance", "held")},
        )

    def _spend(self) -> None:
        self._service.post(f"{WALLET}/payables", "sample-provider", {"provider": PROVIDER})
        course = {
            "account": f"{self._owner}:{SWIMMING.purse}",
            "amount": SET_APART,
            "asset": SWIMMING.asset,
            "purpose": "zwemlessen/cursus-1",
        }
        hold = f"{WALLET}/holds/{self._service.post(f'{WALLET}/holds', 'sample-course', course)['id']}"
        payable = f"payable:{PROVIDER}:{SWIMMING.purse}"
        self._service.post(f"{hold}/captures", "sample-course-taken", {"destination": payable, "amount": SPENT})
        self._service.post(f"{hold}/releases", "sample-course-ended")
        back = SET_APART - SPENT
        taken, total, rest = (_counted(n, SWIMMING.asset) for n in (SPENT, SET_APART, back))
        self.municipality.story.check(
            f"of {total} set apart {taken} were spent with {PROVIDER} and {rest} given back",
            [("opened", SET_APART, SET_APART), ("captured", SPENT, back), ("released", back, 0)],
            _history(self.municipality.auditor, hold),
        )
        owed = self.municipality.auditor.get(f"{WALLET}/accounts/{payable}")
        self.municipality.story.check(f"{PROVIDER} is owed {taken}", SPENT, owed["balance"])
        self._figures["spent with a provider"] = taken

    def _check_purses(self) -> None:
        """The holder's own view: every purse in its own unit, with nothing left set apart."""
        expected = {one.purse: one.granted for one in CREDITS} | {SWIMMING.purse: SWIMMING.granted - SPENT}
        person = self.municipality.people.person("pass-holder", f"participant-{self._number}", holder=self._holder)
        purses = person.get(f"{WALLET}/holders/{self._holder}/purses")["items"]
        found = {one["purse"]: one["available"] for one in purses if one["purse"] in expected}
        told = ", ".join(_counted(expected[one.purse], one.asset) for one in CREDITS)
        self.municipality.story.check(f"participant {self._number} has {told}", expected, found)
        self._figures["in one holder's other purses"] = told

    @property
    def _service(self) -> Person:
        return self.municipality.people.person("service")

    @property
    def _number(self) -> str:
        return max(self.municipality.holder_ids)

    @property
    def _holder(self) -> str:
        return self.municipality.holder_ids[self._number]

    @property
    def _owner(self) -> str:
        return f"holder:{self._holder}"


def _history(auditor: Person, hold: str) -> Sequence[Any]:
    return [(one["kind"], one["amount"], one["remainingAfter"]) for one in auditor.items(f"{hold}/events")]


def _counted(amount: int, asset: str) -> str:
    if asset == "EUR":
        return f"€ {euros(amount)}"
    return f"{amount} {asset.lower()}{'' if amount == 1 else 's'}"
