"""What decisions say to the participant (BB-4)."""

from __future__ import annotations

from datetime import date

import pytest

from burgerbudget.parameters import policy_on
from burgerbudget.rules.reasons import reasons
from foundation.hours import Hours
from foundation.money import Cents
from foundation.objections import object_until
from foundation.periods import Quarter

QUARTER = Quarter(2026, 3)
POLICY = policy_on(date(2026, 7, 1))


def say(kind: str, amount: int, hours: int, budget_before: int) -> str:
    return reasons(kind, QUARTER, Cents(amount), Hours(hours), Cents(1499), Cents(budget_before), POLICY)


def test_a_top_up_names_hours_threshold_and_what_the_budget_became() -> None:
    assert say("top-up", 53964, 144, 46036) == (
        "U werkte 36 uur in 2026-Q3; 36 uur is genoeg. Uw burgerbudget wordt van € 460,36 aangevuld tot € 1.000,00."
    )


def test_a_sufficient_quarter_with_a_full_budget_says_that_nothing_is_needed() -> None:
    assert say("top-up", 0, 160, 100_000) == (
        "U werkte 40 uur in 2026-Q3; 36 uur is genoeg. Uw burgerbudget is al € 1.000,00; aanvullen is niet nodig."
    )


def test_an_insufficient_quarter_says_what_was_needed_and_that_nothing_is_taken_back() -> None:
    assert say("insufficient", 0, 143, 46411) == (
        "U werkte 35,75 uur in 2026-Q3; voor een aanvulling is 36 uur nodig. "
        "Uw burgerbudget blijft € 464,11; er wordt niets teruggehaald."
    )


def test_a_use_says_what_moved_and_why_nothing_did() -> None:
    assert "tegen € 14,99 per uur. Daarom ging € 29,98 van" in say("use", 2998, 8, 100_000)
    assert "Er ging niets naar vrij te besteden: uw burgerbudget was € 0,00." in say("use", 0, 8, 0)


def test_a_stop_says_how_many_quarters_and_that_the_budget_stays() -> None:
    assert say("stop", 0, 0, 46411) == (
        "2026-Q3 is uw 4e kwartaal achter elkaar met minder dan 36 uur. Daarom stopt uw deelname. "
        "Uw burgerbudget blijft € 464,11; er wordt niets teruggehaald."
    )


def test_a_reopening_says_which_quarter_became_enough() -> None:
    assert say("reopening", 0, 144, 100_000) == (
        "Voor 2026-Q3 zijn later uren bevestigd: u werkte toch 36 uur; 36 uur is genoeg. "
        "Daardoor zijn er geen 4 kwartalen achter elkaar meer met te weinig uren."
    )


def test_a_restart_says_from_when_and_what_is_still_there() -> None:
    assert say("restart", 0, 0, 46411) == "U doet weer mee vanaf 2026-Q3. Uw burgerbudget is nog € 464,11."


def test_a_kind_that_is_no_decision_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError):
        say("gift", 1, 1, 1)


def test_the_objection_term_is_six_weeks_from_the_day_after() -> None:
    assert object_until(date(2026, 10, 1), 6) == date(2026, 11, 12)
