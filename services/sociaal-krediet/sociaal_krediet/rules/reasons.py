"""What the borrower is told, in plain Dutch (B1): a decision, a late instalment, a new schedule, the end of a loan.

Made anew whenever it is read, from what is kept about the loan (SK-7, SK-10, Awb 3:45 and 3:46).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from foundation.dutch import day_in_words
from foundation.money import Cents, euros
from foundation.objections import Objection, objection_words
from sociaal_krediet.rules.loans import Instalment, LoanState, Settled
from sociaal_krediet.rules.products import Product
from sociaal_krediet.rules.schedules import Due

_GREETING = "Beste lezer,"
_HELP = "Lukt betalen een keer niet? Zeg het ons of uw hulpverlener. Dan kijken wij samen naar een pauze of een lager bedrag."


@dataclass(frozen=True, slots=True)
class Words:
    """A message as it is read; paragraphs of the text are a blank line apart."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Paid:
    """Somebody to whom the money goes."""

    name: str
    amount: Cents


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided and why; a loan has its schedule and product, a refusal pays nobody."""

    kind: Literal["loan", "gift", "refused"]
    amount: Cents
    reason: str
    paid: Sequence[Paid] = ()
    schedule: Sequence[Due] = ()
    product: Product | None = None


def decision_words(outcome: Outcome, objection: Objection) -> Words:
    """Put the decision on an application into words (SK-7)."""
    amount = f"€ {euros(outcome.amount)}"
    match outcome.kind:
        case "loan":
            subject, decided = "U krijgt een lening", f"u krijgt een lening van {amount}."
        case "gift":
            subject, decided = (
                "U krijgt een gift",
                f"u krijgt een gift van {amount}. U hoeft dit geld niet terug te betalen.",
            )
        case "refused":
            subject, decided = "U krijgt geen lening of gift", f"u krijgt de gevraagde {amount} niet."
    paragraphs = [
        f"{_GREETING} wij hebben besloten: {decided}",
        f"Waarom? {outcome.reason.strip()}",
        *_payment(outcome.paid),
        *_repayment(outcome.schedule),
        *_legal_basis(outcome.product),
        *(
            ["Heeft u hulp nodig met geld? Vraag uw hulpverlener wat er nog meer kan."]
            if outcome.kind == "refused"
            else []
        ),
        objection_words(objection),
    ]
    return Words(subject, "\n\n".join(paragraphs))


def arrears_words(late: Instalment, overdue: Cents, rf_reference: str) -> Words:
    """Remind of an instalment that is late, without costs and without threats (SK-10)."""
    paragraphs = [
        f"{_GREETING} op {day_in_words(late.due_on)} was een termijn van uw lening aan de beurt."
        f" Daarvan hebben wij € {euros(late.open)} nog niet ontvangen."
        + (f" Samen met latere termijnen is nu € {euros(overdue)} te laat." if overdue > late.open else ""),
        "Misschien bent u het vergeten. Heeft u net betaald? Dan hoeft u niets te doen.",
        f"U kunt het bedrag overmaken. Zet dan dit kenmerk erbij: {rf_reference}.",
        "Wij rekenen geen kosten en geen rente. Ook niet als u later betaalt.",
        _HELP,
    ]
    return Words("Een termijn van uw lening is nog niet betaald", "\n\n".join(paragraphs))


def arrears_over_words(state: LoanState) -> Words:
    """Say that nothing is late any more, to who reads a reminder only then (SK-10)."""
    paragraphs = [
        f"{_GREETING} een termijn van uw lening was te laat. Dat is opgelost: nu is niets te laat.",
        f"Er staat nog € {euros(state.outstanding)} open.",
        *_repayment([Due(one.number, one.due_on, one.open) for one in state.open_instalments]),
    ]
    return Words("Op uw lening is nu niets te laat", "\n\n".join(paragraphs))


def schedule_changed_words(state: LoanState) -> Words:
    """Say what is to be paid from now on, after a change of the schedule (SK-9)."""
    paragraphs = [
        f"{_GREETING} de termijnen van uw lening zijn veranderd. Er staat nog € {euros(state.outstanding)} open.",
        *_repayment([Due(one.number, one.due_on, one.open) for one in state.open_instalments]),
    ]
    return Words("Uw termijnen zijn veranderd", "\n\n".join(paragraphs))


def settled_words(how: Settled, principal: Cents, repaid: Cents, returned: Cents = Cents(0)) -> Words:
    """Say that nothing is owed any more, and why; `returned` is what was paid above the loan (SK-7, SK-9)."""
    given_up = f"€ {euros(principal - repaid)}"
    match how:
        case "repaid" if repaid == principal:
            subject, because = (
                "Uw lening is afbetaald",
                f"u heeft uw lening van € {euros(principal)} helemaal terugbetaald.",
            )
        case "repaid":
            subject = "Uw lening is afbetaald"
            because = f"u heeft € {euros(repaid)} terugbetaald. De andere {given_up} hoeft u niet terug te betalen."
        case "remitted":
            subject = "U hoeft uw lening niet verder terug te betalen"
            because = f"wij maken van {given_up} van uw lening een gift. Dat geld hoeft u niet terug te betalen."
        case "writtenOff":
            subject = "U hoeft uw lening niet verder terug te betalen"
            because = f"wij vragen u {given_up} van uw lening niet meer terug."
    paragraphs = [
        f"{_GREETING} {because} U bent ons niets meer schuldig.",
        *([f"U betaalde € {euros(returned)} te veel. Dat krijgt u van ons terug."] if returned else []),
        "Heeft u een automatische incasso voor deze lening? Wij stoppen die. U hoeft niets te doen.",
    ]
    return Words(subject, "\n\n".join(paragraphs))


def instalments_in_words(schedule: Sequence[Due]) -> str:
    """Write a schedule as people say it: `35 keer € 48,61 en daarna 1 keer € 48,65`."""
    parts = [
        f"{len(list(same))} keer € {euros(amount)}" for amount, same in groupby(schedule, key=lambda due: due.amount)
    ]
    return " en daarna ".join(parts)


def _payment(paid: Sequence[Paid]) -> list[str]:
    if not paid:
        return []
    lines = "\n".join(f"- {one.name}: € {euros(one.amount)}" for one in paid)
    return [f"Wij betalen het geld voor u aan:\n{lines}"]


def _repayment(schedule: Sequence[Due]) -> list[str]:
    if not schedule:
        return []
    first, last = schedule[0], schedule[-1]
    if len(schedule) == 1:
        when = f"U betaalt 1 keer € {euros(first.amount)}, op {day_in_words(first.due_on)}."
    else:
        when = (
            f"U betaalt elke maand: {instalments_in_words(schedule)}."
            f" De eerste keer is {day_in_words(first.due_on)}, de laatste keer {day_in_words(last.due_on)}."
        )
    return [
        f"{when} U betaalt geen rente en geen kosten.",
        f"Eerder of meer terugbetalen mag altijd. Dat kost niets. {_HELP}",
    ]


def _legal_basis(product: Product | None) -> list[str]:
    if product is None:
        return []
    return [f"Dit is een lening van het soort {product.code}. De wet waarop zij rust is: {product.legal_basis}."]
