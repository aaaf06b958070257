"""What makes a BSN and an IBAN acceptable, and when money may go to an IBAN (PO-6)."""

from __future__ import annotations

from datetime import date

import pytest

from foundation.parameters import NoParameter
from wallet.holders.explanations import explanation
from wallet.holders.parameters import policy_on
from wallet.holders.rules import (
    HolderPolicy,
    OpenProposal,
    clean_bsn,
    clean_iban,
    is_payable_iban,
    masked_iban,
    refusal_to_confirm,
    usable_from,
)


@pytest.mark.parametrize("text", ["111222333", "111 222 333", "1112.22.333", "111-222-333"])
def test_a_bsn_is_read_in_the_ways_that_people_write_it(text: str) -> None:
    assert clean_bsn(text) == "111222333"


def test_a_bsn_of_eight_digits_has_lost_its_zero() -> None:
    # 0 1 2 3 4 5 6 7 2: 1*8 + 2*7 + 3*6 + 4*5 + 5*4 + 6*3 + 7*2 - 2 = 110 = 10 * 11
    assert clean_bsn("12345672") == "012345672"


@pytest.mark.parametrize("text", ["111222334", "000000000", "1112223", "1112223330", "111222a33", "", "١١١٢٢٢٣٣٣"])
def test_what_fails_the_eleven_test_or_is_no_number_is_no_bsn(text: str) -> None:
    assert clean_bsn(text) is None


def test_an_iban_is_read_with_spaces_and_small_letters() -> None:
    assert clean_iban(" nl91 abna 0417 1643 00 ") == "NL91ABNA0417164300"


@pytest.mark.parametrize("text", ["NL92ABNA0417164300", "NL91ABNA041716430", "XX91ABNA0417164300", "", "123456"])
def test_a_wrong_check_digit_length_or_country_is_no_iban(text: str) -> None:
    assert clean_iban(text) is None


def test_only_an_account_that_sepa_reaches_can_be_paid() -> None:
    assert is_payable_iban("DE89370400440532013000")
    assert not is_payable_iban("TR330006100519786457841326")


def test_an_iban_is_shown_by_its_country_and_last_four() -> None:
    assert masked_iban("NL91ABNA0417164300") == "NL************4300"


def test_po6_an_iban_confirmed_on_the_first_is_usable_on_the_fourth() -> None:
    assert usable_from(date(2026, 10, 1), HolderPolicy(cooling_off_days=3)) == date(2026, 10, 4)
    assert policy_on(date(2026, 10, 1)).cooling_off_days == 3


def test_a_day_without_parameters_is_refused_and_not_guessed() -> None:
    with pytest.raises(NoParameter, match="2022-12-31"):
        policy_on(date(2022, 12, 31))


@pytest.mark.parametrize(
    ("proposal", "code"),
    [
        (None, "unknownIban"),
        (OpenProposal("confirmed", "ann"), "alreadyDecided"),
        (OpenProposal("refused", "ann"), "alreadyDecided"),
        (OpenProposal("proposed", "bob"), "sameSubject"),
        (OpenProposal("proposed", "ann"), None),
    ],
)
def test_po6_who_proposed_an_iban_does_not_confirm_it(proposal: OpenProposal | None, code: str | None) -> None:
    assert refusal_to_confirm(proposal, "bob") == code


@pytest.mark.parametrize(
    ("code", "reference", "kind", "text"),
    [
        ("burgerbudget.use", "import/1/2026-Q3", "use", "Vrijwilligerswerk: uren in 2026-Q3 naar vrij te besteden"),
        ("burgerbudget.use", "hour/1", "use", "Vrijwilligerswerk: uren naar vrij te besteden"),
        ("burgerbudget.top-up", "quarter/2026-Q3", "top-up", "Burgerbudget: aanvulling na 2026-Q3"),
        ("burgerbudget.top-up", None, "top-up", "Burgerbudget: aanvulling na een kwartaal"),
        ("burgerbudget.start", None, "start", "Burgerbudget: startbedrag"),
        ("belkosten.calls", "2026-11", "calls", "Belkosten: gesprekken in november 2026"),
        ("belkosten.calls", None, "calls", "Belkosten: gesprekken"),
        (None, None, "manual", "Correctie door de gemeente"),
        ("unheard-of", None, "unheard-of", "Overboeking"),
    ],
)
def test_an_entry_explains_itself_in_plain_dutch(code: str | None, reference: str | None, kind: str, text: str) -> None:
    assert explanation(code, reference, kind) == text
