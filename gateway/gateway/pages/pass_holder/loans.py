"""What a pass holder still owes on a loan, as the page shows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from foundation.access import Caller
from gateway.backends import Backends
from gateway.pages.pass_holder.notices import SOCIAAL_KREDIET, in_time

MOST = 5


@dataclass(frozen=True, slots=True)
class LoanCard:
    """One loan that is being repaid: what is open, what is due next, and under which reference it is paid."""

    number: int
    outstanding: int
    late: int
    next_due_on: str
    next_amount: int
    instalments_left: int
    reference: str


async def loans_of(backends: Backends, caller: Caller) -> list[LoanCard] | None:
    """Give the loans that a pass holder is repaying; None when they cannot be had now."""

    async def read() -> list[LoanCard]:
        asked = {"state": "active", "limit": str(MOST)}
        found = await backends.read(SOCIAAL_KREDIET, ("loans",), caller, asked)
        loans = await asyncio.gather(
            *(backends.read(SOCIAAL_KREDIET, ("loans", item["id"]), caller) for item in found["items"])
        )
        return [_card(loan) for loan in loans]

    return await in_time(read())


def _card(loan: dict[str, Any]) -> LoanCard:
    left = [one for one in loan["instalments"] if one["state"] == "open"]
    return LoanCard(
        number=loan["number"],
        outstanding=loan["outstanding"],
        late=loan["arrears"],
        next_due_on=left[0]["dueOn"],
        next_amount=left[0]["amount"] - left[0]["paid"],
        instalments_left=len(left),
        reference=loan["rfReference"],
    )
