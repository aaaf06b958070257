"""Transfer batches in plain Python: which lines of a file are not posted, found line by line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from tests.property.wallet.paper import Paper, is_purse
from wallet.ledger.actions import Transfer

FIRST_LINE = 2
"""Of the file: its header is line 1, and counts in the chunks."""


@dataclass(frozen=True)
class PaperLine:
    number: int
    destination: str
    amount: int
    grant_key: str


@dataclass
class PaperBatch:
    """A file that pays out of one account, in chunks of so many lines."""

    source: str
    day: date
    chunk_lines: int
    lines: list[PaperLine]
    asset: str = "EUR"
    exceptions: set[tuple[int, str]] = field(default_factory=set)
    id: UUID | None = None
    posted: int = 0

    @property
    def good(self) -> list[PaperLine]:
        excluded = {number for number, _ in self.exceptions}
        return [line for line in self.lines if line.number not in excluded]

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.good)

    def check(self, paper: Paper) -> None:
        """Note why lines cannot be posted; all reasons of each, but a ceiling only where nothing else is wrong."""
        firsts: dict[str, PaperLine] = {}
        for line in self.lines:
            first = firsts.setdefault(line.grant_key, line)
            if first is not line:
                same = (first.destination, first.amount) == (line.destination, line.amount)
                self.exceptions.add((line.number, "duplicateLine" if same else "duplicateGrantKey"))
        self._except(paper, self.lines)

    def approve(self, paper: Paper) -> str | None:
        """Set the total apart; gives the code of the refusal, or None."""
        assert self.id is not None
        return paper.hold(self.id, self.source, self.total, self.asset)

    def post(self, paper: Paper) -> None:
        """Post chunk by chunk what still can be, and give back the rest of the hold."""
        assert self.id is not None
        for first in range(1, self.lines[-1].number + 1, self.chunk_lines):
            asked = [line for line in self.good if first <= line.number < first + self.chunk_lines]
            # They are locked before they are looked at again, and to be locked they must be there.
            paper.opened |= {line.destination for line in asked if is_purse(line.destination)}
            if self.day < paper.first_open:
                self._except(paper, asked)
                left = [line for line in asked if line in self.good]
                self.exceptions |= {(line.number, "periodClosed") for line in left}
                continue
            self._except(paper, asked)
            left = [line for line in asked if line in self.good]
            if left:
                transfers = [
                    Transfer(self.source, line.destination, line.amount, self.asset, line.grant_key, hold_id=self.id)
                    for line in left
                ]
                assert paper.post(transfers, self.day) is None
                self.posted += sum(line.amount for line in left)
        paper.release(self.id)

    def _except(self, paper: Paper, lines: list[PaperLine]) -> None:
        for line in lines:
            wrong = self._wrong_account(paper, line.destination)
            self.exceptions |= {(line.number, code) for code in wrong}
            if line.grant_key in paper.keys:
                self.exceptions.add((line.number, "grantKeyUsed"))
        taken: dict[str, int] = {}
        for line in [line for line in lines if line in self.good]:
            ceiling = paper.terms[line.destination].ceiling
            after = taken.get(line.destination, 0) + line.amount
            if ceiling is not None and paper.posted[line.destination] + after > ceiling:
                self.exceptions.add((line.number, "overCeiling"))
            else:
                taken[line.destination] = after

    def _wrong_account(self, paper: Paper, destination: str) -> list[str]:
        if destination == self.source:
            return ["sameAccount"]
        if destination not in paper.terms:
            return ["unknownAccount"]
        if paper.terms[destination].asset != self.asset:
            return ["wrongAsset"]
        return ["closedAccount"] if destination in paper.closed else []
