"""What a participant is told, in words."""

from __future__ import annotations

from datetime import date

import pytest

from belkosten.rules.products import PRODUCTS, Product
from belkosten.rules.reasons import Told, gives, words_of
from belkosten.rules.tariffs import Tariff
from foundation.money import Cents
from foundation.objections import Objection

OBJECTION = Objection("BK-500001-20261001", date(2026, 11, 12), "Postbus 1, Dordrecht")
TARIFF = Tariff(2_300)


def told(product: Product = "belapp", **changes: object) -> Told:
    fields: dict[str, object] = {
        "product": product,
        "ground": "Bijstandsuitkering",
        "starts_on": date(2026, 10, 1),
        "ends_on": None,
        "state": "confirmed",
        "reason": None,
        "ceiling": Cents(1_000) if product in ("belapp", "prepaid") else None,
        "tariff": TARIFF,
    }
    return Told(**(fields | changes))  # type: ignore[arg-type]


def test_ten_euro_is_told_as_43_minutes() -> None:
    for product in ("belapp", "prepaid"):
        assert "€ 10,00" in gives(product, Cents(1_000), TARIFF)  # type: ignore[arg-type]
        assert "43 minuten" in gives(product, Cents(1_000), TARIFF)  # type: ignore[arg-type]


def test_a_credit_without_a_limit_is_told_as_such() -> None:
    assert "geen maximum" in gives("belapp", None, TARIFF)


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_product_says_what_it_gives_and_from_when(product: Product) -> None:
    words = words_of("admitted", told(product, ends_on=date(2026, 12, 31)), OBJECTION)
    assert words.subject == "U kunt meedoen"
    assert "1 oktober 2026" in words.text and "31 december 2026" in words.text and "Bijstandsuitkering" in words.text
    assert words.text.endswith("BK-500001-20261001.")


def test_a_rejection_gives_the_reason_and_how_to_object() -> None:
    text = words_of("rejected", told(reason="Uw uitkering is gestopt. ", state="rejected"), OBJECTION).text
    assert "Waarom niet? Uw uitkering is gestopt.\n" in text
    assert "12 november 2026" in text and "Postbus 1, Dordrecht" in text


def test_an_end_tells_the_last_day_and_what_happens_to_the_credit() -> None:
    with_purse = words_of("ended", told(ends_on=date(2026, 10, 31)), None).text
    assert "31 oktober 2026" in with_purse and "gaat terug" in with_purse and "bezwaar" not in with_purse
    without = words_of("ended", told("toestel", ends_on=date(2026, 10, 31)), None).text
    assert "gaat terug" not in without


def test_what_was_taken_back_says_so_whatever_it_was_first() -> None:
    words = words_of("moved", told("prepaid", state="withdrawn"), None)
    assert words.subject == "Dit gaat niet door" and "ingetrokken" in words.text


def test_an_end_that_a_move_taken_back_took_along_is_told_as_over() -> None:
    assert "stopt niet" in words_of("ended", told(), None).text
