"""What a receipt says; hashes and signatures in lower-case hex."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from foundation.schemas import ApiOut


class ExceptionsOut(ApiOut):
    code: str
    lines: int


class SealingBlockOut(ApiOut):
    number: int
    header: str
    journals: int


class BatchReceiptOut(ApiOut):
    """What became of one transfer batch.

    `posted_lines` + `failed_lines` = `lines` - `excluded_lines`, and `posted_total` + `failed_total` = `total`.
    `sealed` once every journal of the batch stands in one of `blocks`; from then on the receipt never changes.
    """

    batch_id: UUID
    number: int
    kind: str
    source: str
    asset: str
    value_date: date
    reason: str | None
    maker: str
    approved_by: str
    approved_at: datetime
    file_sha256: str
    content_hash: str
    lines: int
    excluded_lines: int
    total: int
    posted_lines: int
    posted_total: int
    failed_lines: int
    failed_total: int
    exceptions: list[ExceptionsOut]
    first_journal: str | None
    last_journal: str | None
    posted_at: datetime
    blocks: list[SealingBlockOut]
    sealed: bool


class SignedReceiptOut(ApiOut):
    """`signature` (Ed25519) is over the line `stadsbeurs transfer batch receipt`, a newline, and `signed` as it stands.

    `signed` is `receipt` as JSON: whoever keeps it with its signature needs nothing of ours to check it but the public key
    under the seals.
    """

    receipt: BatchReceiptOut
    signed: str
    signature: str
    key_id: str
