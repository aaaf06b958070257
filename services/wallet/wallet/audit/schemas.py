"""What the audit answers with; hashes and signatures in lower-case hex."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Literal

from pydantic import RootModel

from foundation.schemas import ApiOut
from wallet.audit.actions import Proof
from wallet.audit.models import Block
from wallet.audit.rules import Sibling
from wallet.ledger.periods.queries import Totals


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

    @classmethod
    def of(cls, totals: Totals) -> AccountTotalsOut:
        return cls(
            address=totals.address, debit=totals.debit, credit=totals.credit, balance=totals.credit - totals.debit
        )


class AssetTotalsOut(ApiOut):
    debit: int
    credit: int
    difference: int
    accounts: list[AccountTotalsOut]


class TrialBalanceOut(RootModel[dict[str, AssetTotalsOut]]):
    """Per asset code; the accounts come first and the totals, which are known then, last."""


_WRITTEN_AT_ONCE = 500


def trial_balance_json(accounts: Generator[Totals]) -> Generator[bytes]:
    """Write a `TrialBalanceOut` while its accounts are read: of a hundred thousand only some are ever in memory."""
    with closing(accounts):
        before = b"{"
        for asset, of_asset in groupby(accounts, attrgetter("asset")):
            debit = credit = 0
            yield before + json.dumps(asset).encode() + b':{"accounts":['
            separator = ""
            while some := list(islice(of_asset, _WRITTEN_AT_ONCE)):
                debit += sum(each.debit for each in some)
                credit += sum(each.credit for each in some)
                written = ",".join(AccountTotalsOut.of(each).model_dump_json(by_alias=True) for each in some)
                yield (separator + written).encode()
                separator = ","
            yield f'],"debit":{debit},"credit":{credit},"difference":{credit - debit}}}'.encode()
            before = b","
        yield b"{}" if before == b"{" else b"}"


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
