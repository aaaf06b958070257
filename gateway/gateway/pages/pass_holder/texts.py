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
    "meedoen": PurseText("Meedoen", "Dit geld is voor sport, cultuur en school. U besteedt het bij een aanbieder."),
    "zwemlessen": PurseText("Zwemlessen", "Hiermee leert uw kind zwemmen."),
    "fiets": PurseText("Fiets", "Hiermee haalt u een fiets bij een fietsenmaker."),
    "menstruatieproducten": PurseText("Menstruatieproducten", "Hiermee haalt u een pakket bij een winkel."),
    "punten": PurseText("Punten", "Hiermee krijgt u korting bij een aanbieder van de Dordtpas."),
    "krediet": PurseText("Terug van uw lening", "Dit betaalde u te veel op uw lening. Wij maken het naar u over."),
}


def purse_text(code: str) -> PurseText:
    """Give the words for a purse; one that we do not know keeps its own name."""
    return PURSES.get(code) or PurseText(code.replace("-", " ").capitalize(), "Een tegoed van de gemeente.")
