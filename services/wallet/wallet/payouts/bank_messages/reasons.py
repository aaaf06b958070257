"""What the bank's reason codes say, in plain Dutch (ISO 20022 external status and return reasons)."""

from __future__ import annotations

_TEXTS = {
    "AC01": "Rekeningnummer klopt niet",
    "AC04": "Rekening is opgeheven",
    "AC06": "Rekening is geblokkeerd",
    "AC13": "Soort rekening kan dit niet ontvangen",
    "AG01": "Betaling mag niet op deze rekening",
    "AG02": "Soort betaling klopt niet",
    "AM02": "Bedrag mag niet",
    "AM04": "Te weinig saldo op de rekening van de gemeente",
    "AM05": "Dubbele betaling volgens de bank",
    "BE04": "Adres van de ontvanger ontbreekt",
    "BE05": "Afzender onbekend",
    "CNOR": "Bank van de ontvanger is onbekend",
    "DNOR": "Bank van de gemeente is onbekend",
    "DUPL": "Dubbele betaling volgens de bank",
    "ED05": "Verrekening tussen banken mislukt",
    "FF01": "Bestand klopt niet",
    "FOCR": "Teruggegeven op verzoek",
    "MD07": "Rekeninghouder is overleden",
    "MS02": "Geweigerd door de ontvanger, zonder reden",
    "MS03": "Geweigerd door de bank, zonder reden",
    "NOAS": "Geen antwoord van de ontvanger",
    "RC01": "Bankcode klopt niet",
    "RR01": "Gegevens van de gemeente ontbreken",
    "RR02": "Naam of adres van de gemeente ontbreekt",
    "RR03": "Naam of adres van de ontvanger ontbreekt",
    "RR04": "Tegengehouden om wettelijke redenen",
    "TM01": "Te laat aangeleverd",
    "TECH": "Technische storing bij de bank",
    "blocked": "Uitbetalingen hieraan zijn geblokkeerd",
    "coolingOff": "Nieuwe rekening mag nog niet worden gebruikt",
    "inOtherBatch": "Zit in een andere uitbetaling",
    "noConfirmedIban": "Geen bevestigde rekening",
    "nothingAvailable": "Niets beschikbaar",
}


def reason_text(code: str | None) -> str | None:
    """Say what a reason code means; the code itself where we do not know it."""
    return None if code is None else _TEXTS.get(code, f"Reden van de bank: {code}")
