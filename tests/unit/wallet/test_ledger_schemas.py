"""What a request may say: whole amounts above 0, real dates, addresses and texts without control characters."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from wallet.ledger.schemas import TransfersIn

TRANSFER = {"source": "fund:burgerbudget", "destination": "holder:1:vrij", "amount": 5, "asset": "EUR"}


def faults(change: dict[str, Any], **more: Any) -> list[tuple[Any, ...]]:
    try:
        TransfersIn.model_validate({"kind": "use", "transfers": [TRANSFER, TRANSFER | change], **more})
    except ValidationError as error:
        return [fault["loc"] for fault in error.errors()]
    return []


@pytest.mark.parametrize("amount", [0, -1, 1.0, 1.5, "5", True, None, 10**15 + 1, 2**63, 10**400, [], {}])
def test_an_amount_is_a_whole_json_number_above_zero(amount: Any) -> None:
    assert faults({"amount": amount}) == [("transfers", 1, "amount")]


@pytest.mark.parametrize(
    "address", ["", "fund", "fund:", ":x", "Fund:x", "fund:x y", "fund:x\x00", "fund:" + "x" * 200, 5]
)
def test_an_address_has_a_kind_and_a_name(address: Any) -> None:
    assert faults({"source": address}) == [("transfers", 1, "source")]


@pytest.mark.parametrize("text", ["", "a\x00b", "a\nb", "x" * 201])
def test_a_grant_key_is_one_line_of_at_most_200(text: str) -> None:
    assert faults({"grantKey": text}) == [("transfers", 1, "grantKey")]
    assert faults({"reference": text}) == [("transfers", 1, "reference")]


@pytest.mark.parametrize("day", [0, 1767225600, "2026-02-30", "gisteren", True])
def test_a_value_date_is_a_day_in_text(day: Any) -> None:
    assert faults({}, valueDate=day) == [("valueDate",)]


def test_a_misspelt_field_is_refused_rather_than_ignored() -> None:
    assert faults({"grantkey": "x"}) == [("transfers", 1, "grantkey")]


def test_a_good_request_passes_and_keeps_what_was_asked() -> None:
    body = {"kind": "use", "valueDate": "2026-10-01", "transfers": [TRANSFER | {"grantKey": "use/1"}]}
    asked = TransfersIn.model_validate(body).transfers[0].transfer()
    assert (asked.source, asked.amount, asked.grant_key, asked.hold_id) == ("fund:burgerbudget", 5, "use/1", None)
