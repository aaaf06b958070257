"""What goes in and out of transfer batches over HTTP."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from foundation.schemas import ApiModel, ApiOut
from wallet.ledger.bulk.models import BulkBatch
from wallet.ledger.bulk.queries import Progress

BatchStateName = Literal[
    "loading", "checking", "checked", "refused", "submitted", "approved", "posting", "posted", "withdrawn"
]
HashHex = Annotated[str, StringConstraints(pattern=re.compile(r"^[0-9a-fA-F]{64}$"))]


class BatchAcceptedOut(ApiOut):
    id: UUID
    state: Literal["loading"] = "loading"


class ApprovalIn(ApiModel):
    content_hash: HashHex


class BatchOut(ApiOut):
    """How far a batch is.

    `lines` are those of the file that say something, `exceptions` those that were not or will not be posted, `total`
    what the others add up to; once posted, `posted_lines` + `failed_lines` = `lines` - the exceptions found before
    approval, and `posted_total` + `failed_total` = `total`. `receipt` is its address, once there is one.
    """

    id: UUID
    number: int
    state: BatchStateName
    kind: str
    source: str
    asset: str
    value_date: date
    reason: str | None
    maker: str
    on_behalf_of: str | None
    received_at: datetime
    lines: int
    exceptions: int
    total: int
    content_hash: str | None
    partial: bool | None
    submitted_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    posted_lines: int
    posted_total: int
    failed_lines: int
    failed_total: int
    first_journal: str | None
    last_journal: str | None
    posted_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    problem: str | None
    receipt: str | None

    @classmethod
    def of(cls, batch: BulkBatch, done: Progress) -> BatchOut:
        copied = {name: getattr(batch, name) for name in cls.model_fields if name in BulkBatch.model_fields}
        return cls(
            **copied
            | {
                "exceptions": batch.excluded + done.failed_lines,
                "content_hash": None if batch.content_hash is None else batch.content_hash.hex(),
                "posted_lines": done.lines,
                "posted_total": done.total,
                "failed_lines": done.failed_lines,
                "failed_total": done.failed_total,
                "first_journal": None if done.first_journal is None else str(done.first_journal),
                "last_journal": None if done.last_journal is None else str(done.last_journal),
                "receipt": f"/transfer-batches/{batch.id}/receipt" if batch.posted_at else None,
            }
        )


class LineOut(ApiOut):
    """One line that could be read; `exceptions` are codes, and `transfer_id` is there once it was posted."""

    line: int
    destination: str
    amount: int
    asset: str
    grant_key: str
    reference: str | None
    explanation: str | None
    exceptions: list[str]
    transfer_id: str | None


class ExceptionOut(ApiOut):
    line: int
    code: str
    message: str
    stage: Literal["loading", "checking", "posting"]
