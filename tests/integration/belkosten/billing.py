"""Short words for what the tests of bills do: calls told by a provider, and the bill that follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.integration.belkosten.phone_town import Town
from tests.integration.wallet.payouts_house import example_iban
from tests.support.callers import Client

BANK = "+31781112233"
AT = "2026-10-01T10:00:00+02:00"
RECORD_HEADER = "callId;participantNumber;calledNumber;startedAt;seconds"
BILL_HEADER = "callId;participantNumber;startedAt;seconds;amount"
CSV = {"Content-Type": "text/csv"}

Row = Sequence[object]


def csv_of(header: str, rows: Sequence[Row]) -> str:
    """Write rows as the files that come in are written."""
    return "\n".join([header, *(";".join(str(cell) for cell in row) for row in rows)])


def called(town: Town, *rows: Row, by: Client | None = None, settle: bool = True) -> None:
    """Have a provider tell of calls: (call id, participant, seconds), and further the number and the moment."""
    records = [(row[0], row[1], *(row[3:4] or (BANK,)), *(row[4:5] or (AT,)), row[2]) for row in rows]
    answer = (by or town.telco).post(
        "/call-records/batches?partial=true", content=csv_of(RECORD_HEADER, records), headers=CSV
    )
    assert answer.status_code == 202, answer.text
    if settle:
        town.settle()


def line(call: str, participant: str, seconds: int, amount: int, at: str = AT) -> Row:
    """One line of a bill."""
    return (call, participant, at, seconds, amount)


def send_bill(town: Town, *lines: Row, provider: str | None = None) -> Any:
    """Hand a bill in; gives the answer as it came."""
    query = "" if provider is None else f"?provider={provider}"
    return town.finance.post(f"/invoices{query}", content=csv_of(BILL_HEADER, lines), headers=CSV)


def billed(town: Town, *lines: Row, provider: str | None = None) -> dict[str, Any]:
    """Hand a bill in and have it checked; gives what came of it."""
    answer = send_bill(town, *lines, provider=provider)
    assert answer.status_code == 202, answer.text
    town.settle()
    return bill(town, answer.json()["id"])


def bill(town: Town, invoice: str) -> dict[str, Any]:
    found: dict[str, Any] = town.get(f"/invoices/{invoice}", town.finance)
    return found


def codes(bill: dict[str, Any]) -> dict[int, tuple[str, int]]:
    """Give the code and amount of every line that is not approved, by row."""
    return {one["row"]: (one["code"], one["amount"]) for one in bill["differences"]}


def register(town: Town, organisation: str = "telco") -> str:
    """Register a provider that can be paid for calls; gives the address of what it is owed."""
    body = {"organisation": organisation, "name": "Telco", "offers": ["calls"], "iban": example_iban(77)}
    answer = town.officer.post("/providers", json=body)
    assert answer.status_code == 201, answer.text
    payee: str = answer.json()["payeeId"]
    return f"payable:{payee}"
