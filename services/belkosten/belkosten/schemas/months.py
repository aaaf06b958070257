"""What a month gave and what it cost, over all participants. Amounts in cents."""

from __future__ import annotations

from foundation.schemas import ApiOut


class CreditMonthOut(ApiOut):
    """How many were credited (with more than 0) and how much; `problem` is what the wallet has against the rest."""

    month: str
    participants: int
    credited: int
    total: int
    booked: int
    waiting: int
    problem: str | None


class SimProviderOut(ApiOut):
    """What is owed to one provider; null stands for months of which the provider is not registered yet."""

    provider: str | None
    count: int
    total: int
    booked: int
    waiting: int


class SimMonthOut(ApiOut):
    month: str
    count: int
    total: int
    booked: int
    waiting: int
    per_provider: list[SimProviderOut]
