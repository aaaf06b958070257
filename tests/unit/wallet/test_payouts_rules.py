"""Who gets into a batch, when it can be executed, how many approve it, and what they put their name under."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from wallet.payouts.parameters import policy_on
from wallet.payouts.rules import (
    CONTENT_VERSION,
    PAYABLE,
    Candidate,
    ContentHeader,
    ContentLine,
    Exclusion,
    HolderKind,
    PayoutPolicy,
    approvals_needed,
    content_hash,
    end_to_end_id,
    exclusion,
    execution_day_instead,
    message_id,
    remittance,
)

HOLDER = UUID("01900000-0000-7000-8000-000000000001")
IBAN = UUID("01900000-0000-7000-8000-00000000000a")
GOOD = Candidate(HOLDER, 100, IBAN, has_cooling_iban=False, blocked=False, in_other_batch=False)


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (GOOD, None),
        (replace(GOOD, available=0), Exclusion.NOTHING_AVAILABLE),
        (replace(GOOD, usable_iban=None), Exclusion.NO_CONFIRMED_IBAN),
        (replace(GOOD, usable_iban=None, has_cooling_iban=True), Exclusion.COOLING_OFF),
        (replace(GOOD, has_cooling_iban=True), None),
        (replace(GOOD, in_other_batch=True, available=0), Exclusion.IN_OTHER_BATCH),
        (replace(GOOD, blocked=True, in_other_batch=True), Exclusion.BLOCKED),
        (replace(GOOD, available=0, usable_iban=None), Exclusion.NOTHING_AVAILABLE),
    ],
)
def test_po1_a_purse_is_paid_or_there_is_one_reason_why_not(candidate: Candidate, reason: Exclusion | None) -> None:
    assert exclusion(candidate) == reason


@pytest.mark.parametrize(
    ("asked", "today", "instead"),
    [
        (date(2026, 10, 1), date(2026, 10, 1), None),
        (date(2026, 10, 2), date(2026, 10, 1), None),
        (date(2026, 10, 3), date(2026, 10, 1), date(2026, 10, 5)),  # a Saturday
        (date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 1)),  # past
        (date(2027, 1, 1), date(2026, 12, 30), date(2027, 1, 4)),  # New Year's day is a Friday
        (date(2027, 3, 26), date(2027, 3, 1), date(2027, 3, 30)),  # Good Friday, Easter Monday, and the clock changes
        (date(2026, 12, 25), date(2026, 12, 26), date(2026, 12, 28)),  # past, and today is closed too
        (date(2027, 5, 1), date(2027, 4, 1), date(2027, 5, 3)),
        (date(2027, 10, 1), date(2026, 10, 1), None),
        (date(2027, 10, 4), date(2026, 10, 3), date(2026, 10, 5)),  # more than a year ahead
        (date(9999, 12, 31), date(2026, 10, 1), date(2026, 10, 1)),
    ],
)
def test_po4_execution_is_on_a_target_day_that_is_not_past(asked: date, today: date, instead: date | None) -> None:
    assert execution_day_instead(asked, today) == instead


def test_po1_above_the_limit_two_people_approve() -> None:
    policy = PayoutPolicy(second_approval_above=100_000_00)
    assert approvals_needed(100_000_00, policy) == 1
    assert approvals_needed(100_000_01, policy) == 2
    assert policy_on(date(2026, 10, 1)).second_approval_above == 1_000_000_00


def test_ids_follow_from_the_batch_and_the_line_and_fit_the_bank() -> None:
    assert message_id(HOLDER) == end_to_end_id(HOLDER) == "01900000000070008000000000000001"
    assert len(message_id(HOLDER) + "-1") <= 35


def test_po4_each_payable_purse_has_a_purpose_and_words_of_its_own() -> None:
    assert {purse: payable.purpose for purse, payable in PAYABLE.items()} == {
        "vrij": "SSBE",
        "burgerbaan": "SSBE",
        "belkosten": "ALLW",
        "leefgeld": "GIFT",
        "krediet": "LOAN",
        "meedoen": "GIFT",
    }
    assert remittance("vrij", 12) == "Burgerbudget, vrij te besteden, uitbetaling 12"


HEADER = ContentHeader(HOLDER, 12, "vrij", "EUR", date(2026, 10, 1), "Gemeente Voorbeeldstad", "NL66BNGH0123456789")
LINE = ContentLine(1, HOLDER, IBAN, "J. de Vries", 59964, "01900000000070008000000000000001")


@pytest.mark.parametrize(
    ("version", "line", "ending"),
    [
        (1, LINE, ""),
        (2, LINE, "|person|"),
        (2, replace(LINE, kind=HolderKind.PAYEE, reference="RF18539007547034"), "|payee|RF18539007547034"),
    ],
)
def test_the_content_hash_is_the_sha256_of_what_stands_here(version: int, line: ContentLine, ending: str) -> None:
    written = (
        f"stadsbeurs-payout|{version}|01900000-0000-7000-8000-000000000001|12|vrij|EUR|2026-10-01|"
        "Gemeente Voorbeeldstad|NL66BNGH0123456789\n"
        "1|01900000-0000-7000-8000-000000000001|01900000-0000-7000-8000-00000000000a|J. de Vries|59964|"
        f"01900000000070008000000000000001{ending}\n"
        "end|1|59964\n"
    )
    assert content_hash(HEADER, [line], version) == hashlib.sha256(written.replace("|", "\x1f").encode()).digest()


def test_what_is_frozen_now_is_hashed_as_version_two() -> None:
    assert CONTENT_VERSION == 2
    assert content_hash(HEADER, [LINE]) == content_hash(HEADER, [LINE], 2) != content_hash(HEADER, [LINE], 1)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 59965},
        {"creditor_name": "J. de Vriess"},
        {"iban_id": HOLDER},
        {"holder_id": IBAN},
        {"line_no": 2},
        {"end_to_end_id": "0" * 32},
        {"kind": HolderKind.PAYEE},
        {"reference": "2026-0117"},
    ],
)
def test_any_change_of_a_line_is_another_content(change: dict[str, object]) -> None:
    assert content_hash(HEADER, [LINE]) != content_hash(HEADER, [replace(LINE, **change)])  # type: ignore[arg-type]


def test_a_line_more_or_less_or_another_day_or_account_is_another_content() -> None:
    contents = {
        content_hash(HEADER, [LINE]),
        content_hash(HEADER, []),
        content_hash(HEADER, [LINE, LINE]),
        content_hash(replace(HEADER, execute_on=date(2026, 10, 2)), [LINE]),
        content_hash(replace(HEADER, debtor_iban="NL91ABNA0417164300"), [LINE]),
    }
    assert len(contents) == 5
