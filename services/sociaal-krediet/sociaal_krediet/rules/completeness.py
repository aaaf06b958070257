"""What an application still lacks while it is filled in (SK-6, SK-8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from foundation.dutch import day_in_words
from foundation.money import Cents, euros


@dataclass(frozen=True, slots=True)
class CreditorLine:
    """Somebody who is to be paid, as far as filled in; the account number itself is not looked at."""

    name: str | None = None
    has_iban: bool = False
    reference: str | None = None
    amount: Cents | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An application as far as it is filled in; `members` are the holders known in the household."""

    holder_id: str | None = None
    household_size: int | None = None
    members: tuple[str, ...] = ()
    kind: Literal["loan", "gift"] | None = None
    amount: Cents | None = None
    months: int | None = None
    acute_need: str | None = None
    perspective: str | None = None
    consent_given_on: date | None = None
    creditors: tuple[CreditorLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing to fill in or put right: where in the application (a JSON pointer), and what to do."""

    pointer: str
    message: str


def missing(draft: Draft, today: date) -> tuple[Missing, ...]:
    """Say everything that an application still lacks, in the order of the form; nothing when it is complete."""
    return (*_about_people(draft), *_about_money(draft), *_about_reasons(draft, today), *_about_creditors(draft))


def _about_people(draft: Draft) -> Iterator[Missing]:
    if not draft.holder_id:
        yield Missing("/holderId", "Kies voor wie u de aanvraag doet.")
    known = {*draft.members, *([draft.holder_id] if draft.holder_id else [])}
    if draft.household_size is None:
        yield Missing("/household/size", "Vul in met hoeveel mensen het huishouden is. Kinderen tellen mee.")
    elif draft.household_size < len(known):
        yield Missing(
            "/household/size",
            f"U vult een huishouden van {draft.household_size} in, maar noemt {len(known)} mensen. Pas een van beide aan.",
        )


def _about_money(draft: Draft) -> Iterator[Missing]:
    if draft.kind is None:
        yield Missing("/kind", "Kies of u een lening of een gift vraagt.")
    if draft.amount is None:
        yield Missing("/amount", "Vul in hoeveel geld er nodig is.")
    elif draft.amount < 1:
        yield Missing("/amount", "Vul een bedrag in van meer dan € 0,00.")
    if draft.kind == "loan" and draft.months is None:
        yield Missing("/months", "Vul in hoeveel maanden de lening loopt.")


def _about_reasons(draft: Draft, today: date) -> Iterator[Missing]:
    if _is_blank(draft.acute_need):
        yield Missing("/acuteNeed", "Schrijf op waarom het geld nu nodig is.")
    if _is_blank(draft.perspective):
        yield Missing("/perspective", "Schrijf op hoe dit geld de toekomst van de bewoner beter maakt.")
    if draft.consent_given_on is None:
        yield Missing("/consentGivenOn", "Vul in op welke dag de bewoner toestemming gaf.")
    elif draft.consent_given_on > today:
        yield Missing(
            "/consentGivenOn",
            f"De toestemming is van {day_in_words(draft.consent_given_on)}. Dat is na vandaag. Vul de goede dag in.",
        )


def _about_creditors(draft: Draft) -> Iterator[Missing]:
    if not draft.creditors:
        yield Missing("/creditors", "Vul in aan wie wij het geld betalen.")
        return
    for index, line in enumerate(draft.creditors):
        where = f"/creditors/{index}"
        who = line.name.strip() if line.name and not _is_blank(line.name) else f"schuldeiser {index + 1}"
        if _is_blank(line.name):
            yield Missing(f"{where}/name", f"Vul de naam in van schuldeiser {index + 1}.")
        if not line.has_iban:
            yield Missing(f"{where}/iban", f"Vul het rekeningnummer (IBAN) in van {who}.")
        if _is_blank(line.reference):
            yield Missing(f"{where}/reference", f"Vul het kenmerk in dat {who} bij de betaling wil zien.")
        if line.amount is None or line.amount < 1:
            yield Missing(f"{where}/amount", f"Vul in hoeveel {who} krijgt.")
    amounts = [line.amount for line in draft.creditors if line.amount is not None]
    if draft.amount is not None and len(amounts) == len(draft.creditors) and sum(amounts) != draft.amount:
        yield Missing(
            "/creditors",
            f"De schuldeisers krijgen samen € {euros(sum(amounts))}, maar u vraagt € {euros(draft.amount)}."
            " Maak deze bedragen gelijk.",
        )


def _is_blank(text: str | None) -> bool:
    return text is None or not text.strip()
