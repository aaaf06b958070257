"""What the borrower is told (SK-7, SK-9, SK-10, Awb)."""

from __future__ import annotations

from datetime import date

from foundation.money import Cents
from foundation.objections import Objection
from sociaal_krediet.rules.products import Product
from sociaal_krediet.rules.reasons import (
    Outcome,
    Paid,
    arrears_words,
    decision_words,
    instalments_in_words,
    schedule_changed_words,
    settled_words,
)
from sociaal_krediet.rules.replaying import replay
from sociaal_krediet.rules.schedules import schedule
from tests.unit.sociaal_krediet.loan_facts import HUNDRED_IN_FOUR, pause, receipt

OBJECTION = Objection("B-17", date(2027, 1, 3), "Gemeente Voorbeeldstad, Postbus 1, 1234 AB Voorbeeldstad")
LEENBIJSTAND = Product(
    "leenbijstand", "Participatiewet, artikelen 48 tot en met 51", date(2023, 7, 1), None, "Participatiewet"
)
TO_OBJECT = (
    "Bent u het niet eens met dit besluit? Dan kunt u bezwaar maken tot en met 3 januari 2027. Dat kost niets."
    " Stuur een brief naar: Gemeente Voorbeeldstad, Postbus 1, 1234 AB Voorbeeldstad. Schrijf in de brief uw naam,"
    " uw adres, de datum, het nummer van dit besluit en waarom u het niet eens bent. Zet uw handtekening eronder."
    " Het nummer van dit besluit is B-17."
)


def test_sk7_a_loan_says_amount_reason_creditors_instalments_product_and_how_to_object() -> None:
    words = decision_words(
        Outcome(
            "loan",
            Cents(175000),
            "Zonder deze lening raakt u uw woning kwijt. ",
            [Paid("Woningstichting", Cents(150000)), Paid("Energie BV", Cents(25000))],
            schedule(Cents(175000), 36, date(2026, 12, 31)),
            LEENBIJSTAND,
        ),
        OBJECTION,
    )
    assert words.subject == "U krijgt een lening"
    assert words.text.split("\n\n") == [
        "Beste lezer, wij hebben besloten: u krijgt een lening van € 1.750,00.",
        "Waarom? Zonder deze lening raakt u uw woning kwijt.",
        "Wij betalen het geld voor u aan:\n- Woningstichting: € 1.500,00\n- Energie BV: € 250,00",
        (
            "U betaalt elke maand: 35 keer € 48,61 en daarna 1 keer € 48,65. De eerste keer is 31 december 2026,"
            " de laatste keer 30 november 2029. U betaalt geen rente en geen kosten."
        ),
        (
            "Eerder of meer terugbetalen mag altijd. Dat kost niets. Lukt betalen een keer niet? Zeg het ons of uw"
            " hulpverlener. Dan kijken wij samen naar een pauze of een lager bedrag."
        ),
        (
            "Dit is een lening van het soort leenbijstand. De wet waarop zij rust is: Participatiewet, artikelen 48 tot en"
            " met 51."
        ),
        TO_OBJECT,
    ]


def test_sk7_a_gift_has_no_instalments_and_says_that_nothing_is_paid_back() -> None:
    words = decision_words(
        Outcome("gift", Cents(50000), "U kunt dit niet terugbetalen.", [Paid("Energie BV", Cents(50000))]), OBJECTION
    )
    assert words.subject == "U krijgt een gift"
    assert words.text.split("\n\n") == [
        "Beste lezer, wij hebben besloten: u krijgt een gift van € 500,00. U hoeft dit geld niet terug te betalen.",
        "Waarom? U kunt dit niet terugbetalen.",
        "Wij betalen het geld voor u aan:\n- Energie BV: € 500,00",
        TO_OBJECT,
    ]


def test_sk7_a_refusal_says_why_where_else_to_ask_and_how_to_object() -> None:
    words = decision_words(Outcome("refused", Cents(50000), "U heeft dit geld zelf."), OBJECTION)
    assert words.subject == "U krijgt geen lening of gift"
    assert words.text.split("\n\n") == [
        "Beste lezer, wij hebben besloten: u krijgt de gevraagde € 500,00 niet.",
        "Waarom? U heeft dit geld zelf.",
        "Heeft u hulp nodig met geld? Vraag uw hulpverlener wat er nog meer kan.",
        TO_OBJECT,
    ]


def test_sk10_the_message_about_arrears_is_friendly_and_names_no_costs() -> None:
    late = replay(HUNDRED_IN_FOUR, [receipt("a", date(2026, 2, 1), 1000)]).open_instalments[0]
    words = arrears_words(late, late.open, "RF18539007547034")
    assert words.text.split("\n\n") == [
        (
            "Beste lezer, op 31 januari 2026 was een termijn van uw lening aan de beurt. Daarvan hebben wij € 15,00 nog niet"
            " ontvangen."
        ),
        "Misschien bent u het vergeten. Heeft u net betaald? Dan hoeft u niets te doen.",
        "U kunt het bedrag overmaken. Zet dan dit kenmerk erbij: RF18539007547034.",
        "Wij rekenen geen kosten en geen rente. Ook niet als u later betaalt.",
        (
            "Lukt betalen een keer niet? Zeg het ons of uw hulpverlener. Dan kijken wij samen naar een pauze of een lager"
            " bedrag."
        ),
    ]
    assert "Samen met latere termijnen is nu € 40,00 te laat." in arrears_words(late, Cents(4000), "RF18").text


def test_sk9_a_changed_schedule_says_what_is_open_and_when_it_is_paid() -> None:
    state = replay(
        HUNDRED_IN_FOUR, [receipt("a", date(2026, 1, 31), 3000), pause(date(2026, 2, 1), 1, date(2026, 2, 1))]
    )
    text = schedule_changed_words(state).text
    assert text.startswith("Beste lezer, de termijnen van uw lening zijn veranderd. Er staat nog € 70,00 open.")
    assert "U betaalt elke maand: 2 keer € 25,00 en daarna 1 keer € 20,00. De eerste keer is 31 maart 2026" in text


def test_a_single_instalment_is_said_with_its_day() -> None:
    state = replay(HUNDRED_IN_FOUR, [receipt("a", date(2026, 4, 1), 8000)])
    assert "U betaalt 1 keer € 20,00, op 30 april 2026." in schedule_changed_words(state).text
    assert instalments_in_words(schedule(Cents(100000), 24, date(2027, 1, 1))) == (
        "23 keer € 41,67 en daarna 1 keer € 41,59"
    )


def test_the_last_letter_says_that_nothing_is_owed_and_why() -> None:
    paid = settled_words("repaid", Cents(175000), Cents(175000), Cents(139))
    assert paid.subject == "Uw lening is afbetaald"
    assert paid.text.split("\n\n") == [
        "Beste lezer, u heeft uw lening van € 1.750,00 helemaal terugbetaald. U bent ons niets meer schuldig.",
        "U betaalde € 1,39 te veel. Dat krijgt u van ons terug.",
        "Heeft u een automatische incasso voor deze lening? Wij stoppen die. U hoeft niets te doen.",
    ]
    assert "u heeft € 1.000,00 terugbetaald. De andere € 750,00 hoeft u niet terug te betalen." in (
        settled_words("repaid", Cents(175000), Cents(100000)).text
    )
    assert "wij maken van € 750,00 van uw lening een gift." in (
        settled_words("remitted", Cents(175000), Cents(100000)).text
    )
    assert "wij vragen u € 750,00 van uw lening niet meer terug." in (
        settled_words("writtenOff", Cents(175000), Cents(100000)).text
    )
