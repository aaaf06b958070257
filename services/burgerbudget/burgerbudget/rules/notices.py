"""How a notice tells a decision to the participant, in plain Dutch (B1): what, why, by which rule, and how to object.

Made anew whenever it is read, from the decision and the dated parameters: nothing about a person is stored for it
(BB-4, Awb 3:41 and 3:45).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from burgerbudget.parameters import PARAMETERS, BurgerbudgetPolicy, policy_on
from burgerbudget.rules.reasons import hours_in_words, reasons
from burgerbudget.rules.settlement import Decision
from foundation.dutch import day_in_words, quarters_in_words
from foundation.money import euros
from foundation.objections import Objection, objection_words
from foundation.parameters import Dated

NOTIFIED = frozenset({"start", "top-up", "insufficient", "stop", "reopening", "restart"})
"""The decisions that are told by a notice; a use is seen as a movement between one's own purses."""


@dataclass(frozen=True, slots=True)
class Words:
    """A notice as it is read; paragraphs of the text are a blank line apart."""

    subject: str
    text: str


def words_of(decision: Decision, number: str, object_until: date, objection_address: str) -> Words:
    """Put a notice into words; `number` is what the decision is called in an objection."""
    policy = policy_on(decision.quarter.start)
    because = quarters_in_words(
        reasons(
            decision.kind,
            decision.quarter,
            decision.amount,
            decision.hours,
            decision.wage,
            decision.budget_before,
            policy,
        )
    )
    subject, decided = _decided(decision)
    paragraphs = [
        f"Beste deelnemer, wij hebben besloten: {decided}",
        f"Waarom? {because[0].upper()}{because[1:]}",
        _rule(decision, policy),
        *_advice(decision),
        objection_words(Objection(number, object_until, objection_address)),
    ]
    return Words(subject, "\n\n".join(paragraphs))


def _decided(decision: Decision) -> tuple[str, str]:
    """Give the subject, and what was decided in one sentence."""
    quarter = quarters_in_words(str(decision.quarter))
    match decision.kind:
        case "start":
            return "U doet mee met het burgerbudget", "u doet mee met het burgerbudget."
        case "top-up" if decision.amount:
            return (
                "Wij vullen uw burgerbudget aan",
                f"wij vullen uw burgerbudget aan met € {euros(decision.amount)}.",
            )
        case "top-up":
            return "U werkte genoeg uren", f"u werkte genoeg uren in {quarter}."
        case "insufficient":
            return "Wij vullen uw burgerbudget niet aan", f"wij vullen uw burgerbudget niet aan na {quarter}."
        case "stop":
            return "Uw deelname aan het burgerbudget stopt", f"uw deelname aan het burgerbudget stopt na {quarter}."
        case "reopening":
            return "Uw deelname aan het burgerbudget gaat door", "uw deelname aan het burgerbudget stopt toch niet."
        case "restart":
            return "U doet weer mee met het burgerbudget", "u doet weer mee met het burgerbudget."
        case _:
            raise AssertionError(f"a decision of kind {decision.kind} has no notice")


def _rule(decision: Decision, policy: BurgerbudgetPolicy) -> str:
    """Give the rule in words, with its number and since when it is as it is."""
    enough, ceiling = hours_in_words(policy.threshold), f"€ {euros(policy.ceiling)}"
    since: tuple[Dated[Any], ...]
    match decision.kind:
        case "start":
            number, since = "BB-1", (PARAMETERS.ceiling,)
            rule = f"wie voor het eerst meedoet, krijgt één keer een burgerbudget van {ceiling}."
        case "top-up":
            number, since = "BB-4", (PARAMETERS.threshold, PARAMETERS.ceiling)
            rule = f"na een kwartaal met {enough} of meer vullen wij het burgerbudget aan tot {ceiling}."
        case "insufficient":
            number, since = "BB-5", (PARAMETERS.threshold, PARAMETERS.stop_after)
            rule = (
                f"na een kwartaal met minder dan {enough} vullen wij het burgerbudget niet aan."
                f" Na {policy.stop_after} van die kwartalen achter elkaar stopt de deelname."
            )
        case "stop":
            number, since = "BB-6", (PARAMETERS.threshold, PARAMETERS.stop_after)
            rule = f"na {policy.stop_after} kwartalen achter elkaar met minder dan {enough} stopt de deelname."
        case "reopening":
            number, since = "BB-9", (PARAMETERS.threshold, PARAMETERS.stop_after)
            rule = "uren die later worden bevestigd, tellen mee voor het kwartaal waarin u ze werkte."
        case _:
            number, since = "BB-7", (PARAMETERS.ceiling,)
            rule = "wie opnieuw begint, houdt het burgerbudget dat er nog was. Er komt geen nieuw startbedrag bij."
    return (
        f"De regel is: {rule} Dit is regel {number} van het burgerbudget,"
        f" zoals die geldt sinds {day_in_words(_since(decision, since))}."
    )


def _since(decision: Decision, parameters: tuple[Dated[Any], ...]) -> date:
    return max(parameter.period_on(decision.quarter.start).start for parameter in parameters)


def _advice(decision: Decision) -> list[str]:
    """Say what one can do beside objecting."""
    late = "Kloppen uw uren niet? Vraag uw organisatie om ze te verbeteren of alsnog te bevestigen."
    again = "Wilt u later opnieuw beginnen? Dat kan. Vraag het aan uw contactpersoon bij de gemeente."
    match decision.kind:
        case "insufficient":
            return [f"{late} Werkte u toch genoeg uren, dan vullen wij uw burgerbudget alsnog aan."]
        case "stop":
            return [f"{late} Werkte u toch genoeg uren, dan doet u weer mee. {again}"]
        case _:
            return []
