"""What a seal is made of, format version 1: fields, leaves, trees, headers and proofs.

The sealer writes the same in SQL (migrations/sql/0002_seals.sql, where the format is described) and the verifier reads
it from the database's own binary form; `encode_journal` and `encode_entry` say it a third time, for proofs and for
the tests that hold the other two against it. Every number is big-endian, every text UTF-8, every hash SHA-256.
Nothing sealed is personal data: entries carry ids, and the words are made on reading.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

FORMAT_VERSION = 1
NO_HEADER = bytes(32)
"""What stands as previous header in block 1."""

ENTRY = b"\x00\x00\x01"
JOURNAL = b"\x01\x00\x01"
JOURNAL_NODE = b"\x02"
BLOCK_NODE = b"\x03"
HEADER = b"\x04"
ABSENT = b"\xff\xff\xff\xff"

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(2000, 1, 1)

Kind = Literal["smallint", "int", "bigint", "text", "date", "timestamptz", "uuid", "bytea"]
Value = int | str | date | datetime | UUID | bytes | None

JOURNAL_FIELDS: dict[str, Kind] = {
    "id": "bigint",
    "kind": "text",
    "value_date": "date",
    "recorded_at": "timestamptz",
    "actor": "text",
    "on_behalf_of": "text",
    "decision": "text",
    "batch": "text",
    "chunk": "int",
    "reason": "text",
    "format_version": "smallint",
}
ENTRY_FIELDS: dict[str, Kind] = {
    "account_id": "bigint",
    "version": "bigint",
    "journal_id": "bigint",
    "line": "int",
    "amount": "bigint",
    "balance_after": "bigint",
    "counter_account_id": "bigint",
    "grant_key": "text",
    "reference": "text",
    "explanation": "text",
    "hold_id": "uuid",
    "reversed_journal_id": "bigint",
    "reversed_line": "int",
    "nonce": "bytea",
}
ACCOUNT_FIELDS: dict[str, Kind] = {
    "address": "text",
    "asset": "text",
    "kind": "text",
    "purse": "text",
    "opened_at": "timestamptz",
}
"""An account's terms are sealed with its first entry (version 1); in later entries these fields are absent."""

_NUMBERS: dict[str, struct.Struct] = {
    "smallint": struct.Struct(">h"),
    "int": struct.Struct(">i"),
    "bigint": struct.Struct(">q"),
}
_LENGTH = struct.Struct(">i")


def field(kind: Kind, value: Value) -> bytes:
    """Encode one field: its length in 4 bytes and its bytes, or the length -1 alone where it is absent."""
    if value is None:
        return ABSENT
    match value:
        case datetime():
            content = struct.pack(">q", (value - _EPOCH) // timedelta(microseconds=1))
        case date():
            content = struct.pack(">i", (value - _EPOCH_DAY).days)
        case UUID():
            content = value.bytes
        case str():
            content = value.encode()
        case int():
            content = _NUMBERS[kind].pack(value)
        case bytes():
            content = value
    return _LENGTH.pack(len(content)) + content


def encode_journal(row: Mapping[str, Value]) -> bytes:
    """Encode a journal, by column name, as its leaf hashes it."""
    return JOURNAL + b"".join(field(kind, row[name]) for name, kind in JOURNAL_FIELDS.items())


def encode_entry(entry: Mapping[str, Value], account: Mapping[str, Value]) -> bytes:
    """Encode an entry and, at version 1, its account's terms, by column name, as its leaf hashes them."""
    own = [field(kind, entry[name]) for name, kind in ENTRY_FIELDS.items()]
    first = entry["version"] == 1
    terms = [field(kind, account[name] if first else None) for name, kind in ACCOUNT_FIELDS.items()]
    return ENTRY + b"".join(own + terms)


def leaf(encoded: bytes) -> bytes:
    """Hash what was encoded."""
    return hashlib.sha256(encoded).digest()


def tree_root(nodes: Sequence[bytes], domain: bytes) -> bytes:
    """Give the root of the Merkle tree over these nodes; an odd last node moves up as it is."""
    sha256, joined = hashlib.sha256, b"".join
    level = nodes
    while len(level) > 1:
        one_by_one = iter(level)
        # Both sides take from the same iterator, so each pair is the next two; slices of a level cost a third more, and
        # adding three texts up instead of joining them an eighth.
        pairs = zip(one_by_one, one_by_one, strict=False)
        above = [sha256(joined((domain, left, right))).digest() for left, right in pairs]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


@dataclass(frozen=True, slots=True)
class Sibling:
    """The node beside the path at one level, and on which side of it."""

    side: Literal["left", "right"]
    hash: bytes


def tree_path(nodes: Sequence[bytes], position: int, domain: bytes) -> list[Sibling]:
    """Give the siblings from the node at `position` (from 0) up to the root."""
    path: list[Sibling] = []
    level = list(nodes)
    while len(level) > 1:
        beside = position ^ 1
        if beside < len(level):
            path.append(Sibling("left" if beside < position else "right", level[beside]))
        above = [leaf(domain + left + right) for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            above.append(level[-1])
        level, position = above, position // 2
    return path


def climb(node: bytes, path: Sequence[Sibling], domain: bytes) -> bytes:
    """Give the root that a node reaches along its siblings."""
    for sibling in path:
        pair = sibling.hash + node if sibling.side == "left" else node + sibling.hash
        node = leaf(domain + pair)
    return node


@dataclass(frozen=True, slots=True)
class BlockSeal:
    """What a block's header commits to; `sums` is what was credited, per asset."""

    number: int
    previous_header: bytes
    root: bytes
    journals: int
    entries: int
    first_journal: int
    last_journal: int
    sums: Mapping[str, int]
    sealed_at: datetime
    format_version: int


def block_header(seal: BlockSeal) -> bytes:
    """Hash everything that a block says of itself."""
    counts = struct.pack(">iiqqi", seal.journals, seal.entries, seal.first_journal, seal.last_journal, len(seal.sums))
    sums = [field("text", asset) + field("text", str(seal.sums[asset])) for asset in sorted(seal.sums)]
    at = struct.pack(">q", (seal.sealed_at - _EPOCH) // timedelta(microseconds=1))
    start = HEADER + struct.pack(">h", seal.format_version) + seal.previous_header + struct.pack(">q", seal.number)
    return leaf(start + seal.root + counts + b"".join(sums) + at)
