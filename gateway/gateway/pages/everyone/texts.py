"""The words of the pages for everyone: plain Dutch (B1)."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.access import Role


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What went wrong, what the reader can do, and whether signing in is what to do."""

    title: str
    advice: str
    sign_in: bool = False


_ERRORS = {
    400: ErrorText("Dit adres klopt niet helemaal", "Ga terug naar de vorige pagina en probeer het opnieuw."),
    401: ErrorText(
        "U bent niet aangemeld",
        "Meld u aan om deze pagina te zien. Was u al aangemeld en deed u even niets? "
        "Dan melden wij u af. Dat is veiliger.",
        sign_in=True,
    ),
    403: ErrorText(
        "Deze pagina is niet voor u",
        "U mag deze pagina niet bekijken. Denkt u dat dit niet klopt? Bel de gemeente.",
    ),
    404: ErrorText(
        "Deze pagina is er niet",
        "Misschien klopt het adres niet, of is de pagina weg. Begin opnieuw op de startpagina.",
    ),
    405: ErrorText("Dit kan hier niet", "Begin opnieuw op de startpagina."),
    413: ErrorText("Dat is te groot", "Ga terug en vul minder in."),
    415: ErrorText("Dit kan hier niet", "Ga terug en gebruik het formulier op de pagina."),
    500: ErrorText("Er ging bij ons iets mis", "Probeer het over een paar minuten opnieuw. Uw geld is veilig."),
    502: ErrorText(
        "Wij kunnen uw gegevens nu niet ophalen",
        "Probeer het over een paar minuten opnieuw. Uw geld is veilig.",
    ),
    503: ErrorText(
        "Wij kunnen uw gegevens nu niet ophalen",
        "Probeer het over een paar minuten opnieuw. Uw geld is veilig.",
    ),
    504: ErrorText(
        "Het duurt te lang", "Het is nu druk. Probeer het over een paar minuten opnieuw. Uw geld is veilig."
    ),
}


def error_text(status: int) -> ErrorText:
    """Give the words for a status; one that has none of its own gets those of its family."""
    return _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])


@dataclass(frozen=True, slots=True)
class RoleText:
    """How a role is called, and who that is."""

    role: Role
    name: str
    hint: str
    page: str | None = None
    """The address of the role's own page; None where there is none yet."""
    page_name: str = ""


ROLES = (
    RoleText(Role.PASS_HOLDER, "Pashouder", "U heeft geld of tegoed van de gemeente.", "/mijn", "Mijn geld"),
    RoleText(Role.ORGANISATION, "Vrijwilligersorganisatie", "U geeft uren van vrijwilligers door."),
    RoleText(Role.PROVIDER, "Aanbieder", "U levert bellen of passen."),
    RoleText(Role.HELPER, "Hulpverlener", "U helpt inwoners met geldzaken."),
    RoleText(Role.CASEWORKER, "Klantmanager", "U behandelt aanvragen bij de gemeente."),
    RoleText(Role.FINANCE_MAKER, "Financiën, opsteller", "U maakt betalingen klaar."),
    RoleText(Role.FINANCE_CHECKER, "Financiën, controleur", "U keurt betalingen goed."),
    RoleText(Role.AUDITOR, "Auditor", "U controleert de boekhouding."),
    RoleText(Role.ADMIN, "Beheerder", "U beheert het systeem."),
)
