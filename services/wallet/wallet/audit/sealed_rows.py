"""The verifier's reading of sealed journals and entries: their leaves, trees and sums, and the rows that changed.

The sealer puts a leaf together in SQL, field by field; here the fields are hashed as the database itself sends them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.pq import ExecStatus

from wallet.audit import rules
from wallet.audit.bulk_content import PAID_LINE, PassingContent
from wallet.audit.differences import Report

# In binary, COPY writes the fields of a row just as a leaf hashes them: the length in 4 bytes (-1 where absent) and
# the bytes. The first fields are for us and not part of the leaf. (A root that is no hash any more is hashed, so that it
# is 32 bytes and still wrong.)
_JOURNALS = f"""
COPY (SELECT b.block_number, b.position, b.journal_id, j.id IS NOT NULL,
             CASE WHEN octet_length(b.root) = 32 THEN b.root ELSE sha256(b.root) END, b.leaves,
             {", ".join(f"j.{name}" for name in rules.JOURNAL_FIELDS)}
        FROM ledger.block_journal b
        LEFT JOIN ledger.journal j ON j.id = b.journal_id
       WHERE b.block_number BETWEEN {{0}} AND {{1}} ORDER BY b.block_number, b.position)
TO STDOUT (FORMAT binary)
"""
# Of the first fields; the last number is how long the sealed leaves are that follow.
_OF_JOURNAL = struct.Struct(">h 4xq 4xi 4xq 4x? 4x32s i")
_JOURNAL_FIELDS = 6 + len(rules.JOURNAL_FIELDS)

# Accounts are looked up all at once, in the order of their index, and kept for this one statement: walking down the index
# for each entry took most of the database's time. Nothing is sorted: entries come in the order of their own index. Where a
# plan does not keep it, which is seen, they are read again, and from there on in an order that is asked for.
_AT_ONCE = "SET LOCAL enable_hashjoin = on; SET LOCAL enable_nestloop = off; SET LOCAL enable_bitmapscan = off"
_ONE_BY_ONE = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_nestloop = on; SET LOCAL enable_bitmapscan = on"
_ENTRIES = f"""
COPY (SELECT {{content}},
             coalesce(array_position(ARRAY(SELECT code FROM ledger.asset ORDER BY code), a.asset), 0),
             {", ".join(f"e.{name}" for name in rules.ENTRY_FIELDS)},
             {", ".join(f"CASE WHEN e.version = 1 THEN a.{name} END" for name in rules.ACCOUNT_FIELDS)}
        FROM ledger.entry e
        LEFT JOIN ledger.account a
               ON a.id = e.account_id
              AND a.id = ANY (ARRAY(SELECT f.account_id FROM ledger.entry f WHERE f.journal_id = ANY ('{{journals}}')))
       WHERE e.journal_id = ANY ('{{journals}}') {{order}})
TO STDOUT (FORMAT binary)
"""
_SORTED = "ORDER BY e.journal_id, e.line"
_CONTENT = f"CASE WHEN e.journal_id = ANY ('{{}}') THEN {PAID_LINE} END"
_NO_CONTENT = "NULL::text"
# The number of fields, and how long the line of a batch is that follows (-1 where the entry is none).
_OF_ROW = struct.Struct(">hi")
# Behind that: the asset's number, journal_id, line and amount; lengths and what is between are skipped.
_OF_ENTRY = struct.Struct(">4xi 12x 12x 4xq 4xi 4xq")
_ENTRY_LEAF_STARTS = 8
_ENTRY_FIELDS = 2 + len(rules.ENTRY_FIELDS) + len(rules.ACCOUNT_FIELDS)

_COPY_STARTS = b"PGCOPY\n\xff\r\n\0"
_COPY_HEADER_LENGTH = 19
_SHORTEST_ROW = 40
"""Shorter messages are the copy's own header and end."""


@dataclass(slots=True)
class SealedJournal:
    """One journal as its block has it, beside what its rows say now: the journal's leaf first, then its entries'."""

    block_number: int
    position: int
    journal_id: int
    root: bytes
    sealed_leaves: bytes
    there: bool
    leaves: list[bytes] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)
    credited: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"id={self.journal_id}"

    @property
    def entries(self) -> int:
        return len(self.leaves) - self.there

    def add(self, asset: str, total: int, credited: int) -> None:
        """Count amounts of one asset."""
        self.sums[asset] = self.sums.get(asset, 0) + total
        self.credited[asset] = self.credited.get(asset, 0) + credited

    def forget_entries(self) -> None:
        del self.leaves[self.there :]
        self.sums, self.credited = {}, {}

    def take_entries(self, other: SealedJournal) -> None:
        """Have the entries of the same journal under another seal."""
        self.leaves += other.leaves[other.there :]
        self.sums, self.credited = other.sums, other.credited

    def is_as_sealed(self) -> bool:
        """Tell whether the rows still make the root, and the leaves that are kept below it."""
        return (
            self.there
            and rules.tree_root(self.leaves, rules.JOURNAL_NODE) == self.root
            and b"".join(self.leaves) == self.sealed_leaves
        )


class SealedRows:
    """Reads what the blocks seal, batch by batch, and names what is not as it was sealed; `content` passes by with it."""

    def __init__(self, db: psycopg.Connection[Any], report: Report, content: PassingContent) -> None:
        self._db = db
        self._report = report
        self._content = content
        self._order = ""
        codes = db.execute("SELECT code FROM ledger.asset ORDER BY code").fetchall()
        self._assets = ["no asset", *(str(code) for (code,) in codes)]

    def read(self, first: int, last: int) -> list[SealedJournal]:
        """Give the journals of the blocks from `first` to `last` in order, after naming those that changed."""
        journals = [self._journal(row) for row in self._copied(_JOURNALS.format(first, last))]
        first_of = {journal.journal_id: journal for journal in reversed(journals)}
        if journals:
            self._read_entries(first_of)
        for journal in journals:
            if journal is not (same := first_of[journal.journal_id]):
                # Under two seals, where somebody took the key away: it is the same rows under both.
                journal.take_entries(same)
            if not journal.is_as_sealed():
                self._name_changed_rows(journal)
            for asset, total in journal.sums.items():
                if total:
                    what = f"its entries in {asset} add up to {total}, not to 0"
                    self._report.add("zero sum", "journal", journal.key, what)
        return journals

    def _copied(self, statement: str) -> Iterator[memoryview]:
        """Give the rows of a binary COPY, each from its number of fields on; each lives until the next is asked for.

        Straight from libpq: through a cursor, each row costs a turn of psycopg's waiting loop, which took a quarter of
        the whole verification.
        """
        connection = self._db.pgconn
        begun = connection.exec_(statement.encode())
        if begun.status != ExecStatus.COPY_OUT:
            raise psycopg.OperationalError(begun.get_error_message())
        next_row = connection.get_copy_data
        length, message = next_row(0)
        if length >= _SHORTEST_ROW and message[: len(_COPY_STARTS)] == _COPY_STARTS:
            # The copy's own header may come with the first row.
            yield message[_COPY_HEADER_LENGTH:]
            length, message = next_row(0)
        while length >= 0:
            if length >= _SHORTEST_ROW:
                yield message
            length, message = next_row(0)
        while (ended := connection.get_result()) is not None:
            if ended.status != ExecStatus.COMMAND_OK:
                raise psycopg.OperationalError(ended.get_error_message())

    def _journal(self, row: memoryview) -> SealedJournal:
        fields, block_number, position, journal_id, there, root, length = _OF_JOURNAL.unpack_from(row)
        if fields != _JOURNAL_FIELDS:
            raise psycopg.DataError(f"a journal has {fields} fields, not {_JOURNAL_FIELDS}")
        leaf_starts = _OF_JOURNAL.size + length
        sealed_leaves = bytes(row[_OF_JOURNAL.size : leaf_starts])
        leaves = []
        if there:
            leaves.append(rules.leaf(rules.JOURNAL + row[leaf_starts:]))
            self._report.journals += 1
        return SealedJournal(block_number, position, journal_id, root, sealed_leaves, there, leaves)

    def _read_entries(self, journals: Mapping[int, SealedJournal]) -> None:
        """Add each entry's leaf and amount to its journal, in the order of the lines."""
        self._db.execute(_AT_ONCE)
        if not self._took_entries(journals, self._content.journals(journals)):
            for journal in journals.values():
                journal.forget_entries()
            self._order = _SORTED
            self._took_entries(journals, ())
        self._db.execute(_ONE_BY_ONE)
        self._report.entries += sum(journal.entries for journal in journals.values())

    def _took_entries(self, journals: Mapping[int, SealedJournal], of_batches: Collection[int]) -> bool:
        """Tell whether they came in order: the one loop whose speed matters."""
        statement = _ENTRIES.format(
            content=_CONTENT.format(_array(of_batches)) if of_batches else _NO_CONTENT,
            journals=_array(journals),
            order=self._order,
        )
        sha256, prefix, joined = hashlib.sha256, rules.ENTRY, b"".join
        start_of, parts_of = _OF_ROW.unpack_from, _OF_ENTRY.unpack_from
        current: SealedJournal | None = None
        in_order = True
        journal_id = asset = last_line = total = credited = 0
        for row in self._copied(statement):
            fields, length = start_of(row)
            at = _OF_ROW.size + length if length > 0 else _OF_ROW.size
            asset_now, journal_now, line, amount = parts_of(row, at)
            if journal_now != journal_id or asset_now != asset or current is None:
                if fields != _ENTRY_FIELDS:
                    raise psycopg.DataError(f"an entry has {fields} fields, not {_ENTRY_FIELDS}")
                if current is not None:
                    current.add(self._assets[asset], total, credited)
                if journal_now != journal_id:
                    in_order = in_order and journals[journal_now].entries == 0
                    last_line = line
                    if journal_now in of_batches:
                        add_content = self._content.take(journal_now)
                current, journal_id, asset, total, credited = journals[journal_now], journal_now, asset_now, 0, 0
                add_leaf = current.leaves.append
            add_leaf(sha256(joined((prefix, row[at + _ENTRY_LEAF_STARTS :]))).digest())
            if length > 0:
                add_content(row[_OF_ROW.size : at])
            if line < last_line:
                in_order = False
            last_line = line
            total += amount
            if amount > 0:
                credited += amount
        if current is not None:
            current.add(self._assets[asset], total, credited)
        return in_order

    def _name_changed_rows(self, journal: SealedJournal) -> None:
        """Name the rows that are not the sealed ones, with the help of the leaves that are kept under the seal."""
        entries = self._db.execute(
            "SELECT account_id, version, line FROM ledger.entry WHERE journal_id = %s ORDER BY line",
            (journal.journal_id,),
        ).fetchall()
        kept = journal.sealed_leaves
        sealed = [kept[at : at + 32] for at in range(0, len(kept), 32)]
        if not sealed or rules.tree_root(sealed, rules.JOURNAL_NODE) != journal.root:
            key = f"block_number={journal.block_number}, position={journal.position}"
            what = f"its root and its leaves (of journal {journal.journal_id}) do not agree"
            self._report.add("seal", "block_journal", key, what)
            return
        if not journal.there:
            self._report.add("seal", "journal", journal.key, "it is sealed and gone")
        elif journal.leaves[0] != sealed[0]:
            self._report.add("seal", "journal", journal.key, "it is not as it was sealed")
        now = journal.leaves[journal.there :]
        known, present = set(sealed[1:]), set(now)
        strange = [entry for entry, leaf in zip(entries, now, strict=True) if leaf not in known]
        gone = [number for number, leaf in enumerate(sealed) if number and leaf not in present]
        for place, (account_id, version, line) in enumerate(strange):
            key = f"account_id={account_id}, version={version}"
            # The terms of an account are sealed with its first entry.
            row = f"it (line {line} of journal {journal.journal_id})" + (" or its account" if version == 1 else "")
            happened = "is not as it was sealed" if place < len(gone) else "was added after the seal"
            self._report.add("seal", "entry", key, f"{row} {happened}")
        for number in gone[len(strange) :]:
            what = f"number {number} of its {len(sealed) - 1} sealed entries is gone"
            self._report.add("seal", "entry", f"journal_id={journal.journal_id}", what)
        if not strange and not gone and now != sealed[1:]:
            what = "its entries stand in another order than when they were sealed"
            self._report.add("seal", "journal", journal.key, what)


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"
