"""The receipt of a transfer batch over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.identifiers import identifier
from wallet.audit.actions import SealSettings
from wallet.audit.receipts.actions import receipt_of
from wallet.audit.receipts.schemas import SignedReceiptOut
from wallet.audit.signing import SealKey, seal_key
from wallet.ledger.bulk.refusals import BatchNotFound

router = APIRouter(tags=["transfer-batches"])

Reader = Annotated[Caller, require(Role.SERVICE, Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]


def _key(request: Request, _: Reader) -> SealKey:
    settings: SealSettings = request.app.state.settings
    return seal_key(settings.seal_key_file)


@router.get("/transfer-batches/{batch_id}/receipt")
def get_receipt(
    batch_id: Annotated[str, Path(max_length=60)],
    caller: Reader,
    db: ReadSession,
    key: Annotated[SealKey, Depends(_key)],
) -> SignedReceiptOut:
    """What became of a batch, signed; `sealed` tells whether every journal of it stands in a block by now."""
    known = identifier(batch_id)
    if known is None:
        raise BatchNotFound
    return receipt_of(db, known, caller, key)
