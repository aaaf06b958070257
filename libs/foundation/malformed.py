"""Malformed input in words: where it is, what is wrong with it and what belongs there, in the language of our users.

What was sent is never repeated: it may be personal data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foundation.refusals import Problem

MOST_FAULTS = 100
_MOST_NAMED = 5
UNREADABLE = "De inhoud van de aanvraag is niet te lezen. Kijk of zij volledig is en de juiste vorm heeft."
_SOMETHING = "Deze waarde past hier niet."
_TEXT = "Geef tekst."
_WHOLE_NUMBER = "Geef een geheel getal: zonder aanhalingstekens, komma of punt."
_NUMBER = "Geef een getal, met een punt voor de decimalen."
_YES_OR_NO = "Geef true of false."
_DAY = "Geef een datum als 2026-10-01."
_INSTANT = "Geef een tijdstip met tijdzone, als 2026-10-01T09:30:00Z."
_ID = "Geef een kenmerk (UUID) zoals het van ons kwam."
_OBJECT = "Geef een object: {{ … }}."
_LIST = "Geef een lijst: [ … ]."

# By the kinds of pydantic's errors; what is between braces is told by the error itself.
_TEXTS: Mapping[str, str] = {
    "missing": "Dit ontbreekt. Vul het in.",
    "extra_forbidden": "Dit veld is hier niet bekend. Laat het weg, of verbeter de naam.",
    "json_invalid": "De inhoud is geen geldige JSON; lees haar na.",
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_short": "Geef tekst van ten minste {min_length} teken(s).",
    "string_too_long": "Geef tekst van ten hoogste {max_length} teken(s).",
    "string_pattern_mismatch": "Dit heeft niet de vorm die hier hoort: {pattern}.",
    "int_type": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_parsing_size": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_max_digits": "Geef een getal van ten hoogste {max_digits} cijfers.",
    "decimal_max_places": "Geef een getal met ten hoogste {decimal_places} cijfer(s) achter de punt.",
    "decimal_whole_digits": "Geef een getal met ten hoogste {whole_digits} cijfer(s) voor de punt.",
    "greater_than": "Geef meer dan {gt}.",
    "greater_than_equal": "Geef ten minste {ge}.",
    "less_than": "Geef minder dan {lt}.",
    "less_than_equal": "Geef ten hoogste {le}.",
    "multiple_of": "Geef een veelvoud van {multiple_of}.",
    "bool_type": _YES_OR_NO,
    "bool_parsing": _YES_OR_NO,
    "enum": "Kies uit {expected}.",
    "literal_error": "Kies uit {expected}.",
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_object_invalid": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "timezone_aware": _INSTANT,
    "time_type": "Geef een tijd als 09:30.",
    "time_parsing": "Geef een tijd als 09:30.",
    "uuid_type": _ID,
    "uuid_parsing": _ID,
    "uuid_version": _ID,
    "list_type": _LIST,
    "too_short": "Geef er ten minste {min_length}; dit zijn er {actual_length}.",
    "too_long": "Geef er ten hoogste {max_length}; dit zijn er {actual_length}.",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
}


def faults_in(errors: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Give what pydantic found wrong as problems in words, the first `MOST_FAULTS` of them."""
    return [_fault(error) for error in errors[:MOST_FAULTS]]


def told(faults: Sequence[Problem]) -> str:
    """Say all of it in one sentence or two: where, and of a single fault what is wrong there."""
    if len(faults) == 1 and not faults[0].pointer:
        return faults[0].message
    where = ", ".join(fault.pointer or "de aanvraag" for fault in faults[:_MOST_NAMED])
    more = f" en op nog {len(faults) - _MOST_NAMED} plaatsen" if len(faults) > _MOST_NAMED else ""
    what = f" {faults[0].message}" if len(faults) == 1 else ""
    return f"De aanvraag is niet goed opgebouwd bij: {where}{more}.{what}"


def _fault(error: Mapping[str, Any]) -> Problem:
    kind = error["type"]
    code = "missing" if kind == "missing" else "malformed"
    # A fault in JSON has a place in the text, and none in what the text says.
    pointer = "" if kind == "json_invalid" else _pointer(error["loc"])
    return Problem(pointer, code, _words(kind, error.get("ctx") or {}))


def _words(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "value_error":
        # Our own check, in our own words.
        own = str(context["error"])
        return f"{own[:1].upper()}{own[1:].rstrip('.')}."
    choice = str(context.get("expected", "")).replace(" or ", " of ")
    return _TEXTS.get(kind, _SOMETHING).format_map({**context, "expected": choice})


def _pointer(location: Sequence[int | str]) -> str:
    source, *path = location
    return ("" if source == "body" else f"{source}") + "".join(f"/{part}" for part in path)
