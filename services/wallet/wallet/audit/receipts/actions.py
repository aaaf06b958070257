"""Making receipts of transfer batches, signed with the key under the seals."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from foundation.access import Caller
from foundation.refusals import Conflict
from wallet.audit.receipts import queries
from wallet.audit.receipts.schemas import BatchReceiptOut, ExceptionsOut, SealingBlockOut, SignedReceiptOut
from wallet.audit.signing import SealKey
from wallet.ledger.bulk.actions import visible
from wallet.ledger.bulk.models import BulkBatch

# No block header begins like this, so that a signature under the one is never one under the other.
SIGNED_AS = "stadsbeurs transfer batch receipt\n"


class NotPosted(Conflict):
    code = "notPosted"


def receipt_of(db: Session, batch_id: UUID, caller: Caller, key: SealKey) -> SignedReceiptOut:
    """Give the receipt of a batch that was posted, signed. Raises `BatchNotFound` or `NotPosted`."""
    batch = visible(db, batch_id, caller)
    if batch.posted_at is None:
        raise NotPosted("Het bewijs is er zodra alle regels zijn geboekt.")
    receipt = _receipt(db, batch)
    signed = receipt.model_dump_json(by_alias=True)
    signature = key.sign((SIGNED_AS + signed).encode())
    return SignedReceiptOut(receipt=receipt, signed=signed, signature=signature.hex(), key_id=key.key_id)


def _receipt(db: Session, batch: BulkBatch) -> BatchReceiptOut:
    assert batch.content_hash is not None
    blocks = queries.blocks_over(db, batch.id)
    copied = {name: getattr(batch, name) for name in BatchReceiptOut.model_fields if name in BulkBatch.model_fields}
    return BatchReceiptOut(
        **copied
        | {
            "batch_id": batch.id,
            "file_sha256": batch.file_sha256.hex(),
            "content_hash": batch.content_hash.hex(),
            "excluded_lines": batch.excluded,
            "exceptions": [
                ExceptionsOut(code=row.code, lines=row.lines) for row in queries.exceptions_by_code(db, batch.id)
            ],
            "first_journal": None if batch.first_journal is None else str(batch.first_journal),
            "last_journal": None if batch.last_journal is None else str(batch.last_journal),
            "blocks": [
                SealingBlockOut(number=row.number, header=row.header.hex(), journals=row.journals)
                for row in blocks
                if row.number is not None
            ],
            "sealed": all(row.number is not None for row in blocks),
        }
    )
