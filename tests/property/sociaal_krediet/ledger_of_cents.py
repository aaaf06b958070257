"""A second, deliberately naive model of a loan: every cent is a thing with a month, and is moved by hand (SK-3, SK-5, SK-9).

It knows receipts, choices, pauses, lower instalments and remissions; it shares nothing with the rules but their facts.
"""

from __future__ import annotations

import calendar
from datetime import date
from fractions import Fraction

from sociaal_krediet.rules import facts as happened
from sociaal_krediet.rules.loans import Terms


def equal_parts(cents: int, months: int) -> list[int]:
    """Equal parts by the text of SK-3, one month at a time."""
    exact = Fraction(cents, months)
    part = int(exact + Fraction(1, 2))
    if cents - part * (months - 1) <= 0:
        part = int(exact)
    parts = []
    for _ in range(months - 1):
        parts.append(part)
    parts.append(cents - sum(parts))
    return parts


class LoanOfCents:
    """`unpaid` and `paid` hold one month number for each cent of the principal that is still owed or was filled."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.unpaid = [
            month for month, part in enumerate(equal_parts(terms.principal, terms.months), 1) for _ in range(part)
        ]
        self.paid: list[int] = []
        self.repaid_early = 0
        self.given_up = 0
        self.returned: dict[str, int] = {}
        self.mode = "shorten"

    def due(self, month: int) -> date:
        """Count months on one's fingers."""
        first = self.terms.first_due_on
        year, number = first.year, first.month
        for _ in range(month - 1):
            number += 1
            if number == 13:
                year, number = year + 1, 1
        return date(year, number, min(first.day, calendar.monthrange(year, number)[1]))

    def take(self, fact: happened.Fact) -> None:
        """Let one fact happen; facts are given in order of their days."""
        if isinstance(fact, happened.EarlyMode):
            self.mode = fact.mode
        elif isinstance(fact, happened.Receipt):
            self.receive(fact)
        elif isinstance(fact, happened.Pause):
            open_months = set(self.unpaid)
            moved = {month for month in open_months if self.due(month) >= fact.from_on}
            self.unpaid = sorted(month + fact.months if month in moved else month for month in self.unpaid)
            # What is paid of an instalment moves along with what is open of it.
            self.paid = [month + fact.months if month in moved else month for month in self.paid]
        elif isinstance(fact, happened.Reschedule):
            later = [month for month in self.unpaid if self.due(month) > fact.on]
            first = later[0] if later else 1
            while not later and self.due(first) <= fact.on:
                first += 1
            self.spread(len(self.unpaid), [first + step for step in range(fact.months)])
        elif isinstance(fact, happened.Remission | happened.WriteOff):
            mode = fact.mode if isinstance(fact, happened.Remission) else "shorten"
            asked = len(self.unpaid) if fact.amount is None else min(fact.amount, len(self.unpaid))
            later = [month for month in self.unpaid if self.due(month) > fact.on]
            self.lessen(min(asked, len(later)), fact.on, mode)
            for _ in range(asked - len(later)):
                self.unpaid.pop(0)
            self.given_up += asked
        else:
            raise TypeError(f"{fact} is not for this model")

    def receive(self, fact: happened.Receipt) -> None:
        left = fact.amount
        while left and self.unpaid and self.due(self.unpaid[0]) <= fact.on:
            self.paid.append(self.unpaid.pop(0))
            left -= 1
        early = min(left, len(self.unpaid))
        if early:
            self.lessen(early, fact.on, self.mode)
            self.repaid_early += early
            self.mode = "shorten"
        if left - early:
            self.returned[fact.id] = left - early

    def lessen(self, cents: int, day: date, mode: str) -> None:
        if mode == "shorten":
            for _ in range(cents):
                self.unpaid.pop()
            return
        later = [month for month in self.unpaid if self.due(month) > day]
        arrears = self.unpaid[: len(self.unpaid) - len(later)]
        self.unpaid = arrears
        kept = list(self.unpaid)
        self.spread(len(later) - cents, sorted(set(later)))
        self.unpaid = kept + self.unpaid

    def spread(self, cents: int, months: list[int]) -> None:
        used = months[: min(len(months), cents)]
        parts = equal_parts(cents, len(used)) if used else []
        self.unpaid = [month for month, part in zip(used, parts, strict=True) for _ in range(part)]

    def open_by_month(self) -> list[tuple[date, int]]:
        """What is owed, by due date."""
        return [(self.due(month), self.unpaid.count(month)) for month in sorted(set(self.unpaid))]
