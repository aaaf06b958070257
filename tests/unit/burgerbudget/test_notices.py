"""What a notice says, to the letter (BB-4, Awb 3:41, 3:45 and 6:7)."""

from __future__ import annotations

from datetime import date

import pytest

from burgerbudget.rules.notices import NOTIFIED, words_of
from burgerbudget.rules.settlement import Decision
from foundation.hours import Hours
from foundation.money import Cents
from foundation.periods import Quarter

ADDRESS = "Gemeente X, Postbus 8, 1234 AB Xdorp"
OBJECTION = (
    "Bent u het niet eens met dit besluit? Dan kunt u bezwaar maken tot en met 12 november 2026. Dat kost niets."
    " Stuur een brief naar: Gemeente X, Postbus 8, 1234 AB Xdorp. Schrijf in de brief uw naam, uw adres, de datum,"
    " het nummer van dit besluit en waarom u het niet eens bent. Zet uw handtekening eronder."
    " Het nummer van dit besluit is 0190-7."
)


def told(kind: str, amount: int, hours: int, budget_before: int, quarter: str = "2026-Q3") -> tuple[str, list[str]]:
    decision = Decision(kind, Quarter.parse(quarter), Cents(amount), Hours(hours), None, Cents(budget_before))
    words = words_of(decision, "0190-7", date(2026, 11, 12), ADDRESS)
    return words.subject, words.text.split("\n\n")


def test_a_top_up() -> None:
    assert told("top-up", 53964, 144, 46036) == (
        "Wij vullen uw burgerbudget aan",
        [
            "Beste deelnemer, wij hebben besloten: wij vullen uw burgerbudget aan met € 539,64.",
            (
                "Waarom? U werkte 36 uur in het 3e kwartaal van 2026; 36 uur is genoeg."
                " Uw burgerbudget wordt van € 460,36 aangevuld tot € 1.000,00."
            ),
            (
                "De regel is: na een kwartaal met 36 uur of meer vullen wij het burgerbudget aan tot € 1.000,00."
                " Dit is regel BB-4 van het burgerbudget, zoals die geldt sinds 1 juli 2023."
            ),
            OBJECTION,
        ],
    )


def test_a_sufficient_quarter_without_a_top_up() -> None:
    assert told("top-up", 0, 160, 100_000) == (
        "U werkte genoeg uren",
        [
            "Beste deelnemer, wij hebben besloten: u werkte genoeg uren in het 3e kwartaal van 2026.",
            (
                "Waarom? U werkte 40 uur in het 3e kwartaal van 2026; 36 uur is genoeg."
                " Uw burgerbudget is al € 1.000,00; aanvullen is niet nodig."
            ),
            (
                "De regel is: na een kwartaal met 36 uur of meer vullen wij het burgerbudget aan tot € 1.000,00."
                " Dit is regel BB-4 van het burgerbudget, zoals die geldt sinds 1 juli 2023."
            ),
            OBJECTION,
        ],
    )


def test_an_insufficient_quarter() -> None:
    assert told("insufficient", 0, 143, 46411) == (
        "Wij vullen uw burgerbudget niet aan",
        [
            "Beste deelnemer, wij hebben besloten: wij vullen uw burgerbudget niet aan na het 3e kwartaal van 2026.",
            (
                "Waarom? U werkte 35,75 uur in het 3e kwartaal van 2026; voor een aanvulling is 36 uur nodig."
                " Uw burgerbudget blijft € 464,11; er wordt niets teruggehaald."
            ),
            (
                "De regel is: na een kwartaal met minder dan 36 uur vullen wij het burgerbudget niet aan."
                " Na 4 van die kwartalen achter elkaar stopt de deelname."
                " Dit is regel BB-5 van het burgerbudget, zoals die geldt sinds 1 juli 2023."
            ),
            (
                "Kloppen uw uren niet? Vraag uw organisatie om ze te verbeteren of alsnog te bevestigen."
                " Werkte u toch genoeg uren, dan vullen wij uw burgerbudget alsnog aan."
            ),
            OBJECTION,
        ],
    )


def test_a_stop() -> None:
    assert told("stop", 0, 0, 100_000, "2026-Q2") == (
        "Uw deelname aan het burgerbudget stopt",
        [
            "Beste deelnemer, wij hebben besloten: uw deelname aan het burgerbudget stopt na het 2e kwartaal van 2026.",
            (
                "Waarom? Het 2e kwartaal van 2026 is uw 4e kwartaal achter elkaar met minder dan 36 uur. Daarom stopt uw"
                " deelname. Uw burgerbudget blijft € 1.000,00; er wordt niets teruggehaald."
            ),
            (
                "De regel is: na 4 kwartalen achter elkaar met minder dan 36 uur stopt de deelname."
                " Dit is regel BB-6 van het burgerbudget, zoals die geldt sinds 1 juli 2023."
            ),
            (
                "Kloppen uw uren niet? Vraag uw organisatie om ze te verbeteren of alsnog te bevestigen."
                " Werkte u toch genoeg uren, dan doet u weer mee. Wilt u later opnieuw beginnen? Dat kan."
                " Vraag het aan uw contactpersoon bij de gemeente."
            ),
            OBJECTION,
        ],
    )


def test_a_reopening() -> None:
    assert told("reopening", 0, 144, 100_000, "2026-Q2") == (
        "Uw deelname aan het burgerbudget gaat door",
        [
            "Beste deelnemer, wij hebben besloten: uw deelname aan het burgerbudget stopt toch niet.",
            (
                "Waarom? Voor het 2e kwartaal van 2026 zijn later uren bevestigd: u werkte toch 36 uur; 36 uur is genoeg."
                " Daardoor zijn er geen 4 kwartalen achter elkaar meer met te weinig uren."
            ),
            (
                "De regel is: uren die later worden bevestigd, tellen mee voor het kwartaal waarin u ze werkte."
                " Dit is regel BB-9 van het burgerbudget, zoals die geldt sinds 1 juli 2023."
            ),
            OBJECTION,
        ],
    )


def test_a_start_and_a_restart() -> None:
    assert told("start", 100_000, 0, 0) == (
        "U doet mee met het burgerbudget",
        [
            "Beste deelnemer, wij hebben besloten: u doet mee met het burgerbudget.",
            "Waarom? U doet mee vanaf het 3e kwartaal van 2026. Uw burgerbudget begint met € 1.000,00.",
            (
                "De regel is: wie voor het eerst meedoet, krijgt één keer een burgerbudget van € 1.000,00."
                " Dit is regel BB-1 van het burgerbudget, zoals die geldt sinds 1 juli 2023."
            ),
            OBJECTION,
        ],
    )
    assert told("restart", 0, 0, 46411) == (
        "U doet weer mee met het burgerbudget",
        [
            "Beste deelnemer, wij hebben besloten: u doet weer mee met het burgerbudget.",
            "Waarom? U doet weer mee vanaf het 3e kwartaal van 2026. Uw burgerbudget is nog € 464,11.",
            (
                "De regel is: wie opnieuw begint, houdt het burgerbudget dat er nog was. Er komt geen nieuw startbedrag bij."
                " Dit is regel BB-7 van het burgerbudget, zoals die geldt sinds 1 juli 2023."
            ),
            OBJECTION,
        ],
    )


@pytest.mark.parametrize("kind", sorted(NOTIFIED))
def test_every_kind_of_notice_has_a_subject_of_its_own_and_names_its_rule(kind: str) -> None:
    subject, paragraphs = told(kind, 0, 144, 100_000)
    others = {told(other, 0, 144, 100_000)[0] for other in NOTIFIED - {kind}}
    assert subject not in others
    assert any("Dit is regel BB-" in paragraph for paragraph in paragraphs)


def test_a_use_is_no_notice() -> None:
    assert "use" not in NOTIFIED
    with pytest.raises(AssertionError):
        told("use", 2998, 8, 100_000)
