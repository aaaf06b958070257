"""What a participant is told, in plain Dutch (B1): what they get, why not, what changes and when it ends.

Made anew whenever it is read, from what is kept (Awb 3:45 and 3:46).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from belkosten.rules.products import Product, StayState
from belkosten.rules.tariffs import Tariff, whole_minutes_for
from foundation.dutch import day_in_words
from foundation.money import Cents, euros
from foundation.objections import Objection, objection_words

NoticeKind = Literal["admitted", "rejected", "moved", "ended"]

NAMES: dict[Product, str] = {
    "belapp": "gratis bellen met de belapp",
    "toestel": "bellen in een buurthuis",
    "sim-only": "een simkaart met abonnement",
    "prepaid": "beltegoed op de Dordtpas",
}
"""What each product is called to people."""

_GREETING = "Beste lezer,"


@dataclass(frozen=True, slots=True)
class Words:
    """A message as it is read; paragraphs of the text are a blank line apart."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a notice is about: the product, its days, what it gives a month (None: no limit, or nothing in a purse)."""

    product: Product
    ground: str
    starts_on: date
    ends_on: date | None
    state: StayState
    reason: str | None
    ceiling: Cents | None
    tariff: Tariff


def words_of(kind: NoticeKind, told: Told, objection: Objection | None) -> Words:
    """Put a notice into words; without an objection there is no decision to object to."""
    match kind:
        case "admitted":
            subject, paragraphs = "U kunt meedoen", _admitted(told)
        case "rejected":
            subject, paragraphs = "U kunt niet meedoen", _rejected(told)
        case "moved":
            subject, paragraphs = "U stapt over", _moved(told)
        case "ended":
            subject, paragraphs = "Uw deelname stopt", _ended(told)
    if told.state == "withdrawn":
        subject, paragraphs = "Dit gaat niet door", _withdrawn(told)
    if objection is not None:
        paragraphs = [*paragraphs, objection_words(objection)]
    return Words(subject, "\n\n".join(paragraphs))


def gives(product: Product, ceiling: Cents | None, tariff: Tariff) -> str:
    """Say what a product gives."""
    month = ""
    if ceiling is not None:
        minutes = whole_minutes_for(ceiling, tariff)
        month = (
            f"Elke maand vullen wij uw tegoed aan tot € {euros(ceiling)}. Daarmee belt u ongeveer {minutes} minuten."
        )
    match product:
        case "belapp":
            free = "U belt gratis naar de nummers op onze lijst, zoals de gemeente, de zorg en hulpverleners."
            return f"{free} {month or 'U heeft geen maximum per maand.'}"
        case "prepaid":
            return f"{month} U koopt er beltegoed mee in de winkels die meedoen.".strip()
        case "sim-only":
            return "U krijgt een simkaart. Wij betalen het abonnement elke maand aan de aanbieder."
        case "toestel":
            return (
                "U belt gratis met de telefoon in een buurthuis. Bij de plaatsen om te bellen ziet u waar en wanneer."
            )


def _admitted(told: Told) -> list[str]:
    until = f" Dit duurt tot en met {day_in_words(told.ends_on)}." if told.ends_on else ""
    return [
        f"{_GREETING} u kunt meedoen met: {NAMES[told.product]}. Dat begint op {day_in_words(told.starts_on)}.{until}",
        f"Waarom? U heeft hier recht op door: {told.ground}.",
        gives(told.product, told.ceiling, told.tariff),
    ]


def _rejected(told: Told) -> list[str]:
    return [
        f"{_GREETING} u vroeg om mee te doen met: {NAMES[told.product]}. Dat kan niet.",
        f"Waarom niet? {(told.reason or '').strip()}",
        "Heeft u hulp nodig om bereikbaar te blijven? Vraag uw hulpverlener of de gemeente wat er nog meer kan.",
    ]


def _moved(told: Told) -> list[str]:
    return [
        f"{_GREETING} u stapt over. Vanaf {day_in_words(told.starts_on)} doet u mee met: {NAMES[told.product]}.",
        "Wat u tot die dag had, stopt de dag ervoor. Tegoed dat dan over is, gaat terug naar de gemeente.",
        gives(told.product, told.ceiling, told.tariff),
    ]


def _ended(told: Told) -> list[str]:
    if told.ends_on is None:
        # A move that was taken back later took this end along.
        return [f"{_GREETING} uw deelname aan {NAMES[told.product]} stopt niet. U hoeft niets te doen."]
    last = f"uw deelname aan {NAMES[told.product]} stopt. De laatste dag is {day_in_words(told.ends_on)}."
    paragraphs = [f"{_GREETING} {last}"]
    if told.reason:
        paragraphs.append(f"Waarom? {told.reason.strip()}")
    if told.product in ("belapp", "prepaid"):
        paragraphs.append("Tegoed dat dan over is, gaat terug naar de gemeente.")
    return [*paragraphs, "Wilt u later weer meedoen? Dat kan. U houdt hetzelfde nummer."]


def _withdrawn(told: Told) -> list[str]:
    return [f"{_GREETING} uw aanvraag voor {NAMES[told.product]} is ingetrokken. U hoeft niets te doen."]
