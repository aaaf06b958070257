"""What a decision says to the participant: its reasons in plain Dutch, and until when one may object (BB-4, Awb)."""

from __future__ import annotations

from burgerbudget.parameters import BurgerbudgetPolicy
from foundation.hours import Hours, hours_text
from foundation.money import Cents, euros
from foundation.periods import Quarter


def reasons(
    kind: str,
    quarter: Quarter,
    amount: Cents,
    hours: Hours,
    wage: Cents | None,
    budget_before: Cents,
    policy: BurgerbudgetPolicy,
) -> str:
    """Say why a decision is as it is; `hours` are the quarter's so far, `policy` is that of the quarter."""
    worked, enough = hours_in_words(hours), hours_in_words(policy.threshold)
    match kind:
        case "start":
            return f"U doet mee vanaf {quarter}. Uw burgerbudget begint met € {euros(amount)}."
        case "use":
            text = f"In {quarter} zijn tot nu toe {worked} bevestigd, tegen € {euros(wage or 0)} per uur."
            if amount:
                return f"{text} Daarom ging € {euros(amount)} van uw burgerbudget naar vrij te besteden."
            return f"{text} Er ging niets naar vrij te besteden: uw burgerbudget was € {euros(budget_before)}."
        case "top-up":
            text = f"U werkte {worked} in {quarter}; {enough} is genoeg."
            if amount:
                after = euros(budget_before + amount)
                return f"{text} Uw burgerbudget wordt van € {euros(budget_before)} aangevuld tot € {after}."
            return f"{text} Uw burgerbudget is al € {euros(budget_before)}; aanvullen is niet nodig."
        case "insufficient":
            return (
                f"U werkte {worked} in {quarter}; voor een aanvulling is {enough} nodig. "
                f"Uw burgerbudget blijft € {euros(budget_before)}; er wordt niets teruggehaald."
            )
        case "stop":
            return (
                f"{quarter} is uw {policy.stop_after}e kwartaal achter elkaar met minder dan {enough}. "
                f"Daarom stopt uw deelname. Uw burgerbudget blijft € {euros(budget_before)}; er wordt niets teruggehaald."
            )
        case "reopening":
            return (
                f"Voor {quarter} zijn later uren bevestigd: u werkte toch {worked}; {enough} is genoeg. "
                f"Daardoor zijn er geen {policy.stop_after} kwartalen achter elkaar meer met te weinig uren."
            )
        case "restart":
            return f"U doet weer mee vanaf {quarter}. Uw burgerbudget is nog € {euros(budget_before)}."
        case _:
            raise AssertionError(f"there is no decision of kind {kind}")


def hours_in_words(hours: Hours) -> str:
    """Write hours the Dutch way: 143 quarter-hours are `35,75 uur`."""
    return f"{hours_text(hours).replace('.', ',')} uur"
