"""What an application still lacks while it is filled in (SK-6, SK-8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from foundation.money import Cents
from sociaal_krediet.rules.completeness import CreditorLine, Draft, Missing, missing

TODAY = date(2026, 11, 22)
RENT = CreditorLine("Woningstichting", has_iban=True, reference="huur 2026", amount=Cents(60000))
POWER = CreditorLine("Energie BV", has_iban=True, reference="klant 17", amount=Cents(40000))
WHOLE = Draft(
    holder_id="h1",
    household_size=2,
    members=("h1", "h2"),
    kind="loan",
    amount=Cents(100000),
    months=24,
    acute_need="De woning wordt ontruimd.",
    perspective="De bewoner begint in januari met werk.",
    consent_given_on=TODAY,
    creditors=(RENT, POWER),
)


def test_sk6_a_whole_application_lacks_nothing() -> None:
    assert missing(WHOLE, TODAY) == ()
    assert missing(replace(WHOLE, kind="gift", months=None), TODAY) == ()


def test_sk6_an_empty_form_lacks_everything_in_the_order_of_the_form() -> None:
    assert [one.pointer for one in missing(Draft(), TODAY)] == [
        "/holderId",
        "/household/size",
        "/kind",
        "/amount",
        "/acuteNeed",
        "/perspective",
        "/consentGivenOn",
        "/creditors",
    ]


@pytest.mark.parametrize(
    ("change", "pointer", "message"),
    [
        ({"months": None}, "/months", "Vul in hoeveel maanden de lening loopt."),
        ({"acute_need": "  "}, "/acuteNeed", "Schrijf op waarom het geld nu nodig is."),
        (
            {"household_size": 1},
            "/household/size",
            "U vult een huishouden van 1 in, maar noemt 2 mensen. Pas een van beide aan.",
        ),
        (
            {"household_size": 2, "members": ("h2", "h3")},
            "/household/size",
            "U vult een huishouden van 2 in, maar noemt 3 mensen. Pas een van beide aan.",
        ),
        (
            {"consent_given_on": date(2026, 11, 23)},
            "/consentGivenOn",
            "De toestemming is van 23 november 2026. Dat is na vandaag. Vul de goede dag in.",
        ),
        (
            {"amount": Cents(100001)},
            "/creditors",
            "De schuldeisers krijgen samen € 1.000,00, maar u vraagt € 1.000,01. Maak deze bedragen gelijk.",
        ),
        (
            {"creditors": (RENT, replace(POWER, name=" "))},
            "/creditors/1/name",
            "Vul de naam in van schuldeiser 2.",
        ),
        (
            {"creditors": (replace(RENT, has_iban=False), POWER)},
            "/creditors/0/iban",
            "Vul het rekeningnummer (IBAN) in van Woningstichting.",
        ),
        (
            {"creditors": (RENT, replace(POWER, reference=None))},
            "/creditors/1/reference",
            "Vul het kenmerk in dat Energie BV bij de betaling wil zien.",
        ),
        # While an amount is missing, it is of no use to say that the amounts do not add up.
        (
            {"creditors": (RENT, replace(POWER, amount=None))},
            "/creditors/1/amount",
            "Vul in hoeveel Energie BV krijgt.",
        ),
    ],
    ids=str,
)
def test_sk6_and_sk8_each_thing_that_is_missing_is_named_with_what_to_do(
    change: dict[str, Any], pointer: str, message: str
) -> None:
    assert missing(replace(WHOLE, **change), TODAY) == (Missing(pointer, message),)
