"""The words of the pass holder's page: plain Dutch (B1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PurseText:
    """How a purse is called, what it is for, and whether one may freely spend what is in it."""

    name: str
    purpose: str
    spendable: bool = False


PURSES = {
    "vrij": PurseText("Vrij te besteden", "Dit geld is van u. U kunt het laten uitbetalen.", spendable=True),
    "burgerbudget": PurseText(
        "Burgerbudget", "Doet u vrijwilligerswerk? Voor elk uur gaat er geld van hier naar uw vrije geld."
    ),
    "burgerbaan": PurseText("Burgerbaan", "Dit krijgt u voor uw werk in de buurt.", spendable=True),
    "leefgeld": PurseText("Leefgeld", "Dit geld is voor uw dagelijkse uitgaven.", spendable=True),
    "belkosten": PurseText("Beltegoed", "Hiermee belt u instanties zonder kosten."),
}


def purse_text(code: str) -> PurseText:
    """Give the words for a purse; one that we do not know keeps its own name."""
    return PURSES.get(code) or PurseText(code.replace("-", " ").capitalize(), "Een tegoed van de gemeente.")
