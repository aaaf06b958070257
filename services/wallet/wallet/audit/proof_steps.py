"""A proof checked step by step, from its own bytes to the signed and anchored header, with SHA-256 and Ed25519 alone.

Nothing here shares code with what sealed the books or made the proof: the fields are read out of the encoded line, the
nodes are hashed and the header is put together once more. What remains to be believed is the anchor file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from wallet.audit import anchor
from wallet.audit.anchor import Anchor
from wallet.audit.signing import SealKeys

if TYPE_CHECKING:
    from wallet.audit.actions import Proof
    from wallet.audit.models import Block
    from wallet.audit.rules import Sibling

_LINE_STARTS = b"\x00\x00\x01"
_ABSENT = 0xFFFFFFFF
_NUMBER, _TEXT, _UUID, _BYTES, _INSTANT = "number", "text", "uuid", "bytes", "instant"
# In the order of the format (migrations/sql/0002_seals.sql); the account's terms stand in its first entry only.
_FIELDS = {
    "account id": _NUMBER,
    "version": _NUMBER,
    "journal id": _NUMBER,
    "line": _NUMBER,
    "amount": _NUMBER,
    "balance after": _NUMBER,
    "counter account id": _NUMBER,
    "grant key": _TEXT,
    "reference": _TEXT,
    "explanation": _TEXT,
    "hold id": _UUID,
    "reversed journal id": _NUMBER,
    "reversed line": _NUMBER,
    "nonce": _BYTES,
    "account address": _TEXT,
    "account asset": _TEXT,
    "account kind": _TEXT,
    "account purse": _TEXT,
    "account opened at": _INSTANT,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that must be so, and whether it is."""

    claim: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """A proof with what its line says, its line in the anchor file, and every step."""

    fields: dict[str, str | None]
    anchored: Anchor | None
    steps: list[Step]

    @property
    def agrees(self) -> bool:
        return all(step.agrees for step in self.steps)


def check(proof: Proof, transfer_id: str, keys: SealKeys, anchor_file: Path) -> Checked:
    """Check a proof. Raises `OSError` and `BrokenLineError` where the anchor file cannot be read."""
    fields = fields_of(proof.encoded)
    anchored = _anchored(anchor_file, proof.block.number)
    block = proof.block
    journal_root = _climb(proof.leaf, proof.journal_path, b"\x02")
    named = f"{fields['journal id']}-{fields['line']}"
    fault = keys.fault(block.key_id, block.header, block.signature)
    return Checked(
        fields,
        anchored,
        [
            Step(f"the encoded line says that it is {transfer_id}", named == transfer_id),
            Step("the SHA-256 of the encoded line is the leaf", sha256(proof.encoded).digest() == proof.leaf),
            Step("the leaf and its siblings make the journal's root", journal_root == proof.journal_root),
            Step(
                "that and its siblings make the block's root",
                _climb(journal_root, proof.block_path, b"\x03") == block.root,
            ),
            Step("the block's fields make its header", _header(block) == block.header),
            Step(fault or f"the header is signed with key {block.key_id}", fault is None),
            _anchor_step(block, anchored),
        ],
    )


def fields_of(encoded: bytes) -> dict[str, str | None]:
    """Read the fields of an encoded line; raises `ValueError` where it is none."""
    if not encoded.startswith(_LINE_STARTS):
        raise ValueError("this is no line of format version 1")
    found: dict[str, str | None] = {}
    at = len(_LINE_STARTS)
    for name, kind in _FIELDS.items():
        length = int.from_bytes(encoded[at : at + 4])
        at += 4
        if length == _ABSENT:
            found[name] = None
            continue
        found[name] = _written(kind, encoded[at : at + length])
        at += length
    if at != len(encoded):
        raise ValueError("this line is longer or shorter than its fields")
    return found


def _written(kind: str, content: bytes) -> str:
    if kind == _NUMBER:
        return str(int.from_bytes(content, signed=True))
    if kind == _TEXT:
        return content.decode()
    if kind == _UUID:
        return str(UUID(bytes=content))
    if kind == _INSTANT:
        since_2000 = timedelta(microseconds=int.from_bytes(content, signed=True))
        return (datetime(2000, 1, 1, tzinfo=UTC) + since_2000).isoformat(timespec="microseconds")
    return content.hex()


def _climb(node: bytes, siblings: Sequence[Sibling], domain: bytes) -> bytes:
    for sibling in siblings:
        left, right = (sibling.hash, node) if sibling.side == "left" else (node, sibling.hash)
        node = sha256(domain + left + right).digest()
    return node


def _header(block: Block) -> bytes:
    """Put together what a header is the hash of, as migrations/sql/0002_seals.sql describes it."""
    since_2000 = block.sealed_at - datetime(2000, 1, 1, tzinfo=UTC)
    content = [b"\x04", _number(block.format_version, 2), block.previous_header, _number(block.number, 8), block.root]
    content += [_number(block.journals, 4), _number(block.entries, 4)]
    content += [_number(block.first_journal, 8), _number(block.last_journal, 8), _number(len(block.sums), 4)]
    for asset in sorted(block.sums):
        for word in (asset.encode(), str(block.sums[asset]).encode()):
            content += [_number(len(word), 4), word]
    content.append(_number(since_2000 // timedelta(microseconds=1), 8))
    return sha256(b"".join(content)).digest()


def _number(value: int, width: int) -> bytes:
    return value.to_bytes(width, "big", signed=True)


def _anchored(path: Path, number: int) -> Anchor | None:
    return next((line for line in anchor.read(path, anchor.size(path)) if line.number == number), None)


def _anchor_step(block: Block, anchored: Anchor | None) -> Step:
    if anchored is None:
        return Step(f"the anchor file has no line of block {block.number}", False)
    same = (anchored.header, anchored.signature, anchored.sealed_at) == (block.header, block.signature, block.sealed_at)
    what = "has" if same else "has other values than"
    return Step(f"the anchor file {what} the header, signature and time of block {block.number}", same)
