"""Amounts, dates and words on the pages."""

from __future__ import annotations

from datetime import date

import pytest

from foundation.access import Role
from foundation.refusals import Refusal
from gateway import oidc, refusals, sessions
from gateway.pages.dutch import amount_in_words, day, quarters_in_words
from gateway.pages.everyone.texts import _ERRORS, ROLES, error_text
from gateway.pages.pass_holder.routes import purse_cards
from gateway.pages.pass_holder.texts import PURSES, purse_text

NB = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("amount", "asset", "text"),
    [
        (123456, "EUR", f"€{NB}1.234,56"),
        (-123456, "EUR", f"€{NB}1.234,56"),
        (0, "EUR", f"€{NB}0,00"),
        (5, "EUR", f"€{NB}0,05"),
        (100000000, "EUR", f"€{NB}1.000.000,00"),
        (40, "LESSON", f"40{NB}lessen"),
        (1, "LESSON", f"1{NB}les"),
        (-1, "PIECE", f"1{NB}stuk"),
        (0, "PIECE", f"0{NB}stuks"),
        (120, "POINT", f"120{NB}punten"),
        (1, "POINT", f"1{NB}punt"),
        (12000, "SECOND", f"12.000{NB}seconden"),
        (1, "SECOND", f"1{NB}seconde"),
        (38, "LES", f"38{NB}LES"),
    ],
)
def test_amounts_are_written_the_dutch_way_without_their_sign(amount: int, asset: str, text: str) -> None:
    assert amount_in_words(amount, asset) == text


def test_dates_are_written_in_full() -> None:
    assert day("2026-10-01") == f"1{NB}oktober{NB}2026"
    assert day(date(2026, 3, 31)) == f"31{NB}maart{NB}2026"


def test_quarters_in_a_sentence_are_written_as_people_say_them() -> None:
    assert quarters_in_words("aanvulling na 2026-Q2") == f"aanvulling na het 2e kwartaal van{NB}2026"
    assert quarters_in_words("factuur 12026-Q2 en 2026-Q5") == "factuur 12026-Q2 en 2026-Q5"


def test_purses_stand_in_our_order_and_unknown_ones_last() -> None:
    names = ["zwemmen", "belkosten", "burgerbudget", "aanvulling", "vrij"]
    items = [{"purse": name, "asset": "EUR", "available": 1, "held": 0} for name in names]
    shown = [card.text.name for card in purse_cards(items)]
    assert shown == ["Vrij te besteden", "Burgerbudget", "Beltegoed", "Aanvulling", "Zwemmen"]


def test_a_purse_without_words_counts_as_not_free_to_spend() -> None:
    assert not purse_text("zwemmen").spendable
    assert [name for name, text in PURSES.items() if text.spendable] == ["vrij", "burgerbaan", "leefgeld"]


def test_every_refusal_of_the_gateway_has_words_on_a_page() -> None:
    def below(kind: type[Refusal]) -> set[type[Refusal]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    ours = {kind for kind in below(Refusal) if kind.__module__ in (oidc.__name__, refusals.__name__, sessions.__name__)}
    assert len(ours) == 7
    assert {kind.status for kind in ours} - {408} <= set(_ERRORS)
    for status in range(400, 600):
        assert error_text(status).title
        assert error_text(status).advice


def test_every_role_of_people_has_a_name() -> None:
    assert {text.role for text in ROLES} == set(Role) - {Role.SERVICE}
