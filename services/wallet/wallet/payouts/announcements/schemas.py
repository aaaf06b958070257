"""What goes in and out of announcements over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from foundation.pages import MAX_LIMIT
from foundation.schemas import ApiModel, ApiOut


class AnnouncementOut(ApiOut):
    """What became of a payment, or what came in.

    `payment`: `payee`, `line`, `batch`, `amount`, `asset`, `purse`, `state` (sent, settled, rejected, returned),
    `reason`, `on`. `receipt`: `reference`, `subject` (what it was registered for), `amount`, `asset`, `receivedOn` (the
    bank's booking date), `entry` (the bank's booking, once for ever). Amounts in the smallest unit.
    """

    id: UUID
    kind: Literal["payment", "receipt"]
    content: dict[str, Any]
    announced_at: datetime


class AnnouncementsOut(ApiOut):
    """What waits, oldest first; once taken it is not given again."""

    items: list[AnnouncementOut]


class TakingsIn(ApiModel):
    """What was written down by the scheme and need not be told again."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_LIMIT)]


class TakingsOut(ApiOut):
    """How many were taken now; those taken before are not counted again."""

    taken: int
