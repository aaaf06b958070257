"""The ledger in plain Python: one leg after the other, no sets, no arrays, no locks. What it says is what must happen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from foundation.periods import Month
from wallet.ledger.actions import Transfer

MERGED = ("bank:", "fund:")
BURGERBUDGET = ":burgerbudget"


@dataclass(frozen=True)
class Terms:
    """What an account counts in and how far it goes; a purse opens at its first credit."""

    floor: int | None = 0
    ceiling: int | None = None
    asset: str = "EUR"
    claimable: bool = False


@dataclass
class PaperHold:
    account: str
    remaining: int
    late: bool = False


@dataclass
class Move:
    """A transfer that was posted, with what was taken back of it."""

    id: str
    kind: str
    source: str
    destination: str
    amount: int
    asset: str
    is_reversal: bool = False
    taken: int = 0


@dataclass
class Paper:
    """Every account by its address; `terms` also has the purses that may still open."""

    terms: dict[str, Terms]
    opened: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    posted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    holds: dict[UUID, PaperHold] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    tainted: set[str] = field(default_factory=set)
    """Purses that money from a burgerbudget came into."""
    first_open: date = date.min
    journals: list[tuple[date, int]] = field(default_factory=list)
    """Value date and number of entries of each."""

    def held(self, account: str) -> int:
        return sum(hold.remaining for hold in self.holds.values() if hold.account == account)

    def available(self, account: str) -> int | None:
        """What can leave an account; None where that has no end."""
        floor = self.terms[account].floor
        return None if floor is None else self.posted[account] - self.held(account) - floor

    def figures(self) -> dict[str, tuple[int, int]]:
        return {account: (self.posted[account], self.held(account)) for account in self.opened}

    def post(self, transfers: Sequence[Transfer], day: date = date.max) -> str | None:
        """Give the code of the refusal, or None after posting."""
        destinations = {each.destination for each in transfers}
        opened = self.opened | {each for each in destinations if each in self.terms and is_purse(each)}
        refused = self._accounts_refused(transfers, opened)
        if refused is None and any(each.source in self.closed or each.destination in self.closed for each in transfers):
            refused = "closedAccount"
        if refused is None and day < self.first_open:
            refused = "periodClosed"
        holds = deepcopy(self.holds)
        refused = refused or _capture(holds, transfers)
        keys = [each.grant_key for each in transfers if each.grant_key]
        if refused is None and (len(keys) != len(set(keys)) or self.keys & set(keys)):
            refused = "grantKeyUsed"
        if refused is not None:
            return refused
        legs = _legs(transfers)
        posted, held = defaultdict(int, self.posted), {account: self.held(account) for account in opened}
        for account, amount, captured in legs:
            posted[account] += amount
            held[account] -= captured
            floor, ceiling = self.terms[account].floor, self.terms[account].ceiling
            if amount + captured < 0 and floor is not None and posted[account] - held[account] < floor:
                return "tooLittle"
            if amount > 0 and ceiling is not None and posted[account] > ceiling:
                return "overCeiling"
        self.posted, self.holds, self.opened = posted, holds, self.opened | destinations
        self.keys |= set(keys)
        self.tainted |= {
            each.destination for each in transfers if each.source.endswith(BURGERBUDGET) and is_purse(each.source)
        }
        self.journals.append((day, len(legs)))
        return None

    def _accounts_refused(self, transfers: Sequence[Transfer], opened: set[str]) -> str | None:
        for each in transfers:
            if each.source == each.destination:
                return "sameAccount"
            for side in (each.source, each.destination):
                if side not in self.terms:
                    return "unknownAccount"
                if self.terms[side].asset != each.asset:
                    return "wrongAsset"
                if side not in opened:
                    return "tooLittle"
        return None

    def hold(
        self,
        hold: UUID,
        account: str,
        amount: int,
        asset: str = "EUR",
        *,
        minimum: int | None = None,
        late: bool = False,
    ) -> str | None:
        """Set an amount apart, or with a minimum as much of it as is available."""
        if account not in self.terms:
            return "unknownAccount"
        if self.terms[account].asset != asset:
            return "wrongAsset"
        if account not in self.opened:
            return "tooLittle"
        if account in self.closed:
            return "closedAccount"
        available = self.available(account)
        if available is not None and (amount if minimum is None else minimum) > available:
            return "tooLittle"
        self.holds[hold] = PaperHold(account, amount if available is None else min(amount, available), late)
        return None

    def release(self, hold: UUID) -> None:
        self.holds[hold].remaining = 0

    def expire(self) -> int:
        """Close every hold whose time is past; gives how many."""
        late = [hold for hold in self.holds.values() if hold.late and hold.remaining]
        for hold in late:
            hold.remaining = 0
        return len(late)

    def close(self, account: str) -> str | None:
        """Close an account that is empty."""
        if account not in self.opened:
            return "unknownAccount"
        if self.posted[account] or self.held(account):
            return "notEmpty"
        self.closed.add(account)
        return None

    def reversal(self, move: Move, amount: int | None, receivable: bool) -> str | list[Transfer]:
        """Give the code of the refusal, or what is posted to take a transfer back."""
        left = move.amount - move.taken
        asked = left if amount is None else amount
        purse = move.destination
        protected = is_purse(purse) and (purse.endswith(BURGERBUDGET) or purse in self.tainted)
        there = self.available(purse)
        returned = asked if there is None else min(asked, max(there, 0))
        for refused, code in (
            (move.is_reversal, "reversalNotReversible"),
            (move.kind.startswith("payout"), "payoutNotReversible"),
            (protected, "protectedPurse"),
            (left == 0, "reversedAlready"),
            (asked > left, "overReversal"),
            (receivable and not self.terms[purse].claimable, "notClaimable"),
            (asked > returned and not receivable, "tooLittle"),
        ):
            if refused:
                return code
        parts = ((purse, returned), (f"receivable:{purse}", asked - returned))
        if asked > returned:
            self.terms[f"receivable:{purse}"] = Terms(None, 0, move.asset)
        return [Transfer(giver, move.source, part, move.asset) for giver, part in parts if part]

    def closing(self, month: Month, this_month: Month, unsealed: int) -> str | None:
        """Give the code with which closing a month is refused, or None; the last `unsealed` journals wait for a seal."""
        if month.start < self.first_open:
            return "closedAlready"
        if month == this_month:
            return "monthNotEnded"
        days = [day for day, _ in self.journals]
        if any(self.first_open <= day < month.start for day in days):
            return "earlierMonthOpen"
        waiting = days[len(days) - unsealed :]
        return "notSealed" if any(day <= month.end for day in waiting) else None


def is_purse(address: str) -> bool:
    return address.startswith("holder:")


def _capture(holds: dict[UUID, PaperHold], transfers: Sequence[Transfer]) -> str | None:
    """Take from these holds; gives the code of the refusal, or None."""
    open_before = {known for known, hold in holds.items() if hold.remaining}
    for each in transfers:
        if each.hold_id is None:
            continue
        if each.hold_id not in open_before:
            return "holdNotOpen"
        hold = holds[each.hold_id]
        if hold.account != each.source:
            return "holdOnOtherAccount"
        hold.remaining -= each.amount
        if hold.remaining < 0:
            return "holdTooSmall"
    return None


def _legs(transfers: Sequence[Transfer]) -> list[tuple[str, int, int]]:
    """Give account, amount and what is captured of every entry, in the order in which they are written."""
    own: list[tuple[str, int, int]] = []
    shared: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for each in transfers:
        captured = each.amount if each.hold_id else 0
        source_shared = each.source.startswith(MERGED)
        destination_shared = each.destination.startswith(MERGED) and not source_shared
        if source_shared:
            total = shared[(each.source, -1)]
            total[0] -= each.amount
            total[1] += captured
        else:
            own.append((each.source, -each.amount, captured))
        if destination_shared:
            shared[(each.destination, 1)][0] += each.amount
        else:
            own.append((each.destination, each.amount, 0))
    return own + [(key[0], *shared[key]) for key in sorted(shared, key=lambda key: (key[0], -key[1]))]
