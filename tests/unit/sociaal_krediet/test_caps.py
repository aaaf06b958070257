"""How much may be lent, by whom, to whom, and on which legal basis (SK-1, SK-6, SK-8, SK-11)."""

from __future__ import annotations

from datetime import date

import pytest

from foundation.money import Cents
from sociaal_krediet.parameters import PRODUCTS, policy_on
from sociaal_krediet.rules.caps import CapPolicy, CapTest, against_cap, refusal_of_lines
from sociaal_krediet.rules.products import Product, in_force, product_on

POLICY = CapPolicy(single=Cents(175000), household=Cents(250000))


@pytest.mark.parametrize(
    ("size", "outstanding", "amount", "cap", "room", "over"),
    [
        (1, 0, 175000, 175000, 175000, 0),
        (1, 0, 175001, 175000, 175000, 1),
        (2, 0, 250000, 250000, 250000, 0),
        (5, 100000, 150000, 250000, 150000, 0),
        (5, 100000, 150001, 250000, 150000, 1),
        # A household that became smaller owes more than it now may: there is no room, never less than none.
        (1, 200000, 1, 175000, 0, 25001),
    ],
)
def test_sk1_outstanding_and_new_together_stay_below_the_cap(
    size: int, outstanding: int, amount: int, cap: int, room: int, over: int
) -> None:
    found = against_cap(size, Cents(outstanding), Cents(amount), POLICY)
    assert found == CapTest(Cents(cap), Cents(outstanding), Cents(room), Cents(over))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([100000], None),
        ([60000, 39999, 1], None),
        ([], "noCreditors"),
        ([60000, 39999], "linesDoNotAddUp"),
        ([60000, 40001], "linesDoNotAddUp"),
        ([100001, -1], "lineTooSmall"),
        ([100000, 0], "lineTooSmall"),
    ],
)
def test_sk8_the_lines_of_the_creditors_add_up_to_the_amount(lines: list[int], code: str | None) -> None:
    assert refusal_of_lines(Cents(100000), [Cents(line) for line in lines]) == code


@pytest.mark.parametrize(
    ("code", "day", "basis"),
    [
        ("leenbijstand", date(2026, 11, 22), "Participatiewet, artikelen 48 tot en met 51"),
        ("kredietbank", date(2026, 11, 22), "Wet op het financieel toezicht, artikel 4:37"),
        ("anbi-vrijstelling", date(2026, 11, 19), "Vrijstellingsregeling Wft, artikel 3a"),
        ("anbi-vrijstelling", date(2026, 11, 20), None),
        ("leenbijstand", date(2023, 6, 30), None),
        ("pandhuis", date(2026, 11, 22), None),
    ],
)
def test_sk11_a_product_is_there_as_long_as_its_legal_basis_is_in_force(
    code: str, day: date, basis: str | None
) -> None:
    found = product_on(PRODUCTS, code, day)
    assert (found.legal_basis if found else None) == basis


def test_sk11_the_exemption_ended_when_consumer_credit_law_changed() -> None:
    assert [one.code for one in in_force(PRODUCTS, date(2026, 11, 19))] == [
        "leenbijstand",
        "kredietbank",
        "anbi-vrijstelling",
    ]
    assert [one.code for one in in_force(PRODUCTS, date(2026, 11, 20))] == ["leenbijstand", "kredietbank"]


def test_sk11_a_product_that_comes_back_has_the_basis_of_its_day() -> None:
    renewed = Product("anbi-vrijstelling", "een nieuwe wet", date(2027, 7, 1), None, "Staatsblad")
    assert product_on([*PRODUCTS, renewed], "anbi-vrijstelling", date(2027, 6, 30)) is None
    assert product_on([*PRODUCTS, renewed], "anbi-vrijstelling", date(2027, 7, 1)) == renewed


def test_the_parameters_are_those_of_the_rules() -> None:
    policy = policy_on(date(2026, 11, 22))
    assert (policy.caps, policy.most_months, policy.objection_weeks) == (POLICY, 36, 6)
