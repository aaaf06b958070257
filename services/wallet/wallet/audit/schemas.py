"""What the audit answers with; hashes and signatures in lower-case hex."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import RootModel

from foundation.schemas import ApiOut
from wallet.audit.actions import Proof
from wallet.audit.models import Block
from wallet.audit.queries import AccountTotals
from wallet.audit.rules import Sibling


class BlockOut(ApiOut):
    number: int
    previous_header: str
    root: str
    journals: int
    entries: int
    first_journal: int
    last_journal: int
    sums: dict[str, int]
    sealed_at: datetime
    format_version: int
    header: str
    signature: str
    key_id: str

    @classmethod
    def of(cls, block: Block) -> BlockOut:
        return cls(
            number=block.number,
            previous_header=block.previous_header.hex(),
            root=block.root.hex(),
            journals=block.journals,
            entries=block.entries,
            first_journal=block.first_journal,
            last_journal=block.last_journal,
            sums=block.sums,
            sealed_at=block.sealed_at,
            format_version=block.format_version,
            header=block.header.hex(),
            signature=block.signature.hex(),
            key_id=block.key_id,
        )


class AccountTotalsOut(ApiOut):
    address: str
    debit: int
    credit: int
    balance: int


class AssetTotalsOut(ApiOut):
    debit: int
    credit: int
    difference: int
    accounts: list[AccountTotalsOut]

    @classmethod
    def of(cls, totals: Sequence[AccountTotals]) -> AssetTotalsOut:
        debit, credit = sum(t.debit for t in totals), sum(t.credit for t in totals)
        accounts = [
            AccountTotalsOut(address=t.address, debit=t.debit, credit=t.credit, balance=t.credit - t.debit)
            for t in totals
        ]
        return cls(debit=debit, credit=credit, difference=credit - debit, accounts=accounts)


class TrialBalanceOut(RootModel[dict[str, AssetTotalsOut]]):
    """Per asset code."""


class SiblingOut(ApiOut):
    side: Literal["left", "right"]
    hash: str

    @classmethod
    def of(cls, path: Sequence[Sibling]) -> list[SiblingOut]:
        return [cls(side=sibling.side, hash=sibling.hash.hex()) for sibling in path]


class ProofOut(ApiOut):
    """leaf = SHA-256 of `encoded`; with `journal_siblings` (02 before each pair) it gives `journal_root`, and that with
    `block_siblings` (03 before each pair) the root of `block`, whose header is signed and anchored."""

    id: str
    encoded: str
    leaf: str
    journal_siblings: list[SiblingOut]
    journal_root: str
    block_siblings: list[SiblingOut]
    block: BlockOut

    @classmethod
    def of(cls, proof: Proof) -> ProofOut:
        return cls(
            id=f"{proof.journal_id}-{proof.line}",
            encoded=proof.encoded.hex(),
            leaf=proof.leaf.hex(),
            journal_siblings=SiblingOut.of(proof.journal_path),
            journal_root=proof.journal_root.hex(),
            block_siblings=SiblingOut.of(proof.block_path),
            block=BlockOut.of(proof.block),
        )
