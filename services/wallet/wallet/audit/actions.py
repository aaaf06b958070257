"""What is done about proof: seal what waits, and prove that one transfer is under a seal."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlmodel import Session

from foundation.access import Caller, Role
from foundation.database import Database
from wallet.audit import anchor, queries, rules
from wallet.audit.models import Block
from wallet.audit.refusals import BlockNotFound, NotSealedYet, SealBroken, TransferNotFound
from wallet.audit.signing import SealKey, seal_key
from wallet.ledger.actions.reading import check_block
from wallet.ledger.periods.queries import AsOf, Totals, totals
from wallet.ledger.rules import shown_as_total

MOST_ENTRIES = 200_000
"""Of one block: about 2.5 s of hashing, and 50 MB in the sealer's session."""
LONGEST_RUN_S = 30.0
"""One call stops taking on blocks after this; the next goes on. Half of a task's time limit."""

_TRANSFER_ID = re.compile(r"([0-9]{1,18})-([0-9]{1,9})")


class SealSettings(Protocol):
    """The settings that sealing needs."""

    @property
    def seal_key_file(self) -> Path: ...

    @property
    def anchor_file(self) -> Path: ...


def seal_due_blocks(database: Database, settings: SealSettings, *, most_entries: int = MOST_ENTRIES) -> int:
    """Seal the journals that wait for it, block after block, and anchor each block; returns how many were made.

    Cheap when nothing waits, and harmless when two do it at once: one seals, the other finds nothing to do. Only
    journals and their entries are sealed, with each account's terms at its first entry; holds and their events are
    not: they move nothing, and a capture is an entry. Raises `AnchorDisagreesError` when the database no longer holds
    what was anchored: then nothing is sealed on top of it.
    """
    key = seal_key(settings.seal_key_file)
    until = time.monotonic() + LONGEST_RUN_S
    made = 0
    # Before anything new: a crash may have come between a commit and its line in the anchor.
    _anchor(database, settings.anchor_file)
    waits = _waits(database)
    while waits and time.monotonic() < until:
        if database.run(lambda db: _seal_next_block(db, key, most_entries)) is None:
            break
        made += 1
        _anchor(database, settings.anchor_file)
        waits = _waits(database)
    return made


def _seal_next_block(db: Session, key: SealKey, most_entries: int) -> int | None:
    drafted = queries.draft_next_block(db, most_entries)
    if drafted is None:
        return None
    number, header = drafted
    queries.sign_block(db, number, key.sign(header), key.key_id)
    return number


def _waits(database: Database) -> bool:
    with database.reading() as db:
        return queries.waits_for_a_seal(db)


def _anchor(database: Database, path: Path) -> None:
    def blocks_from(number: int) -> Iterator[anchor.Anchor]:
        # A picture taken after the file was read: a block that another sealer anchored meanwhile is in it.
        with database.reading() as db:
            yield from queries.anchors_from(db, number)

    anchor.append_missing(path, blocks_from)


def find_block(db: Session, number: int) -> Block:
    """Give one block; raises `BlockNotFound`."""
    found = queries.block(db, number)
    if found is None:
        raise BlockNotFound(number)
    return found


def trial_balance(database: Database, as_of: AsOf) -> Generator[Totals]:
    """Add up every account, one after the other, by asset and address; raises `BlockNotThere` at the first."""
    with database.reading() as db:
        check_block(db, as_of.block)
        yield from totals(db, as_of)


@dataclass(frozen=True, slots=True)
class Proof:
    """That one line stands in the books as it was sealed: enough to compute the block's header without our software."""

    journal_id: int
    line: int
    encoded: bytes
    leaf: bytes
    journal_path: list[rules.Sibling]
    journal_root: bytes
    block_path: list[rules.Sibling]
    block: Block


def prove_transfer(db: Session, transfer_id: str, caller: Caller) -> Proof:
    """Prove that a transfer is under a seal; a pass holder gets the line on a purse of their own.

    Raises `TransferNotFound` (also for what is another holder's, or shown to them in totals only), `NotSealedYet`, `SealBroken`.
    """
    matched = _TRANSFER_ID.fullmatch(transfer_id)
    if matched is None:
        raise TransferNotFound
    journal_id, line = int(matched[1]), int(matched[2])
    # Lines 2i-1 and 2i are the two sides of transfer i, and both name it.
    sides = [line] if caller.has(Role.AUDITOR) else [line - 1 + line % 2, line + line % 2]
    row = next(
        (row for row in queries.legs(db, journal_id, sides) if _may_see(caller, str(row["account_address"]))),
        None,
    )
    if row is None or not (caller.has(Role.AUDITOR) or _is_listed(db, journal_id, row["account_purse"])):
        raise TransferNotFound
    sealed = queries.seal_of(db, journal_id)
    block = queries.block(db, sealed.block_number) if sealed else None
    if sealed is None or block is None:
        raise NotSealedYet
    account = {name: row[f"account_{name}"] for name in rules.ACCOUNT_FIELDS}
    encoded = rules.encode_entry(row, account)
    leaf = rules.leaf(encoded)
    leaves = [sealed.leaves[at : at + 32] for at in range(0, len(sealed.leaves), 32)]
    place = queries.place_in_journal(db, journal_id, row["line"])
    if place >= len(leaves) or leaves[place] != leaf:
        raise SealBroken
    return Proof(
        journal_id,
        row["line"],
        encoded,
        leaf,
        rules.tree_path(leaves, place, rules.JOURNAL_NODE),
        sealed.root,
        rules.tree_path(queries.journal_roots(db, block.number), sealed.position - 1, rules.BLOCK_NODE),
        block,
    )


def _is_listed(db: Session, journal_id: int, purse: str | None) -> bool:
    """Tell whether a holder sees entries of this journal on this purse one by one."""
    total = shown_as_total(purse)
    return total is None or queries.kind_of(db, journal_id) != total.kind


def _may_see(caller: Caller, address: str) -> bool:
    own = caller.holder_id is not None and address.startswith(f"holder:{caller.holder_id}:")
    return caller.has(Role.AUDITOR) or (caller.has(Role.PASS_HOLDER) and own)
