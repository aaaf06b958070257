"""Bodies: camelCase outside, nothing unknown, amounts whole."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from foundation.schemas import MAX_AMOUNT, Amount, ApiModel, ApiOut, Line, PageOut


class Deposit(ApiModel):
    paid_amount: Amount
    reference_line: Line = "x"


class DepositOut(ApiOut):
    paid_amount: int


def test_fields_are_camel_case_outside() -> None:
    assert Deposit.model_validate({"paidAmount": 5}).paid_amount == 5
    assert PageOut[DepositOut](items=[DepositOut(paid_amount=5)]).model_dump(by_alias=True) == {
        "items": [{"paidAmount": 5}],
        "nextCursor": None,
    }


@pytest.mark.parametrize("amount", [0, -1, 1.0, 1.5, "5", True, None, MAX_AMOUNT + 1, 10**30, float("nan")])
def test_what_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(ValidationError):
        Deposit.model_validate({"paidAmount": amount})


@pytest.mark.parametrize("line", ["", "   ", "a\x00b", "two\nlines", "x" * 141, "tab\tbed", "\x7f", 5, None])
def test_a_line_is_one_line(line: Any) -> None:
    with pytest.raises(ValidationError):
        Deposit.model_validate({"paidAmount": 1, "referenceLine": line})


def test_a_field_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError):
        Deposit.model_validate({"paidAmount": 1, "paidamount": 1})


def test_a_line_loses_the_spaces_around_it() -> None:
    assert Deposit.model_validate({"paidAmount": 1, "referenceLine": "  huur juli "}).reference_line == "huur juli"
