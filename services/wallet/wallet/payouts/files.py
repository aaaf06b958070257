"""The file of a batch, made again each time it is asked for and held against the hash of the first time.

It is not stored, so that names and accounts lie in one place only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from uuid import UUID

from sqlmodel import Session

from wallet.holders.queries import IBAN_FIELD
from wallet.holders.vault import Sealed, Vault
from wallet.payouts import queries, rules
from wallet.payouts.channels import Order, Payment
from wallet.payouts.channels.sepa import SepaChannel
from wallet.payouts.models import Batch
from wallet.payouts.refusals import ContentChanged, NotSent


def batch_file(db: Session, vault: Vault, batch_id: UUID) -> tuple[Batch, bytes]:
    """Give the file of a sent batch: the same bytes each time. Raises `NotSent`, `ContentChanged`."""
    batch = queries.batch(db, batch_id)
    if batch.file_sha256 is None:
        raise NotSent("Het bestand is er zodra de uitbetaling is verzonden.")
    content = file_content(db, vault, batch)
    if hashlib.sha256(content).digest() != batch.file_sha256:
        raise ContentChanged("Het bestand is niet meer wat is goedgekeurd en verzonden. Gebruik het niet; meld dit.")
    return batch, content


def file_content(db: Session, vault: Vault, batch: Batch) -> bytes:
    """Write the file of a batch from what was frozen; raises `ControlTotalWrong` where lines and totals differ."""
    assert batch.sending_at is not None
    assert batch.debtor_name is not None
    assert batch.debtor_iban is not None
    order = Order(
        message_id=rules.message_id(batch.id),
        created_at=batch.sending_at,
        execute_on=batch.execute_on,
        debtor_name=batch.debtor_name,
        debtor_iban=batch.debtor_iban,
        purpose=rules.PAYABLE[batch.purse].purpose,
        payments=batch.lines,
        total=batch.total,
    )
    target = BytesIO()
    SepaChannel().write(order, _payments(db, vault, batch), target)
    return target.getvalue()


def _payments(db: Session, vault: Vault, batch: Batch) -> Iterator[Payment]:
    remittance = rules.remittance(batch.purse, batch.number)
    for row in queries.payable_lines(db, batch.id):
        iban = vault.open(row.holder_id, f"{IBAN_FIELD}:{row.iban_id}", Sealed(row.ciphertext, row.nonce, row.key_id))
        yield Payment(
            row.end_to_end_id,
            row.amount,
            row.creditor_name,
            iban,
            row.reference or remittance,
            rules.creditor_reference(row.reference),
        )
