"""What the verifier found: counts, and every row that is not as it must be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST_PER_CHECK = 20
"""Named rows per check: the first says where to look, and a broken ledger must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as it must be: its table, its key and what differs."""

    table: str
    key: str
    what: str


@dataclass(slots=True)
class Report:
    """The outcome of one verification; `differences` is in the order found, the first bad row first."""

    from_block: int = 1
    """The first block that was looked at; those before it were good in an earlier run, or are believed."""
    blocks: int = 0
    journals: int = 0
    entries: int = 0
    accounts: int = 0
    unsealed: int = 0
    not_anchored: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    found: int = 0
    """How many differences there are, named or not."""
    _per_check: dict[str, int] = field(default_factory=dict)

    def add(self, check: str, table: str, key: str, what: str) -> None:
        """Add a difference; of each check only the first `MOST_PER_CHECK` are named."""
        self.found += 1
        self._per_check[check] = self._per_check.get(check, 0) + 1
        if self._per_check[check] <= MOST_PER_CHECK:
            self.differences.append(Difference(table, key, what))

    def take(self, other: Report) -> None:
        """Take over what was counted and found beside this; what it found comes behind what was found here."""
        self.blocks += other.blocks
        self.journals += other.journals
        self.entries += other.entries
        self.accounts += other.accounts
        self.unsealed += other.unsealed
        self.found += other.found
        self.differences += other.differences

    @property
    def ok(self) -> bool:
        return self.found == 0

    @property
    def rows(self) -> int:
        return self.blocks + self.journals + self.entries + self.accounts

    @property
    def rows_per_second(self) -> int:
        return round(self.rows / self.seconds) if self.seconds else self.rows

    def as_json(self) -> dict[str, Any]:
        """Give it as the contract of `stadsbeurs verify --json` has it."""
        return {
            "ok": self.ok,
            "fromBlock": self.from_block,
            "blocks": self.blocks,
            "journals": self.journals,
            "entries": self.entries,
            "accounts": self.accounts,
            "unsealed": self.unsealed,
            "notAnchored": self.not_anchored,
            "rows": self.rows,
            "rowsPerSecond": self.rows_per_second,
            "seconds": round(self.seconds, 3),
            "found": self.found,
            "differences": [{"table": d.table, "key": d.key, "what": d.what} for d in self.differences],
        }

    def as_lines(self) -> list[str]:
        """Give it as lines for people."""
        named = [f"{d.table} {d.key}: {d.what}" for d in self.differences]
        more = self.found - len(self.differences)
        counts = f"{self.blocks} blocks, {self.journals} journals, {self.entries} entries, {self.accounts} accounts"
        return [
            f"rows checked: {self.rows} ({counts})",
            f"rows per second: {self.rows_per_second} (in {self.seconds:.1f} s)",
            f"not yet sealed: {self.unsealed} journals (no error); not yet anchored: {self.not_anchored} blocks",
            *self._passed_over(),
            *named,
            *([f"and {more} more like these"] if more else []),
            f"{self.found} difference{'s' if self.found != 1 else ''}",
        ]

    def _passed_over(self) -> list[str]:
        if self.from_block == 1:
            return []
        return [f"not looked at in this run: the rows under blocks 1 to {self.from_block - 1}"]
