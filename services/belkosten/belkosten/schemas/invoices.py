"""Bills of providers and what is wrong with them. Amounts in cents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal

from foundation.file_work.intake import BatchOut, BatchRowOut
from foundation.schemas import ApiOut

STATES = {"processing": "processing", "imported": "checked", "refused": "refused"}


class InvoiceAcceptedOut(ApiOut):
    """A bill was taken in and is being checked."""

    id: str
    provider: str
    state: Literal["processing"] = "processing"


class DifferenceOut(ApiOut):
    """A line that is not approved: `amount` is what it asks above what is right, below 0 where it asks too little."""

    row: int
    code: str
    amount: int
    call_id: str
    billed: int
    ours: int

    @classmethod
    def of(cls, line: Any) -> DifferenceOut:
        return cls(
            row=line.row,
            code=line.code,
            amount=line.difference,
            call_id=line.call_id,
            billed=line.billed,
            ours=line.ours,
        )


class InvoiceSummaryOut(ApiOut):
    """A bill. `booked`: what was approved is owed to the provider, and a payout batch can pay it."""

    id: str
    provider: str
    state: Literal["processing", "checked", "refused"]
    lines: int
    matched: int
    approved_total: int
    booked: bool
    booked_on: date | None
    received_on: date
    problem: str | None

    @classmethod
    def of(cls, bill: Any) -> InvoiceSummaryOut:
        return cls(**cls.fields_of(bill))

    @staticmethod
    def fields_of(bill: Any) -> dict[str, Any]:
        """Name what is told of a bill, here and with all its lines."""
        return {
            "id": str(bill.id),
            "provider": bill.provider,
            "state": STATES[bill.state],
            "lines": bill.lines,
            "matched": bill.matched,
            "approved_total": bill.approved_total,
            "booked": bill.booked_on is not None,
            "booked_on": bill.booked_on,
            "received_on": bill.received_on,
            "problem": problem_of(bill),
        }


def problem_of(bill: Any) -> str | None:
    """Say what stands in the way of a bill, if anything does."""
    if bill.file_problem or bill.problem:
        return str(bill.file_problem or bill.problem)
    if bill.approved_total and bill.message_id is None and not bill.is_registered:
        return f"Aanbieder {bill.provider} is nog niet geregistreerd en kan niet worden betaald: POST /providers."
    return None


class InvoiceOut(InvoiceSummaryOut):
    """A bill with every line that is not approved, and where it was refused every row that could not be read."""

    differences: list[DifferenceOut]
    rows: list[BatchRowOut]

    @classmethod
    def whole(cls, bill: Any, differences: Iterable[Any], unreadable: BatchOut) -> InvoiceOut:
        return cls(
            **cls.fields_of(bill),
            differences=[DifferenceOut.of(line) for line in differences],
            rows=unreadable.rows,
        )


class UnbilledOfProviderOut(ApiOut):
    provider: str
    calls: int
    cost: int


class UnbilledOut(ApiOut):
    """Calls that were rated and that no bill has asked for yet."""

    month: str
    calls: int
    cost: int
    per_provider: list[UnbilledOfProviderOut]

    @classmethod
    def of(cls, month: str, rows: Sequence[Any]) -> UnbilledOut:
        return cls(
            month=month,
            calls=sum(row.calls for row in rows),
            cost=sum(row.cost for row in rows),
            per_provider=[UnbilledOfProviderOut.model_validate(row) for row in rows],
        )
