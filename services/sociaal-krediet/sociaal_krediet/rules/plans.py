"""A schedule as it is changed while a loan is replayed: filled, cut, lowered, moved, and put back (SK-5, SK-9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from foundation.money import Cents
from sociaal_krediet.rules.facts import Mode
from sociaal_krediet.rules.loans import Terms
from sociaal_krediet.rules.schedules import due_on, first_month_after, schedule, split


@dataclass(slots=True, eq=False)
class Place:
    """Room for one instalment, in a month counted from that of the first due date.

    Shortening empties places at the end rather than dropping them, so that a bounce finds them again, in the months
    to which a pause has moved them since: `full` is what a place held before it was cut.
    """

    month: int
    amount: int
    full: int
    paid: int = 0

    @property
    def open(self) -> int:
        return self.amount - self.paid


@dataclass(slots=True)
class Early:
    """What bounces need to know of an early repayment: its mode, the instalment of then, the places it emptied."""

    mode: Mode
    instalment: int
    emptied: list[Place]


@dataclass(slots=True)
class Plan:
    """The places of one loan, by month; all amounts are cents."""

    first_due_on: date
    places: list[Place]

    @classmethod
    def of(cls, terms: Terms) -> Plan:
        """Begin with the schedule as agreed (SK-3)."""
        agreed = schedule(terms.principal, terms.months, terms.first_due_on)
        return cls(terms.first_due_on, [Place(due.number, due.amount, due.amount) for due in agreed])

    def due_on(self, place: Place) -> date:
        return due_on(self.first_due_on, place.month)

    def to_come(self, day: date) -> list[Place]:
        """Give the places due after a day, empty ones too."""
        return [place for place in self.places if self.due_on(place) > day]

    def fill(self, amount: int, day: date) -> list[tuple[Place, int]]:
        """Fill the instalments due by a day, oldest first, as far as an amount goes; gives what went where (SK-9)."""
        filled = []
        for place in self.places:
            part = min(amount, place.open)
            if part and self.due_on(place) <= day:
                place.paid += part
                amount -= part
                filled.append((place, part))
        return filled

    def lessen(self, amount: int, day: date, mode: Mode) -> Early:
        """Take an amount off what is due after a day: from the end, or off every instalment alike (SK-5)."""
        places = [place for place in self.to_come(day) if place.open]
        early = Early(mode, max((place.amount for place in places), default=0), [])
        if mode == "lower":
            _spread(sum(place.open for place in places) - amount, places)
            early.emptied = [place for place in places if not place.open]
            return early
        for place in reversed(places):
            part = min(amount, place.open)
            place.amount -= part
            amount -= part
        assert amount == 0, "an early repayment is at most what is still to come"
        return early

    def strike(self, amount: int, day: date) -> None:
        """Take an amount off the instalments due by a day, oldest first (SK-7)."""
        for place in self.places:
            part = min(amount, place.open)
            if part and self.due_on(place) <= day:
                place.amount -= part
                amount -= part
        assert amount == 0, "a remission is at most what is outstanding"

    def put_back(self, amount: int, day: date, early: Early) -> None:
        """Make an early repayment undone: the schedule becomes longer, or its instalments higher, as it was taken.

        Never asked at once: what no instalment to come has room for is due monthly after the last.
        """
        if early.mode == "shorten":
            for place in self.to_come(day):
                part = min(amount, place.full - place.amount)
                place.amount += part
                amount -= part
            month = self._month_at_the_end(day)
            for part in _chunks(amount, early.instalment):
                self.places.append(Place(month, part, early.instalment))
                month += 1
            self.places.sort(key=by_month)
            return
        places = [place for place in self.to_come(day) if place.open or place in early.emptied]
        amount += sum(place.open for place in places)
        instalment = max([early.instalment, *(place.amount for place in places)])
        missing = len(_chunks(amount, instalment)) - len(places)
        if missing > 0:
            rest = [place for place in self.to_come(day) if place not in places and place.full > place.amount]
            places = sorted((*places, *rest[:missing]), key=by_month)
            month = max([self._month_at_the_end(day), *(place.month + 1 for place in places)])
            new = [Place(month + index, 0, instalment) for index in range(missing - len(rest))]
            self.places = sorted((*self.places, *new), key=by_month)
            places += new
        _spread(amount, places)

    def shift(self, months: int, from_on: date) -> bool:
        """Move what is not wholly paid, and the empty places behind it, by some months (SK-9); tells whether any was."""
        moved = [
            place
            for place in self.places
            if self.due_on(place) >= from_on and (place.open or place.amount == 0 < place.full)
        ]
        if not any(place.open for place in moved):
            return False
        for place in moved:
            place.month += months
        self.places.sort(key=by_month)
        return True

    def spread_anew(self, months: int, day: date) -> None:
        """Spread all that is unpaid over so many months from the next due date on; a pause that runs is kept (SK-9)."""
        amount = sum(place.open for place in self.places)
        to_come = [place.month for place in self.to_come(day) if place.open]
        first = min(to_come, default=first_month_after(self.first_due_on, day))
        for place in self.places:
            place.amount = place.full = place.paid
        parts = _split_at_most(amount, months)
        anew = [Place(month, part, part) for month, part in enumerate(parts, start=first)]
        self.places = sorted([*(place for place in self.places if place.paid), *anew], key=by_month)

    def _month_at_the_end(self, day: date) -> int:
        """Give the month after the last instalment, and in any case one whose due date is after a day."""
        last = max((place.month for place in self.places if place.amount), default=0)
        return max(last + 1, first_month_after(self.first_due_on, day))


def by_month(place: Place) -> int:
    """Order places by month."""
    return place.month


def _chunks(amount: int, most: int) -> list[int]:
    """Take an amount apart in as many times `most` as it holds, and the rest."""
    whole, rest = divmod(amount, most)
    return [most] * whole + [rest] * (rest > 0)


def _split_at_most(amount: int, parts: int) -> list[int]:
    """Split an amount in so many parts, or in fewer where there are fewer cents than parts."""
    return list(split(Cents(amount), min(parts, amount))) if amount else []


def _spread(amount: int, places: Sequence[Place]) -> None:
    """Give places equal parts to pay, the last corrects; the last ones nothing where there are fewer cents (SK-3)."""
    parts = _split_at_most(amount, len(places))
    for index, place in enumerate(places):
        place.amount = place.paid + (parts[index] if index < len(parts) else 0)
        if index < len(parts):
            place.full = place.amount
