"""The SEPA character set: what any name becomes when only a bank's letters are left.

Allowed are a-z A-Z 0-9 / - ? : ( ) . , ' + and space (EPC217-08). Letters lose their accents, Greek and Cyrillic
are spelled out, and what has no spelling becomes a full stop, so that its place stays visible.
"""

from __future__ import annotations

import unicodedata

ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
NAME_LENGTH = 70
REMITTANCE_LENGTH = 140
IDENTIFICATION_LENGTH = 35
NAMELESS = "Rekeninghouder"
"""Stands for a name of which not one letter can be written: the bank needs a name, the payment must not stop."""

_SPELLED = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng", "Ŋ": "Ng",
    "ə": "e", "Ə": "E", "ĸ": "k", "ŧ": "t", "Ŧ": "T",
    "‘": "'", "’": "'", "‚": ",", "‛": "'", "`": "'", "´": "'", "ʼ": "'", "ʻ": "'", "“": "'", "”": "'", "„": "'",
    '"': "'", "«": "'", "»": "'", "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "_": "-", "~": "-",
    "&": "+", "€": "EUR", "@": "(at)", "[": "(", "]": ")", "{": "(", "}": ")", ";": ",", "\\": "/", "|": "/",
    "*": ".", "#": ".", "%": ".", "=": "-", "!": ".", "<": "(", ">": ")", "…": "...", "·": ".", "•": ".",
    "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ",
    # Greek
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
    # Cyrillic (Russian, Ukrainian, Bulgarian, Serbian)
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh", "з": "z", "и": "i",
    "і": "i", "ј": "j", "к": "k", "л": "l", "љ": "lj", "м": "m", "н": "n", "њ": "nj", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "ћ": "c", "ђ": "d", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "џ": "dz", "ш": "sh",
    "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia",
}  # fmt: skip
_INVISIBLE = frozenset({"Mn", "Me", "Cf", "Cc"})


def sepa_text(text: str, length: int) -> str:
    """Write `text` in the SEPA character set, single-spaced and at most `length` characters."""
    written = text
    if not ALLOWED.issuperset(text):
        written = "".join(_written(character) for character in unicodedata.normalize("NFC", text))
    # A slash at either end, or two together, is a separator to some banks' systems.
    while "//" in written:
        written = written.replace("//", "/")
    return " ".join(written.split())[:length].strip(" /")


def sepa_name(name: str) -> str:
    """Write a person's name for a bank, at most 70 characters; never empty."""
    written = sepa_text(name, NAME_LENGTH)
    return written if any(character.isalnum() for character in written) else NAMELESS


def _written(character: str) -> str:
    if character in ALLOWED:
        return character
    spelled = _SPELLED.get(character)
    if spelled is not None:
        return spelled
    lower = _SPELLED.get(character.lower())
    if lower is not None:
        return lower.capitalize()
    if unicodedata.category(character) in _INVISIBLE:
        return ""
    decomposed = unicodedata.normalize("NFKD", character)
    if decomposed == character:
        return "."
    return "".join(_written(part) for part in decomposed)
