"""Reading and calling the seals: blocks, what waits for one, the trial balance, and what a proof needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from wallet.audit.anchor import Anchor
from wallet.audit.models import Block, BlockJournal
from wallet.audit.rules import ACCOUNT_FIELDS, ENTRY_FIELDS


def waits_for_a_seal(db: Session) -> bool:
    """Tell whether a journal is there that no block seals."""
    return db.execute(text("SELECT 1 FROM ledger.unsealed LIMIT 1")).first() is not None


def draft_next_block(db: Session, most_entries: int) -> tuple[int, bytes] | None:
    """Hash what waits into a block and give its number and header; nothing when nothing waits or another is sealing.

    The transaction cannot commit before `sign_block`.
    """
    drafted = text("SELECT number, header FROM ledger.seal_next_block(:most_entries)")
    row = db.execute(drafted, {"most_entries": most_entries}).first()
    return None if row is None else (row.number, bytes(row.header))


def sign_block(db: Session, number: int, signature: bytes, key_id: str) -> None:
    """Put the signature under the block that this transaction drafted."""
    db.execute(
        text("SELECT ledger.sign_block(:number, :signature, :key_id)"),
        {"number": number, "signature": signature, "key_id": key_id},
    )


def anchors_from(db: Session, number: int) -> Iterator[Anchor]:
    """Give what the anchor file must hold from this block on, in order."""
    columns = select(Block.number, Block.header, Block.signature, Block.sealed_at)
    found = db.exec(columns.where(Block.number >= number).order_by(col(Block.number)).execution_options(yield_per=1000))
    for row in found:
        yield Anchor(row[0], bytes(row[1]), bytes(row[2]), row[3])


def block(db: Session, number: int) -> Block | None:
    """Give one block."""
    return db.get(Block, number)


def last_block(db: Session) -> Block | None:
    """Give the newest block."""
    return db.exec(select(Block).order_by(col(Block.number).desc()).limit(1)).first()


def blocks_before(db: Session, number: int | None, limit: int) -> Sequence[Block]:
    """Give blocks, newest first, those before block `number` where one is given."""
    statement = select(Block).order_by(col(Block.number).desc()).limit(limit)
    return db.exec(statement if number is None else statement.where(Block.number < number)).all()


def legs(db: Session, journal_id: int, lines: Sequence[int]) -> Sequence[Mapping[str, Any]]:
    """Give entries of one journal with their accounts' terms, as `account_<field>`."""
    columns = [f"e.{name}" for name in ENTRY_FIELDS] + [f"a.{name} AS account_{name}" for name in ACCOUNT_FIELDS]
    statement = text(
        f"""
        SELECT {", ".join(columns)}
          FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id
         WHERE e.journal_id = :journal_id AND e.line = ANY (:lines) ORDER BY e.line
        """
    )
    return [dict(row) for row in db.execute(statement, {"journal_id": journal_id, "lines": list(lines)}).mappings()]


def kind_of(db: Session, journal_id: int) -> str:
    """Give the kind of a journal."""
    kind: str = db.execute(text("SELECT kind FROM ledger.journal WHERE id = :id"), {"id": journal_id}).scalar_one()
    return kind


def place_in_journal(db: Session, journal_id: int, line: int) -> int:
    """Give which leaf of its journal this line is, from 0; leaf 0 is the journal itself."""
    counted = text("SELECT count(*) FROM ledger.entry WHERE journal_id = :journal_id AND line <= :line")
    return int(db.execute(counted, {"journal_id": journal_id, "line": line}).scalar_one())


def seal_of(db: Session, journal_id: int) -> BlockJournal | None:
    """Give where a journal is sealed."""
    return db.exec(select(BlockJournal).where(BlockJournal.journal_id == journal_id)).first()


def journal_roots(db: Session, number: int) -> list[bytes]:
    """Give the roots of all journals of one block, in order."""
    found = select(BlockJournal.root).where(BlockJournal.block_number == number).order_by(col(BlockJournal.position))
    return [bytes(root) for root in db.exec(found).all()]
