"""The verifier's reading of sealed journals and entries: their leaves, trees and sums, and the rows that changed.

The sealer puts a leaf together in SQL, field by field; here the fields are hashed as the database itself sends them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.pq import ExecStatus

from wallet.audit import rules
from wallet.audit.differences import Report

# In binary, COPY writes the fields of a row just as a leaf hashes them: the length in 4 bytes (-1 where absent) and
# the bytes. The first fields, of fixed width, are for us and not part of the leaf. (A root that is no hash any more
# is hashed, so that it is 32 bytes and still wrong.)
_JOURNALS = f"""
COPY (SELECT b.block_number, b.position, b.journal_id, j.id IS NOT NULL,
             CASE WHEN octet_length(b.root) = 32 THEN b.root ELSE sha256(b.root) END, sha256(b.leaves),
             {", ".join(f"j.{name}" for name in rules.JOURNAL_FIELDS)}
        FROM ledger.block_journal b
        LEFT JOIN ledger.journal j ON j.id = b.journal_id
       WHERE b.block_number BETWEEN {{0}} AND {{1}} ORDER BY b.block_number, b.position)
TO STDOUT (FORMAT binary)
"""
_OF_JOURNAL = struct.Struct(">h 4xq 4xi 4xq 4x? 4x32s 4x32s")
_JOURNAL_FIELDS = 6 + len(rules.JOURNAL_FIELDS)

_ENTRIES = f"""
COPY (SELECT coalesce(array_position(ARRAY(SELECT code FROM ledger.asset ORDER BY code), a.asset), 0),
             {", ".join(f"e.{name}" for name in rules.ENTRY_FIELDS)},
             {", ".join(f"CASE WHEN e.version = 1 THEN a.{name} END" for name in rules.ACCOUNT_FIELDS)}
        FROM ledger.block_journal b
        JOIN ledger.entry e ON e.journal_id = b.journal_id
        LEFT JOIN ledger.account a ON a.id = e.account_id
       WHERE b.block_number BETWEEN {{0}} AND {{1}} ORDER BY b.block_number, b.position, e.line)
TO STDOUT (FORMAT binary)
"""
# The number of fields, the asset's number, journal_id and amount; lengths and what is between are skipped.
_OF_ENTRY = struct.Struct(">h4xi 12x 12x 4xq 8x 4xq")
_ENTRY_LEAF_STARTS = 10
_ENTRY_FIELDS = 1 + len(rules.ENTRY_FIELDS) + len(rules.ACCOUNT_FIELDS)

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
    leaves_hash: bytes
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

    def is_as_sealed(self) -> bool:
        """Tell whether the rows still make the root, and the leaves that are kept below it."""
        return (
            self.there
            and rules.tree_root(self.leaves, rules.JOURNAL_NODE) == self.root
            and hashlib.sha256(b"".join(self.leaves)).digest() == self.leaves_hash
        )


class SealedRows:
    """Reads what the blocks seal, batch by batch, and names what is not as it was sealed."""

    def __init__(self, db: psycopg.Connection[Any], report: Report) -> None:
        self._db = db
        self._report = report
        codes = db.execute("SELECT code FROM ledger.asset ORDER BY code").fetchall()
        self._assets = ["no asset", *(str(code) for (code,) in codes)]

    def read(self, first: int, last: int) -> list[SealedJournal]:
        """Give the journals of the blocks from `first` to `last` in order, after naming those that changed."""
        journals = [self._journal(row) for row in self._copied(_JOURNALS.format(first, last))]
        self._read_entries(first, last, {journal.journal_id: journal for journal in journals})
        for journal in journals:
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
        fields, block_number, position, journal_id, there, root, leaves_hash = _OF_JOURNAL.unpack_from(row)
        if fields != _JOURNAL_FIELDS:
            raise psycopg.DataError(f"a journal has {fields} fields, not {_JOURNAL_FIELDS}")
        leaves = []
        if there:
            leaves.append(rules.leaf(rules.JOURNAL + row[_OF_JOURNAL.size :]))
            self._report.journals += 1
        return SealedJournal(block_number, position, journal_id, root, leaves_hash, there, leaves)

    def _read_entries(self, first: int, last: int, journals: Mapping[int, SealedJournal]) -> None:
        """Add each entry's leaf and amount to its journal: the one loop whose speed matters."""
        sha256, prefix, parts_of = hashlib.sha256, rules.ENTRY, _OF_ENTRY.unpack_from
        current: SealedJournal | None = None
        journal_id = asset = total = credited = count = 0
        for row in self._copied(_ENTRIES.format(first, last)):
            fields, asset_now, journal_now, amount = parts_of(row)
            if journal_now != journal_id or asset_now != asset or current is None:
                if fields != _ENTRY_FIELDS:
                    raise psycopg.DataError(f"an entry has {fields} fields, not {_ENTRY_FIELDS}")
                if current is not None:
                    current.add(self._assets[asset], total, credited)
                current, journal_id, asset, total, credited = journals[journal_now], journal_now, asset_now, 0, 0
            current.leaves.append(sha256(prefix + row[_ENTRY_LEAF_STARTS:]).digest())
            count += 1
            total += amount
            if amount > 0:
                credited += amount
        if current is not None:
            current.add(self._assets[asset], total, credited)
        self._report.entries += count

    def _name_changed_rows(self, journal: SealedJournal) -> None:
        """Name the rows that are not the sealed ones, with the help of the leaves that are kept under the seal."""
        with self._db.cursor() as cursor:
            kept = cursor.execute(
                "SELECT leaves FROM ledger.block_journal WHERE block_number = %s AND position = %s",
                (journal.block_number, journal.position),
            ).fetchall()[0][0]
            entries = cursor.execute(
                "SELECT account_id, version, line FROM ledger.entry WHERE journal_id = %s ORDER BY line",
                (journal.journal_id,),
            ).fetchall()
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
