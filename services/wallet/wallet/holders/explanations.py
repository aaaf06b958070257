"""What an entry says to the person whose money it is: plain Dutch made from the sealed code when it is read.

The ledger keeps a code and a reference of ids only, so that no sentence about a person is ever sealed and a better
sentence needs no correction.
"""

from __future__ import annotations

import re

from foundation.dutch import MONTHS
from foundation.periods import Month

_QUARTER = re.compile(r"\b(\d{4}-Q[1-4])\b")
_MONTH = re.compile(r"\b(\d{4}-(?:0[1-9]|1[0-2]))\b")

_TEXTS = {
    "burgerbudget.start": "Burgerbudget: startbedrag",
    "burgerbudget.use": "Vrijwilligerswerk: uren{quarter} naar vrij te besteden",
    "burgerbudget.top-up": "Burgerbudget: aanvulling na{quarter}",
    "belkosten.calls": "Belkosten: gesprekken{month}",
    "belkosten.credit": "Belkosten: nieuw beltegoed",
    "belkosten.purchase": "Belkosten: beltegoed gekocht",
    "belkosten.return": "Belkosten: wat over was, terug naar de gemeente",
    "payout.sent": "Uitbetaling naar uw bankrekening",
    "payout.returned": "Uitbetaling teruggekomen van de bank",
    "payout.rejected": "Uitbetaling geweigerd door de bank",
}
_KINDS = {
    "deposit": "Storting",
    "start": "Startbedrag",
    "use": "Gebruik",
    "top-up": "Aanvulling",
    "payout": "Uitbetaling naar uw bankrekening",
    "payout-return": "Uitbetaling teruggekomen van de bank",
    "payout-rejection": "Uitbetaling geweigerd door de bank",
    "credit": "Nieuw tegoed",
    "call": "Gesprek",
    "calls": "Gesprekken",
    "capture": "Besteed",
    "manual": "Correctie door de gemeente",
    "loan-overpayment": "Te veel afgelost: komt terug op uw bankrekening",
    "reversal": "Teruggedraaide boeking",
}
_UNKNOWN = "Overboeking"


def explanation(code: str | None, reference: str | None, kind: str) -> str:
    """Say in one line why money moved; falls back on the kind of journal where a code is not known."""
    text = _TEXTS.get(code or "") or _KINDS.get(kind, _UNKNOWN)
    if "{month}" in text:
        return text.format(month=_in_month(reference))
    if "{quarter}" not in text:
        return text
    found = _QUARTER.search(reference or "")
    if found:
        return text.format(quarter=f" in {found[1]}" if "uren" in text else f" {found[1]}")
    return text.format(quarter="" if "uren" in text else " een kwartaal")


def _in_month(reference: str | None) -> str:
    found = _MONTH.search(reference or "")
    if found is None:
        return ""
    month = Month.parse(found[1])
    return f" in {MONTHS[month.number - 1]} {month.year}"
