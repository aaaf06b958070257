"""Creditor references (ISO 11649): what is one, and where one can be read in what a payer typed (SK-12)."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.iso7064 import mod_97_10

from wallet.payouts.references import clean_reference, references_in

# The example of the standard, and one with letters: 97 is the check of both.
ONE, TWO = "RF18539007547034", "RF185390075470Y"


@pytest.mark.parametrize("written", [ONE, "RF18 5390 0754 7034", " rf18 5390 0754 7034\n"])
def test_a_reference_is_kept_without_spaces_in_capitals(written: str) -> None:
    assert clean_reference(written) == ONE


@pytest.mark.parametrize(
    "written",
    [
        "",
        "RF",
        "RF18",
        "RF17539007547034",
        "18539007547034",
        "RF18-5390-0754-7034",
        "RF18" + "0" * 22,
        "RF18５３９007547034",
    ],
)
def test_what_is_wrong_too_long_or_has_other_signs_is_no_reference(written: str) -> None:
    assert clean_reference(written) is None


@pytest.mark.parametrize(
    "texts",
    [
        [ONE],
        ["Aflossing rf18 5390 0754 7034 dank u wel"],
        ["kenmerk:RF18539007547034, termijn 3"],
        ["(RF18 53900754 7034)"],
        ["Aflossing RF18 5390", "0754 7034 oktober"],
        ["RF17 5390 0754 7034 fout, dus RF18  5390\t0754 7034"],
    ],
)
def test_it_is_found_in_free_text_whatever_stands_around_it(texts: list[str]) -> None:
    assert ONE in references_in(texts)


@pytest.mark.parametrize(
    "text",
    ["", "RF17 5390 0754 7034", "XRF18539007547034", "RF185390075470345", "RF18 5390 0754 703", "RF18 5390 0754 7034é"],
)
def test_a_typing_error_or_another_word_is_not_read_as_one(text: str) -> None:
    assert ONE not in references_in([text])


def test_two_references_are_both_found() -> None:
    assert references_in([f"{ONE} en {TWO}"]) >= {ONE, TWO}


@settings(max_examples=60, deadline=None)
@given(
    st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=21), st.integers(1, 6), st.text(max_size=12)
)
def test_any_reference_is_found_in_groups_of_any_size_between_other_words(body: str, size: int, around: str) -> None:
    reference = f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"
    groups = [reference[:4], *(body[start : start + size] for start in range(0, len(body), size))]
    assert reference in references_in([f"{around} {' '.join(groups).lower()} ", around])
